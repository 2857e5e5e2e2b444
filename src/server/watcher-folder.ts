import type { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readKeyFile } from '../ca/keys/key-file.ts';
import { ensure } from '../core/errors.ts';
import type { VapidSettings } from '../delivery/push-message.ts';
import { createKeyFile } from './create-key-file.ts';
import { createPassphrase, DataFolder, keyPassphrase } from './data-folder.ts';

/** The keys of a watcher. */
export interface WatcherKeys {
  /** Ed25519: mandates name it, and it signs what webhooks get. */
  readonly watcher: KeyObject;
  /** Its public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** P-256: push services know the watcher by it. */
  readonly vapid: Omit<VapidSettings, 'subject'>;
}

/** The data folder of a watcher, by file. Nothing in it may be restored from a backup while another copy runs. */
export class WatcherFolder {
  readonly #files: DataFolder;

  constructor(path: string) {
    this.#files = new DataFolder(path);
  }

  get path(): string {
    return this.#files.path;
  }
  /** The client state with which the watcher follows the log: pinned bundle, newest head, audit. */
  get state(): string {
    return join(this.path, 'state');
  }
  /** Names, mandates, addresses and waiting notices. */
  get records(): string {
    return join(this.path, 'watch.journal');
  }

  /**
   * Opens the keys; makes those that are missing (encrypted PKCS#8, mode 0600), in a new folder all of them. The caller
   * has locked the folder. Throws `bad-key-file`.
   */
  async openKeys(): Promise<WatcherKeys> {
    const passphrase = await createPassphrase(this.#files);
    const [watcherFile, vapidFile] = [join(this.path, 'watcher.pem'), join(this.path, 'vapid.pem')];
    await createKeyFile(watcherFile, passphrase, 'ed25519');
    await createKeyFile(vapidFile, passphrase, 'p256');
    const opened = await keyPassphrase(this.#files);
    const [watcher, vapid] = await Promise.all([readKeyFile(watcherFile, opened), readKeyFile(vapidFile, opened)]);
    const { x: publicX } = watcher.export({ format: 'jwk' });
    const { x, y, d } = vapid.export({ format: 'jwk' });
    const isWhole = publicX !== undefined && x !== undefined && y !== undefined && d !== undefined;
    ensure(isWhole, 'bad-key-file', 'a key of the watcher has another type');
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    return {
      watcher,
      publicKey: new Uint8Array(Buffer.from(publicX, 'base64url')),
      vapid: { publicKey: point.toString('base64url'), privateKey: d },
    };
  }

  /** Creates the folder if it is missing (mode 0700). */
  async create(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
  }
}
