import { randomBytes } from 'node:crypto';
import * as node from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseNote } from '../../core/audit/note.ts';
import { type Checkpoint, parseCheckpoint } from '../../core/audit/checkpoint.ts';
import { verifyCosignatures } from '../../core/audit/cosignature.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import type { FileSystem } from '../publish/folder-target.ts';

/** What a witness remembers of a log: the checkpoint that it cosigned last. */
export interface CosignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** The note as it is served: the log's signatures that were verified, and the witness's own. */
  readonly note: string;
  /** When it was cosigned; whole seconds. */
  readonly timestampMs: number;
}

/** Name of a log in paths: the SHA-256 of its origin, in lower-case hexadecimal (c2sp.org/tlog-witness). */
export function originHash(origin: string): string {
  return formatHex(sha256(encodeUtf8(origin)));
}

/** Removes what a killed process left half written. Throws what the file system throws. */
export async function removeUnfinished(folder: string, files: FileSystem = node): Promise<void> {
  for (const name of await files.readdir(folder)) if (name.endsWith('.tmp')) await files.unlink(join(folder, name));
}

/**
 * The one file that a witness keeps for a log. It holds the cosigned checkpoint itself, and is replaced as a whole: after a
 * crash it is the old one or the new one. The folder belongs to this process alone.
 */
export class CosignedFile {
  readonly #path: string;
  readonly #origin: string;
  readonly #own: readonly Vkey[];
  readonly #files: FileSystem;

  /** `own` are the witness's keys. */
  constructor(folder: string, origin: string, own: readonly Vkey[], files: FileSystem = node) {
    this.#path = join(folder, originHash(origin));
    this.#origin = origin;
    this.#own = own;
    this.#files = files;
  }

  /**
   * Reads the checkpoint; undefined where nothing was ever cosigned. Throws `storage-failed`, and `storage-corrupt` for
   * what this witness has not cosigned: it then must not cosign anything, since it does not know what it has.
   */
  async read(): Promise<CosignedCheckpoint | undefined> {
    const text = await this.#try('read', () => this.#files.readFile(this.#path, 'utf8').catch(undefinedIfMissing));
    if (text === undefined) return undefined;
    // Whoever wrote it may have been killed before its name was sure to last; what is in it is about to be shown.
    await this.#try('sync', () => this.#sync(dirname(this.#path), 'r'));
    try {
      return this.#open(text);
    } catch (cause) {
      throw new GlasskeyError('storage-corrupt', `${this.#path} is not what this witness has cosigned`, { cause });
    }
  }

  #open(text: string): CosignedCheckpoint {
    const note = parseNote(text);
    const checkpoint = parseCheckpoint(note.text);
    const times = verifyCosignatures(note, this.#own).map(({ timestampMs }) => timestampMs);
    ensure(checkpoint.origin === this.#origin && times.length > 0, 'bad-checkpoint', 'of another log or witness');
    return { checkpoint, note: text, timestampMs: Math.max(...times) };
  }

  /** Replaces the file; returns once it would survive a crash. Throws `storage-failed`: it then holds either. */
  async write({ note }: CosignedCheckpoint): Promise<void> {
    const unfinished = `${this.#path}.${randomBytes(6).toString('hex')}.tmp`;
    await this.#try('write', async () => {
      try {
        await this.#sync(unfinished, 'wx', encodeUtf8(note));
        await this.#files.rename(unfinished, this.#path);
      } catch (error) {
        await this.#files.unlink(unfinished).catch(() => undefined);
        throw error;
      }
      await this.#sync(dirname(this.#path), 'r');
    });
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
      throw new GlasskeyError('storage-failed', `cannot ${verb} ${this.#path}: ${reason}`, { cause });
    }
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
