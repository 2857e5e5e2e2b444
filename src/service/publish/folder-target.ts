import * as node from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { FileSystem } from '../file-system.ts';
import type { PublishTarget, StoredFile } from './publish-target.ts';

/** For {@link FolderTarget.open}. */
export interface FolderOptions {
  /** Throws unless this process still is the only one that publishes into the folder. Default: nothing is asked. */
  readonly assertAlone?: (() => Promise<void>) | undefined;
  /** Default: Node's. */
  readonly files?: FileSystem | undefined;
}

/** Where files are written before they get their names; of no interest to a reader. */
const UNFINISHED = '.unfinished';

/**
 * A log published in a folder, which any static web server can serve. A file appears under its name whole and synced to
 * disk, by `link`, which overwrites nothing, or `rename`. One process at a time may write: see `assertAlone`.
 */
export class FolderTarget implements PublishTarget {
  readonly #folder: string;
  readonly #files: FileSystem;
  readonly #assertAlone: () => Promise<void>;
  /** Folders that are known to exist, and those whose new names are not yet synced. */
  readonly #known = new Set<string>();
  readonly #dirty = new Set<string>();

  private constructor(folder: string, options: FolderOptions) {
    this.#folder = resolve(folder);
    this.#files = options.files ?? node;
    this.#assertAlone = options.assertAlone ?? (async () => undefined);
  }

  /** Makes the folder where there is none, and removes what a killed process left unfinished. Throws `storage-failed`. */
  static async open(folder: string, options: FolderOptions = {}): Promise<FolderTarget> {
    const target = new FolderTarget(folder, options);
    await target.#try('', async () => {
      const unfinished = join(target.#folder, UNFINISHED);
      await target.#files.mkdir(unfinished, { recursive: true });
      for (const name of await target.#files.readdir(unfinished)) await target.#files.unlink(join(unfinished, name));
    });
    return target;
  }

  read(path: string): Promise<StoredFile | undefined> {
    return this.#try(path, async () => {
      const bytes = await this.#files.readFile(join(this.#folder, path)).catch(undefinedIfMissing);
      return bytes === undefined ? undefined : { bytes: new Uint8Array(bytes), tag: '' };
    });
  }

  peek(path: string): Promise<Uint8Array | undefined> {
    return this.#try(path, async () => {
      const place = join(this.#folder, path);
      const known = await this.#files.readFile(place).catch(undefinedIfMissing);
      if (known !== undefined) this.#markDirty(dirname(place));
      return known;
    });
  }

  create(path: string, bytes: Uint8Array): Promise<'written' | 'there'> {
    return this.#try(path, async () => {
      const place = join(this.#folder, path);
      // A run that is repeated finds nearly everything there: look first.
      const known = await this.#files.readFile(place).catch(undefinedIfMissing);
      // Also what a killed run has written must have its name synced before a checkpoint counts on it.
      this.#markDirty(dirname(place));
      if (known !== undefined) return assertSame(path, known, bytes);
      const written = await this.#writeUnfinished(bytes);
      try {
        await this.#makeFolder(dirname(place));
        const clash = await this.#files.link(written, place).then(() => false, trueIfThere);
        return clash ? assertSame(path, await this.#files.readFile(place), bytes) : 'written';
      } finally {
        await this.#files.unlink(written).catch(() => undefined);
      }
    });
  }

  replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void> {
    return this.#try(path, async () => {
      const place = join(this.#folder, path);
      const written = await this.#writeUnfinished(bytes);
      try {
        await this.#makeFolder(dirname(place));
        await this.#assertAlone();
        const known = await this.#files.readFile(place).catch(undefinedIfMissing);
        const isExpected =
          known === undefined ? expected === undefined : expected !== undefined && equalBytes(known, expected.bytes);
        if (!isExpected) throw new GlasskeyError('head-moved', `${path} was changed by somebody else`);
        this.#markDirty(dirname(place));
        await this.#files.rename(written, place);
      } catch (error) {
        await this.#files.unlink(written).catch(() => undefined);
        throw error;
      }
    });
  }

  flush(): Promise<void> {
    return this.#try('', async () => {
      for (const folder of [...this.#dirty].sort()) {
        await this.#syncFolder(folder);
        this.#dirty.delete(folder);
      }
    });
  }

  /** The name of a new file that holds `bytes`, synced. */
  async #writeUnfinished(bytes: Uint8Array): Promise<string> {
    const path = join(this.#folder, UNFINISHED, randomBytes(8).toString('hex'));
    try {
      const file = await this.#files.open(path, 'wx', 0o644);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await this.#files.unlink(path).catch(() => undefined);
      throw error;
    }
    return path;
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#known.has(folder)) return;
    await this.#files.mkdir(folder, { recursive: true });
    this.#known.add(folder);
  }

  /** A folder that has a new name in it, and those above it, which may have its own. */
  #markDirty(folder: string): void {
    for (let at = folder; at.length >= this.#folder.length && !this.#dirty.has(at); at = dirname(at))
      this.#dirty.add(at);
  }

  async #syncFolder(folder: string): Promise<void> {
    const opened = await this.#files.open(folder, 'r');
    try {
      await opened.sync();
    } finally {
      await opened.close();
    }
  }

  async #try<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (isGlasskeyError(cause)) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GlasskeyError('storage-failed', `cannot publish ${path} in ${this.#folder}: ${reason}`, { cause });
    }
  }
}

function assertSame(path: string, known: Uint8Array, bytes: Uint8Array): 'there' {
  if (equalBytes(known, bytes)) return 'there';
  throw new GlasskeyError('published-differs', `${path} is published with other contents; they were left as they are`);
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function trueIfThere(error: NodeJS.ErrnoException): true {
  if (error.code !== 'EEXIST') throw error;
  return true;
}
