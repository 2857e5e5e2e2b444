import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readKeyFile } from '../ca/keys/key-file.ts';
import { readMlDsaKeyFile, writeMlDsaKeyFile } from '../ca/keys/ml-dsa-key-file.ts';
import { signerFromKey } from '../ca/keys/node-signer.ts';
import { cosignatureSigner, type NoteCosigner } from '../core/audit/cosignature.ts';
import { isKeyName, type Vkey } from '../core/audit/vkey.ts';
import { ML_DSA_SEED_LENGTH } from '../core/crypto/ml-dsa-sets.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { parseWitnessedLogs, withLog, type WitnessedLogs } from '../service/witness/witnessed-logs.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { createFileOnce, createKeyFile } from './create-key-file.ts';
import { createPassphrase, DataFolder, keyPassphrase } from './data-folder.ts';

const MAX_NAME_LENGTH = 255;

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** The data folder of a witness. */
export class WitnessFolder {
  readonly #files: DataFolder;

  constructor(path: string) {
    this.#files = new DataFolder(path);
  }

  get path(): string {
    return this.#files.path;
  }
  /** The list of logs: `log <vkey> [<url>]` lines. Operators may edit it. */
  get logs(): string {
    return join(this.path, 'logs.txt');
  }
  /** Folder of the last cosigned checkpoint of each log. Never restore it from a backup. */
  get cosigned(): string {
    return join(this.path, 'cosigned');
  }
  /** Written last by {@link initialise}: if it exists, the folder is complete. */
  get #config(): string {
    return join(this.path, 'witness.json');
  }

  #key(name: 'ed25519' | 'ml-dsa-44'): string {
    return join(this.path, 'keys', `${name}.pem`);
  }

  /**
   * Creates the folder of a witness with an Ed25519 and an ML-DSA-44 key: encrypted PKCS#8, mode 0600. Safe to repeat
   * after a crash. Throws `usage` for a name that no vkey can have, and if the folder is complete.
   */
  async initialise(name: string): Promise<void> {
    ensure(
      isKeyName(name) && name.length <= MAX_NAME_LENGTH,
      'usage',
      'a name must have at most 255 characters, without spaces and plus signs',
    );
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(this.path);
    try {
      ensure(!existsSync(this.#config), 'usage', `${this.path} is already initialised`);
      for (const folder of [join(this.path, 'keys'), this.cosigned]) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      }
      const passphrase = await createPassphrase(this.#files);
      await createKeyFile(this.#key('ed25519'), passphrase, 'ed25519');
      await createFileOnce(this.#key('ml-dsa-44'), (path) =>
        writeMlDsaKeyFile(path, random(ML_DSA_SEED_LENGTH), passphrase),
      );
      await this.#files.readOrCreate(this.logs, () => '# log <vkey> [<url>]\n');
      await this.#files.write(this.#config, `${JSON.stringify({ format: 1, name }, null, 2)}\n`);
    } finally {
      await lock.release();
    }
  }

  /** Opens the keys. Throws `usage` if the folder does not belong to a witness, and `bad-key-file`. */
  async openCosigners(): Promise<readonly NoteCosigner[]> {
    const name = await this.#name();
    const passphrase = await keyPassphrase(this.#files);
    return [
      cosignatureSigner(name, signerFromKey(await readKeyFile(this.#key('ed25519'), passphrase))),
      cosignatureSigner(name, await readMlDsaKeyFile(this.#key('ml-dsa-44'), passphrase, random)),
    ];
  }

  async #name(): Promise<string> {
    const text = await this.#files.read(this.#config);
    ensure(
      text !== undefined,
      'usage',
      `${this.path} is not a witness's folder: create one with "glasskey witness init"`,
    );
    try {
      const { format, name } = JSON.parse(text) as { readonly format: unknown; readonly name: unknown };
      ensure(format === 1 && typeof name === 'string' && isKeyName(name), 'usage', 'unknown format');
      return name;
    } catch (cause) {
      throw new GlasskeyError('usage', `${this.#config} cannot be read`, { cause });
    }
  }

  /** Reads the list of logs. Throws `bad-policy`. */
  async readLogs(): Promise<WitnessedLogs> {
    return parseWitnessedLogs((await this.#files.read(this.logs)) ?? '');
  }

  /** Adds a log to the list, which a running witness reloads. Throws `bad-policy`. */
  async addLog(vkey: Vkey, url: string | undefined): Promise<void> {
    await this.#name();
    await this.#files.write(this.logs, withLog((await this.#files.read(this.logs)) ?? '', vkey, url));
  }
}
