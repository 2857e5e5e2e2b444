import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { ACCOUNT_NAME, LIMITS, RESERVED_NAMES } from '../shared/protocol.ts';
import { allow } from './refusal.ts';

interface StoredPassword {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Most accounts. They are in memory: a messenger has a database. */
const MAX_ACCOUNTS = 10_000;
/** 32 MiB and about 80 ms for each password. */
const COST = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

/** The messenger's own users. No key of theirs is here. */
export class Accounts {
  readonly #passwords = new Map<string, StoredPassword>();
  /** Is compared with if there is no such account, so that the time of an answer says nothing. */
  readonly #nobody: Promise<StoredPassword> = store(randomBytes(16).toString('hex'));

  /** Creates an account. Refuses a bad name or password, and a name that is taken. */
  async create(name: string, password: string): Promise<void> {
    allow(ACCOUNT_NAME.test(name), 400, 'bad-name', 'A name has lower-case letters, digits and hyphens: at most 30.');
    allow(!RESERVED_NAMES.includes(name), 409, 'name-taken', `The name ${name} is not for users.`);
    const { length } = password;
    const fits = length >= LIMITS.passwordMin && length <= LIMITS.passwordMax;
    allow(fits, 400, 'bad-password', `A password has at least ${LIMITS.passwordMin} characters.`);
    allow(this.#passwords.size < MAX_ACCOUNTS, 503, 'full', 'This messenger takes no more users.');
    const stored = await store(password);
    // Looked at after the wait, so that of two requests one fails.
    allow(!this.#passwords.has(name), 409, 'name-taken', `Somebody has the name ${name} already.`);
    this.#passwords.set(name, stored);
  }

  /** Refuses a wrong password, and a name that does not exist, with the same words. */
  async assertPassword(name: string, password: string): Promise<void> {
    const stored = this.#passwords.get(name);
    const { salt, hash } = stored ?? (await this.#nobody);
    const isRight = timingSafeEqual(hash, await stretch(password.slice(0, LIMITS.passwordMax), salt));
    allow(isRight && stored !== undefined, 401, 'wrong-password', 'Name or password is wrong.');
  }

  /** Returns all names, for the operator who turns evil. */
  names(): readonly string[] {
    return [...this.#passwords.keys()];
  }
}

async function store(password: string): Promise<StoredPassword> {
  const salt = randomBytes(16);
  return { salt, hash: await stretch(password, salt) };
}

function stretch(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, 32, COST, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
