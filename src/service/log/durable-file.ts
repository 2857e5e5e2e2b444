import { randomBytes } from 'node:crypto';
import * as node from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { FileSystem } from '../file-system.ts';

/** One block, of which a full disk has none. */
const PROBE_BYTES = 4096;

/** Deletes files that a killed process left unfinished. Throws what the file system throws. */
export async function removeUnfinished(folder: string, files: FileSystem = node): Promise<void> {
  for (const name of await files.readdir(folder)) if (name.endsWith('.tmp')) await files.unlink(join(folder, name));
}

/**
 * A private file (mode 0600) that is replaced atomically: after a crash it holds the old bytes or the new ones. Bytes
 * that were read from it, or written without an error, are durable. No other process uses its folder.
 */
export class DurableFile {
  readonly path: string;
  readonly #files: FileSystem;

  constructor(path: string, files: FileSystem = node) {
    this.path = path;
    this.#files = files;
  }

  /** Reads the file; undefined if there is none. Throws `storage-failed`. */
  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.#try('read', () => this.#files.readFile(this.path).catch(undefinedIfMissing));
    if (bytes === undefined) return undefined;
    // Its writer may have been killed before the name was synced, and the caller is about to show the content.
    await this.#try('sync', () => this.#sync(dirname(this.path), 'r'));
    return new Uint8Array(bytes);
  }

  /**
   * Replaces the file; returns once it is durable. Throws `storage-failed`; the file is then the old or the new one.
   */
  async write(bytes: Uint8Array): Promise<void> {
    const unfinished = this.#unfinished();
    await this.#try('write', async () => {
      try {
        await this.#sync(unfinished, 'wx', bytes);
        await this.#files.rename(unfinished, this.path);
      } catch (error) {
        await this.#files.unlink(unfinished).catch(() => undefined);
        throw error;
      }
      await this.#sync(dirname(this.path), 'r');
    });
  }

  /** Throws `storage-failed` unless its folder takes a file of some bytes now. Changes nothing. */
  async assertWritable(): Promise<void> {
    const unfinished = this.#unfinished();
    await this.#try('write', async () => {
      try {
        await this.#sync(unfinished, 'wx', new Uint8Array(PROBE_BYTES));
      } finally {
        await this.#files.unlink(unfinished);
      }
    });
  }

  #unfinished(): string {
    return `${this.path}.${randomBytes(6).toString('hex')}.tmp`;
  }

  async #sync(path: string, flags: 'wx' | 'r', content?: Uint8Array): Promise<void> {
    const file = await this.#files.open(path, flags, 0o600);
    try {
      if (content !== undefined) await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #try<T>(verb: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (isGlasskeyError(cause)) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GlasskeyError('storage-failed', `cannot ${verb} ${this.path}: ${reason}`, { cause });
    }
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
