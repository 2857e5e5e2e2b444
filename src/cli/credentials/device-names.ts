import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '../../client/node.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

const MAX_NAME_LENGTH = 64;

/**
 * The names that an owner gave to the keys of their devices, by the SHA-256 of the key: in `devices.json` of the state's folder and nowhere
 * else, since nobody else needs to know that there is a telephone.
 */
export class DeviceNames {
  readonly #folder: string;
  readonly #path: string;

  /** `folder` is that of the client's state. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, 'devices.json');
  }

  /** All names. Throws `state-corrupt`. */
  async read(): Promise<ReadonlyMap<string, string>> {
    if (!existsSync(this.#path)) return new Map();
    try {
      const names: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      ensure(typeof names === 'object' && names !== null, 'state-corrupt', 'no object');
      return new Map(Object.entries(names).map(([key, name]) => [key, String(name)]));
    } catch (cause) {
      throw new GlasskeyError('state-corrupt', `${this.#path} cannot be read`, { cause });
    }
  }

  /** Names a key. Throws `usage` for a name that is empty, too long, or holds control characters. */
  async set(spkiSha256: string, name: string): Promise<void> {
    const fits = name.trim() === name && name.length >= 1 && name.length <= MAX_NAME_LENGTH && !/\p{C}/u.test(name);
    ensure(fits, 'usage', `a name has 1 to ${MAX_NAME_LENGTH} characters`);
    const names = Object.fromEntries([...(await this.read()), [spkiSha256, name]]);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFileDurably(this.#path, `${JSON.stringify(names, undefined, 2)}\n`);
  }
}
