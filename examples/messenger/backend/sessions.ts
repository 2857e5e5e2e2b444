import { createHash, randomBytes } from 'node:crypto';

/** Lifetime of a session, ms. */
const LIFETIME_MS = 7 * 86_400_000;
/** Most sessions; the oldest goes first. */
const MAX_SESSIONS = 20_000;

interface Session {
  readonly account: string;
  readonly expiresAtMs: number;
}

/** The sessions of users who are logged in. Only hashes of the secrets are kept. */
export class Sessions {
  readonly #byHash = new Map<string, Session>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Begins a session, and returns its secret. */
  open(account: string): string {
    const secret = randomBytes(32).toString('base64url');
    this.#byHash.set(hash(secret), { account, expiresAtMs: this.#now() + LIFETIME_MS });
    const [oldest] = this.#byHash.keys();
    if (this.#byHash.size > MAX_SESSIONS && oldest !== undefined) this.#byHash.delete(oldest);
    return secret;
  }

  /** Returns the account of a session; undefined for a secret that is none, or no longer. */
  accountOf(secret: string): string | undefined {
    const session = this.#byHash.get(hash(secret));
    if (session === undefined) return undefined;
    if (session.expiresAtMs > this.#now()) return session.account;
    this.#byHash.delete(hash(secret));
    return undefined;
  }

  close(secret: string): void {
    this.#byHash.delete(hash(secret));
  }
}

const hash = (secret: string): string => createHash('sha256').update(secret).digest('base64');
