import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '../../client/node.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

const MAX_NAME_LENGTH = 64;

/**
 * The names that an owner gave to the keys of their devices, by the SHA-256 of the key. They are in `devices.json` of
 * the state folder and nowhere else, since nobody else needs to know which devices there are.
 */
export class DeviceNames {
  readonly #folder: string;
  readonly #path: string;

  /** `folder` is the folder of the client's state. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, 'devices.json');
  }

  /** Returns all names by key. Throws `state-corrupt`. */
  async read(): Promise<ReadonlyMap<string, string>> {
    if (!existsSync(this.#path)) return new Map();
    try {
      const names: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      ensure(typeof names === 'object' && names !== null, 'state-corrupt', 'not a JSON object');
      return new Map(Object.entries(names).map(([key, name]) => [key, String(name)]));
    } catch (cause) {
      throw new GlasskeyError(
        'state-corrupt',
        `cannot read ${this.#path}: correct it, or delete it to name the devices again`,
        { cause },
      );
    }
  }

  /** Names a key. Throws `usage` for a name that is empty, too long, or has control characters. */
  async set(spkiSha256: string, name: string): Promise<void> {
    const fits = name.trim() === name && name.length >= 1 && name.length <= MAX_NAME_LENGTH && !/\p{C}/u.test(name);
    ensure(
      fits,
      'usage',
      `a device name must have 1 to ${MAX_NAME_LENGTH} printable characters, and no space at either end`,
    );
    const names = Object.fromEntries([...(await this.read()), [spkiSha256, name]]);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFileDurably(this.#path, `${JSON.stringify(names, undefined, 2)}\n`);
  }
}
