import { GlasskeyError } from '../../core/errors.ts';
import { CK, type Cryptoki, loadCryptoki } from './cryptoki.ts';

/** Opens a module file; for tests, another one than the system's. */
export type LoadCryptoki = (path: string) => Cryptoki;

/** A module may be initialised once in a process (PKCS #11 v2.40 §5.4): whoever names the same file shares it. */
const MODULES = new Map<string, Pkcs11Module>();

/**
 * A PKCS #11 module that is initialised. {@link renew} initialises it anew, which ends all sessions: its `epoch` tells its users.
 */
export class Pkcs11Module {
  readonly functions: Cryptoki;
  readonly #path: string;
  #users = 0;
  #epoch = 0;
  #isInitialised = false;
  #calls = 0;
  #idle: (() => void)[] = [];
  #renewing: Promise<void> | undefined;

  private constructor(path: string, load: LoadCryptoki) {
    this.#path = path;
    this.functions = load(path);
  }

  /** The module of this file, loaded where it is not yet. Throws `hsm-refused`, and what the module throws. */
  static open(path: string, load: LoadCryptoki = loadCryptoki): Pkcs11Module {
    const module = MODULES.get(path) ?? new Pkcs11Module(path, load);
    if (!module.#isInitialised) module.#initialise();
    MODULES.set(path, module);
    module.#users++;
    return module;
  }

  /** Rises whenever all sessions have ended. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Does what other threads of this process may do at the same time, but not while the module ends: many crash then. */
  async run<T>(work: (functions: Cryptoki) => Promise<T>): Promise<T> {
    while (this.#renewing !== undefined) await this.#renewing.catch(() => undefined);
    this.#calls++;
    try {
      return await work(this.functions);
    } finally {
      this.#calls--;
      if (this.#calls === 0) for (const wake of this.#idle.splice(0)) wake();
    }
  }

  /**
   * Ends all sessions and initialises again, unless that was done since `epoch`: a module whose device was gone often needs it. Throws
   * `hsm-unavailable` where calls still hang after `patienceMs`, and what the module throws.
   */
  async renew(epoch: number, patienceMs: number): Promise<void> {
    await this.#renewing?.catch(() => undefined);
    if (this.#epoch !== epoch && this.#isInitialised) return;
    this.#renewing ??= this.#renew(patienceMs).finally(() => (this.#renewing = undefined));
    await this.#renewing;
  }

  /** Gives it back; the last user ends the module, unless a call hangs in it. */
  close(): void {
    this.#users--;
    if (this.#users > 0 || this.#calls > 0) return;
    this.#finalise();
    MODULES.delete(this.#path);
  }

  async #renew(patienceMs: number): Promise<void> {
    await this.#untilIdle(patienceMs);
    this.#finalise();
    this.#initialise();
  }

  /** Locks of the operating system: signatures are made in several threads. */
  #initialise(): void {
    this.functions.C_Initialize({ flags: CK.osLockingOk });
    this.#isInitialised = true;
    this.#epoch++;
  }

  #finalise(): void {
    if (!this.#isInitialised) return;
    this.#isInitialised = false;
    try {
      this.functions.C_Finalize();
    } catch {
      // It is to begin anew: how it ended does not matter.
    }
  }

  #untilIdle(patienceMs: number): Promise<void> {
    if (this.#calls === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new GlasskeyError('hsm-unavailable', 'a call hangs in the PKCS #11 module'));
      const timer = setTimeout(late, patienceMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
