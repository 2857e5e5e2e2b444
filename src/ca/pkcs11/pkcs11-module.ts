import { GlasskeyError } from '../../core/errors.ts';
import { CK, type Cryptoki, loadCryptoki } from './cryptoki.ts';

/** Opens a module file. Tests pass their own. */
export type LoadCryptoki = (path: string) => Cryptoki;

/** A process may initialise a module only once (PKCS #11 v2.40 §5.4), so all users of one file share it. */
const MODULES = new Map<string, Pkcs11Module>();

/** An initialised PKCS #11 module. {@link renew} initialises it again, which ends all sessions; `epoch` then rises. */
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

  /** Returns the module of this file, and loads it if needed. Throws `hsm-refused`, and what the module throws. */
  static open(path: string, load: LoadCryptoki = loadCryptoki): Pkcs11Module {
    const module = MODULES.get(path) ?? new Pkcs11Module(path, load);
    if (!module.#isInitialised) module.#initialise();
    MODULES.set(path, module);
    module.#users++;
    return module;
  }

  /** Rises when all sessions end. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Runs `work`, possibly at the same time as other threads of this process, but never while the module ends: many
   * modules crash then.
   */
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
   * Ends all sessions and initialises again, unless that happened since `epoch`. A module often needs this after its
   * device was gone. Throws `hsm-unavailable` if calls still hang after `patienceMs`, and what the module throws.
   */
  async renew(epoch: number, patienceMs: number): Promise<void> {
    await this.#renewing?.catch(() => undefined);
    if (this.#epoch !== epoch && this.#isInitialised) return;
    this.#renewing ??= this.#renew(patienceMs).finally(() => (this.#renewing = undefined));
    await this.#renewing;
  }

  /** Releases the module. The last user ends it, unless a call hangs in it. */
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

  /** Uses locks of the operating system, because several threads sign. */
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
      // The module starts again, so a failure to end it does not matter.
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
