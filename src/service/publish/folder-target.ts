import * as node from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { FileSystem } from '../file-system.ts';
import { MAX_PUBLISHED_BYTES, type PublishTarget, type StoredFile } from './publish-target.ts';

/** Options of {@link FolderTarget.open}. */
export interface FolderOptions {
  /** Throws unless this process is still the only one that publishes into the folder. Default: not checked. */
  readonly assertAlone?: (() => Promise<void>) | undefined;
  /** Default: Node's. */
  readonly files?: FileSystem | undefined;
}

/** The folder in which files are written before they get their names. Readers ignore it. */
const UNFINISHED = '.unfinished';

/**
 * A log published in a folder, which any static web server can serve. A file appears under its name whole and synced,
 * by `link`, which overwrites nothing, or by `rename`. One process at a time may write: see `assertAlone`.
 */
export class FolderTarget implements PublishTarget {
  readonly #folder: string;
  readonly #files: FileSystem;
  readonly #assertAlone: () => Promise<void>;
  /** Folders that exist, and those with new names that are not synced yet. */
  readonly #known = new Set<string>();
  readonly #dirty = new Set<string>();

  private constructor(folder: string, options: FolderOptions) {
    this.#folder = resolve(folder);
    this.#files = options.files ?? node;
    this.#assertAlone = options.assertAlone ?? (async () => undefined);
  }

  /** Makes the folder if there is none, and deletes unfinished files of a killed process. Throws `storage-failed`. */
  static async open(folder: string, options: FolderOptions = {}): Promise<FolderTarget> {
    const target = new FolderTarget(folder, options);
    await target.#try('', async () => {
      const unfinished = join(target.#folder, UNFINISHED);
      await target.#files.mkdir(unfinished, { recursive: true });
      for (const name of await target.#files.readdir(unfinished)) await target.#files.unlink(join(unfinished, name));
    });
    return target;
  }

  /** Opens a folder to read it only: nothing is made or deleted, not even what a killed process left. */
  static forReading(folder: string): FolderTarget {
    return new FolderTarget(folder, {});
  }

  read(path: string): Promise<StoredFile | undefined> {
    return this.#try(path, async () => {
      const bytes = await this.#look(path);
      return bytes === undefined ? undefined : { bytes, tag: '' };
    });
  }

  peek(path: string): Promise<Uint8Array | undefined> {
    return this.#try(path, async () => {
      const known = await this.#look(path);
      if (known !== undefined) this.#markDirty(dirname(join(this.#folder, path)));
      return known;
    });
  }

  create(path: string, bytes: Uint8Array): Promise<'written' | 'there'> {
    return this.#try(path, async () => {
      const place = join(this.#folder, path);
      // A repeated run finds nearly everything there: look first.
      const known = await this.#look(path);
      // The name of a file that a killed run has written must be synced too before a checkpoint relies on it.
      this.#markDirty(dirname(place));
      if (known !== undefined) return assertSame(path, known, bytes);
      const written = await this.#writeUnfinished(bytes);
      try {
        await this.#makeFolder(dirname(place));
        const clash = await this.#files.link(written, place).then(() => false, trueIfThere);
        return clash ? assertSame(path, await this.#look(path), bytes) : 'written';
      } finally {
        await this.#files.unlink(written).catch(() => undefined);
      }
    });
  }

  replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void> {
    return this.#put(path, bytes, async () => {
      const known = await this.#look(path);
      const isExpected =
        known === undefined ? expected === undefined : expected !== undefined && equalBytes(known, expected.bytes);
      if (!isExpected) throw new GlasskeyError('head-moved', `${path} was changed by another publisher`);
    });
  }

  restore(path: string, bytes: Uint8Array): Promise<void> {
    return this.#put(path, bytes, async () => undefined);
  }

  flush(): Promise<void> {
    return this.#try('', async () => {
      for (const folder of [...this.#dirty].sort()) {
        await this.#syncFolder(folder);
        this.#dirty.delete(folder);
      }
    });
  }

  /** Returns the bytes at `path`, as a web server sends them to readers: links are followed. */
  async #look(path: string): Promise<Uint8Array | undefined> {
    const place = join(this.#folder, path);
    const found = await this.#files.stat(place).catch(undefinedIfMissing).catch(falseIfAstray);
    if (found === undefined) return undefined;
    // A pipe would keep a reader waiting for ever.
    ensure(found !== false && found.isFile(), 'published-differs', `${path} of the copy is no file`);
    const isPossible = found.size <= MAX_PUBLISHED_BYTES;
    ensure(isPossible, 'published-differs', `${path} of the copy is longer than any file of a log`);
    const bytes = await this.#files.readFile(place).catch(undefinedIfMissing);
    return bytes === undefined ? undefined : new Uint8Array(bytes);
  }

  /** Writes a file whole and gives it its name, if `assertReplaceable` still finds nothing against that. */
  #put(path: string, bytes: Uint8Array, assertReplaceable: () => Promise<void>): Promise<void> {
    return this.#try(path, async () => {
      const place = join(this.#folder, path);
      const written = await this.#writeUnfinished(bytes);
      try {
        await this.#makeFolder(dirname(place));
        await this.#assertAlone();
        await assertReplaceable();
        this.#markDirty(dirname(place));
        await this.#files.rename(written, place);
      } catch (error) {
        await this.#files.unlink(written).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Writes `bytes` to a new file, synced, and returns its path. */
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

  /** Marks a folder with a new name in it, and those above it, which may be new themselves. */
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
      throw new GlasskeyError('storage-failed', `cannot read or write ${path} in ${this.#folder}: ${reason}`, {
        cause,
      });
    }
  }
}

function assertSame(path: string, known: Uint8Array | undefined, bytes: Uint8Array): 'there' {
  if (known !== undefined && equalBytes(known, bytes)) return 'there';
  throw new GlasskeyError(
    'published-differs',
    `${path} is published with different content, which was not overwritten`,
  );
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** For a link to itself, or a path through a file. */
function falseIfAstray(error: NodeJS.ErrnoException): false {
  if (error.code !== 'ELOOP' && error.code !== 'ENOTDIR') throw error;
  return false;
}

function trueIfThere(error: NodeJS.ErrnoException): true {
  if (error.code !== 'EEXIST') throw error;
  return true;
}
