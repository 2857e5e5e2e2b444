import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readKeyFile } from '../ca/keys/key-file.ts';
import { signerFromKey } from '../ca/keys/node-signer.ts';
import type { CipherSuite } from '../core/crypto/cipher-suite.ts';
import type { Signer } from '../core/crypto/signer.ts';
import { ensure } from '../core/errors.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { createKeyFile } from './create-key-file.ts';
import { createPassphrase, DataFolder, keyPassphrase } from './data-folder.ts';

/** The data folder of a third-party auditor. */
export class AuditorFolder {
  readonly #files: DataFolder;

  constructor(path: string) {
    this.#files = new DataFolder(path);
  }

  get path(): string {
    return this.#files.path;
  }
  /** The state that the auditor has verified and signed. Never restore it from a backup. */
  get record(): string {
    return join(this.path, 'record');
  }
  /** The evidence that made the auditor stop signing. Absent while it signs. */
  get evidence(): string {
    return join(this.path, 'halted.json');
  }
  get #key(): string {
    return join(this.path, 'auditor.pem');
  }

  /**
   * Creates the folder with a new key of this kind: encrypted PKCS#8, mode 0600. Safe to repeat after a crash.
   * Throws `usage` if the folder has a key.
   */
  async initialise(suite: CipherSuite['keyAlgorithm']): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(this.path);
    try {
      ensure(!existsSync(this.#key), 'usage', `${this.path} is already initialised`);
      await createKeyFile(this.#key, await createPassphrase(this.#files), suite);
    } finally {
      await lock.release();
    }
  }

  /** Opens the key. Throws `usage` if the folder has none, and `bad-key-file`. */
  async openSigner(): Promise<Signer> {
    const advice = 'create one with "glasskey auditor init"';
    ensure(existsSync(this.#key), 'usage', `${this.path} is not an auditor's folder: ${advice}`);
    return signerFromKey(await readKeyFile(this.#key, await keyPassphrase(this.#files)));
  }

  /**
   * Lets the auditor sign again. Moves the evidence to another file and returns the path of that file.
   * Throws `usage` if there is no evidence, `storage-locked` while the auditor runs.
   */
  async resume(): Promise<string> {
    const lock = await lockFolder(this.path);
    try {
      ensure(existsSync(this.evidence), 'usage', 'nothing to resume: this auditor has found no misbehaviour');
      const kept = join(this.path, `evidence-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`);
      await rename(this.evidence, kept);
      return kept;
    } finally {
      await lock.release();
    }
  }
}
