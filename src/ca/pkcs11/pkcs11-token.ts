import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { CK, type Cryptoki, type Handle, isLoggedIn, isPinRefused } from './cryptoki.ts';
import { generateTokenKey } from './generate-token-key.ts';
import { type LoadCryptoki, Pkcs11Module } from './pkcs11-module.ts';
import { describeKey, findTokenKey, hasTokenKey, type TokenKey, type TokenKeyName } from './token-key.ts';

/** Names a token and how to use it. */
export interface TokenOptions {
  /** File of the PKCS #11 module. */
  readonly module: string;
  /** Label of the token, or the number of its slot. */
  readonly token: string | number;
  /** PIN of the token's user. Kept in memory for later logins; never part of an error. */
  readonly pin: string;
  /** Most signatures at once. Default 4. */
  readonly sessions?: number | undefined;
  /** Time after which a call counts as hung, ms. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Loads the module. Default: with pkcs11js. */
  readonly load?: LoadCryptoki;
}

/** A logged-in user's sessions. The module no longer knows those of a lost login. */
interface Login {
  readonly epoch: number;
  readonly free: Handle[];
  readonly waiting: ((session: Handle | undefined) => void)[];
  readonly keys: Map<string, TokenKey>;
  isLost: boolean;
}

/** Time without calls to the token after a failure, ms. Callers get an error at once meanwhile. */
const REST_MS = 1_000;
/** Room for any signature made here. */
const SIGNATURE_ROOM = 128;

/**
 * A PKCS #11 token with a logged-in user. After a failed call it gives up all sessions, initialises the module again,
 * logs in again, and retries the signature once. It never retries a refused PIN, because that may lock the token.
 */
export class Pkcs11Token {
  readonly #options: TokenOptions;
  readonly #module: Pkcs11Module;
  readonly #timeoutMs: number;
  /** Public keys found so far, by name. */
  readonly #known = new Map<string, Uint8Array>();
  #login: Login | undefined;
  #opening: Promise<Login> | undefined;
  #lostEpoch: number | undefined;
  #restsUntil = -Infinity;
  #failure: GlasskeyError | undefined;
  #refusal: GlasskeyError | undefined;

  private constructor(options: TokenOptions, module: Pkcs11Module) {
    this.#options = options;
    this.#module = module;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  /**
   * Opens the token. Throws `hsm-refused` if the module cannot be loaded or the PIN is wrong, and `hsm-unavailable` if
   * there is no such token.
   */
  static async open(options: TokenOptions): Promise<Pkcs11Token> {
    const token = new Pkcs11Token(options, openModule(options));
    try {
      await token.#current();
      return token;
    } catch (error) {
      token.close();
      throw error;
    }
  }

  /** Looks up a key. Throws as `findTokenKey` does, and `hsm-unavailable`. */
  async find(name: TokenKeyName): Promise<Pick<TokenKey, 'algorithm' | 'spki'>> {
    const key = await this.#withSession(async (functions, session) => findTokenKey(functions, session, name));
    this.#known.set(nameOf(name), key.spki);
    return { algorithm: key.algorithm, spki: key.spki };
  }

  /** Returns true if the token has a key of this name. Throws `hsm-unavailable`. */
  async has(name: TokenKeyName): Promise<boolean> {
    return this.#withSession(async (functions, session) => hasTokenKey(functions, session, name));
  }

  /** Creates a key pair in the token, which never releases the private key. Throws `hsm-refused`, `hsm-unavailable`. */
  async generate(name: Required<TokenKeyName>, algorithm: SignerAlgorithm): Promise<void> {
    const login = await this.#current();
    await this.#module.run((functions) =>
      generateTokenKey(functions, findSlot(functions, this.#options.token), name, algorithm),
    );
    login.keys.delete(nameOf(name));
  }

  /**
   * Signs with a key from {@link find}. Throws `hsm-unavailable` if the token does not answer, even after another
   * login.
   */
  async sign(name: TokenKeyName, mechanism: number, data: Uint8Array): Promise<Uint8Array> {
    return this.#withSession(async (functions, session, login) => {
      const { handle } = this.#key(functions, session, login, name);
      functions.C_SignInit(session, { mechanism }, handle);
      return new Uint8Array(await functions.C_SignAsync(session, Buffer.from(data), Buffer.alloc(SIGNATURE_ROOM)));
    });
  }

  /** Closes the token. Signatures under way fail. */
  close(): void {
    if (this.#login !== undefined) this.#lose(this.#login);
    this.#refusal ??= new GlasskeyError('hsm-unavailable', 'the token is closed');
    this.#module.close();
  }

  /** Returns the key in this login. After another login it must still be the same. */
  #key(functions: Cryptoki, session: Handle, login: Login, name: TokenKeyName): TokenKey {
    const known = login.keys.get(nameOf(name));
    if (known !== undefined) return known;
    const before = this.#known.get(nameOf(name));
    const key = findAgain(functions, session, name);
    const isSame = before !== undefined && equalBytes(before, key.spki);
    ensure(isSame, 'hsm-unavailable', `the token's key ${describeKey(name)} has changed`);
    login.keys.set(nameOf(name), key);
    return key;
  }

  async #withSession<T>(work: (functions: Cryptoki, session: Handle, login: Login) => Promise<T>): Promise<T> {
    for (let failures = 0; ;) {
      const login = await this.#current();
      const session = await take(login);
      if (session === undefined) continue;
      try {
        const result = await this.#inTime(
          this.#module.run(async (functions) => {
            // Handles of an earlier epoch may refer to other sessions and keys now.
            if (login.epoch !== this.#module.epoch) throw new Error('the module was initialised again');
            return work(functions, session, login);
          }),
        );
        giveBack(login, session);
        return result;
      } catch (error) {
        if (isGlasskeyError(error) && error.code !== 'hsm-unavailable') {
          giveBack(login, session);
          throw error;
        }
        this.#lose(login);
        failures++;
        if (failures < 2 && !isGlasskeyError(error)) continue;
        throw this.#rest(error);
      }
    }
  }

  async #current(): Promise<Login> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const login = this.#login;
    if (login !== undefined && login.epoch === this.#module.epoch && !login.isLost) return login;
    if (login !== undefined) this.#lose(login);
    if (performance.now() < this.#restsUntil) throw unavailable(this.#failure);
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<Login> {
    try {
      if (this.#lostEpoch !== undefined) await this.#module.renew(this.#lostEpoch, this.#timeoutMs);
      const login = await this.#module.run(async (functions) => this.#logIn(functions));
      this.#lostEpoch = undefined;
      return (this.#login = login);
    } catch (error) {
      const failure = this.#rest(error);
      if (isPinRefused(error)) {
        const advice = 'correct it and restart; another attempt may lock the token';
        this.#refusal = new GlasskeyError('hsm-refused', `the token refuses the PIN: ${advice}`, { cause: error });
        throw this.#refusal;
      }
      throw failure;
    }
  }

  #rest(error: unknown): GlasskeyError {
    this.#restsUntil = performance.now() + REST_MS;
    return (this.#failure = unavailable(error));
  }

  #logIn(functions: Cryptoki): Login {
    const { token, pin, sessions = 4 } = this.#options;
    const slot = findSlot(functions, token);
    const open = (): Handle => functions.C_OpenSession(slot, CK.serialSession);
    const first = open();
    try {
      functions.C_Login(first, CK.user, pin);
    } catch (error) {
      if (!isLoggedIn(error)) throw error;
    }
    const free = [first, ...Array.from({ length: sessions - 1 }, open)];
    return { epoch: this.#module.epoch, free, waiting: [], keys: new Map(), isLost: false };
  }

  #lose(login: Login): void {
    if (login.isLost) return;
    login.isLost = true;
    this.#lostEpoch = login.epoch;
    if (this.#login === login) this.#login = undefined;
    for (const wake of login.waiting.splice(0)) wake(undefined);
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new GlasskeyError('hsm-unavailable', 'the token does not answer');
      timer = setTimeout(() => reject(error), this.#timeoutMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Finds a key that was there before. If it is gone, the token is not the same one. */
function findAgain(functions: Cryptoki, session: Handle, name: TokenKeyName): TokenKey {
  try {
    return findTokenKey(functions, session, name);
  } catch (error) {
    throw isGlasskeyError(error) ? new GlasskeyError('hsm-unavailable', error.message, { cause: error }) : error;
  }
}

function openModule({ module, load }: TokenOptions): Pkcs11Module {
  try {
    return Pkcs11Module.open(module, load);
  } catch (error) {
    throw isGlasskeyError(error) ? error : unavailable(error);
  }
}

function take(login: Login): Promise<Handle | undefined> | Handle | undefined {
  if (login.isLost) return undefined;
  return login.free.pop() ?? new Promise((resolve) => login.waiting.push(resolve));
}

function giveBack(login: Login, session: Handle): void {
  const next = login.waiting.shift();
  if (next === undefined) login.free.push(session);
  else next(session);
}

/** Finds the slot that holds the token. Throws `hsm-unavailable` if no slot does, or several tokens have the label. */
function findSlot(functions: Cryptoki, token: string | number): Handle {
  const found = functions.C_GetSlotList(true).filter((slot) => {
    if (typeof token === 'number') return slot.readUIntLE(0, Math.min(slot.length, 6)) === token;
    const { label, flags } = functions.C_GetTokenInfo(slot);
    return (flags & CK.tokenInitialized) !== 0 && label.trimEnd() === token;
  });
  const [slot] = found;
  const which = typeof token === 'number' ? `in slot ${token}` : `with the label "${token}"`;
  if (slot === undefined) throw new GlasskeyError('hsm-unavailable', `found no token ${which}`);
  if (found.length > 1)
    throw new GlasskeyError('hsm-unavailable', `found ${found.length} tokens ${which}: name one by its slot`);
  return slot;
}

function nameOf({ label, id }: TokenKeyName): string {
  return JSON.stringify([label, id]);
}

/** Includes the module's own name of the failure, such as CKR_DEVICE_REMOVED, for the operator. */
function unavailable(cause: unknown): GlasskeyError {
  if (isGlasskeyError(cause, 'hsm-unavailable')) return cause;
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new GlasskeyError('hsm-unavailable', `the token is unavailable${why}`, { cause });
}
