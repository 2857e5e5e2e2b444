import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readKeyFile } from '../ca/keys/key-file.ts';
import { readMlDsaKeyFile, writeMlDsaKeyFile } from '../ca/keys/ml-dsa-key-file.ts';
import { signerFromKey } from '../ca/keys/node-signer.ts';
import { cosignatureSigner, type NoteCosigner } from '../core/audit/cosignature.ts';
import { isKeyName, type Vkey } from '../core/audit/vkey.ts';
import { ML_DSA_SEED_LENGTH } from '../core/crypto/ml-dsa.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { parseWitnessedLogs, withLog, type WitnessedLogs } from '../service/witness/witnessed-logs.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { createFileOnce, createKeyFile } from './create-key-file.ts';
import { createPassphrase, DataFolder, keyPassphrase } from './data-folder.ts';

const MAX_NAME_LENGTH = 255;

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** What a witness keeps in its data folder. */
export class WitnessFolder {
  readonly #files: DataFolder;

  constructor(path: string) {
    this.#files = new DataFolder(path);
  }

  get path(): string {
    return this.#files.path;
  }
  /** Its list of logs: `log <vkey> [<url>]` lines. People may edit it. */
  get logs(): string {
    return join(this.path, 'logs.txt');
  }
  /** A file for each log with the checkpoint that was cosigned last. Never to be restored from a backup. */
  get cosigned(): string {
    return join(this.path, 'cosigned');
  }
  /** Written last by {@link initialise}: where it is, the folder is complete. */
  get #config(): string {
    return join(this.path, 'witness.json');
  }

  #key(name: 'ed25519' | 'ml-dsa-44'): string {
    return join(this.path, 'keys', `${name}.pem`);
  }

  /**
   * Makes the folder of a witness of that name: an Ed25519 and an ML-DSA-44 key, encrypted PKCS#8, mode 0600. Safe to repeat
   * after a crash. Throws `usage` for a name that no key can have, and for a folder that is complete.
   */
  async initialise(name: string): Promise<void> {
    ensure(isKeyName(name) && name.length <= MAX_NAME_LENGTH, 'usage', 'a name has no spaces and no plus sign');
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

  /** Opens the keys. Throws `usage` for a folder that is none of a witness, and `bad-key-file`. */
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
      `${this.path} is no folder of a witness: make one with "glasskey witness init"`,
    );
    try {
      const { format, name } = JSON.parse(text) as { readonly format: unknown; readonly name: unknown };
      ensure(format === 1 && typeof name === 'string' && isKeyName(name), 'usage', 'of another format');
      return name;
    } catch (cause) {
      throw new GlasskeyError('usage', `${this.#config} cannot be read`, { cause });
    }
  }

  /** The logs that it knows. Throws `bad-policy`. */
  async readLogs(): Promise<WitnessedLogs> {
    return parseWitnessedLogs((await this.#files.read(this.logs)) ?? '');
  }

  /** Adds a log to the list; a running witness takes it up by itself. Throws `bad-policy`. */
  async addLog(vkey: Vkey, url: string | undefined): Promise<void> {
    await this.#name();
    await this.#files.write(this.logs, withLog((await this.#files.read(this.logs)) ?? '', vkey, url));
  }
}
