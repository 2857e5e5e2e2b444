import * as node from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { parseCheckpoint, verifyCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { formatNote, parseNote } from '../../core/audit/note.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { DurableFile } from './durable-file.ts';
import type { FileSystem } from '../file-system.ts';

/** A checkpoint that this log has signed, and its text. */
export interface OwnCheckpoint extends VerifiedCheckpoint {
  /** The signed note. */
  readonly text: string;
}

/**
 * A small file outside the database with the last checkpoint that this host has signed. It is written before the
 * checkpoint leaves the host (docs/architecture.md#sequencing-and-durability). A database restored from a backup lacks
 * that tree; the server then signs nothing more. Each of several processes on one folder has a file of its own, so that
 * none replaces what another has just signed; the largest of all counts.
 */
export class SignedCheckpointFile {
  readonly #path: string;
  readonly #files: FileSystem;
  /** The file of this process. */
  readonly #own: DurableFile;
  #last: Promise<unknown> = Promise.resolve();
  #writtenSize = 0;
  readonly #trusted: { readonly origin: string; readonly vkeys: readonly Vkey[] };

  /** `processNumber`, from 1, is that of this process on the folder. */
  constructor(path: string, origin: string, vkeys: readonly Vkey[], files: FileSystem = node, processNumber = 1) {
    this.#path = path;
    this.#files = files;
    this.#own = new DurableFile(processNumber === 1 ? path : `${path}.${processNumber}`, files);
    this.#trusted = { origin, vkeys };
  }

  /** For messages. */
  get path(): string {
    return this.#path;
  }

  /**
   * Reads the checkpoint; undefined if this host never signed one. Throws `storage-failed`, and `log-rolled-back` for
   * bytes that are no checkpoint of this log: the last signed size is then unknown.
   */
  async read(): Promise<OwnCheckpoint | undefined> {
    const checkpoints = await Promise.all((await this.#all()).map((file) => this.#read(file)));
    return checkpoints.reduce(
      (largest, one) => (one !== undefined && one.size > (largest?.size ?? -1) ? one : largest),
      undefined,
    );
  }

  /** The files of all processes that ever ran on the folder. */
  async #all(): Promise<readonly DurableFile[]> {
    const isNumber = (suffix: string): boolean => /^\.[1-9]\d{0,3}$/.test(suffix);
    const name = basename(this.#path);
    const found = await this.#files.readdir(dirname(this.#path)).catch((cause: unknown) => {
      throw new GlasskeyError('storage-failed', `cannot list the folder of ${this.#path}`, { cause });
    });
    const others = found.filter((one) => one.startsWith(name) && isNumber(one.slice(name.length)));
    return ['', ...others.map((one) => one.slice(name.length))].map(
      (suffix) => new DurableFile(this.#path + suffix, this.#files),
    );
  }

  async #read(file: DurableFile): Promise<OwnCheckpoint | undefined> {
    const bytes = await file.read();
    if (bytes === undefined) return undefined;
    try {
      const checkpoint = verifyCheckpoint(bytes, this.#trusted);
      return { ...checkpoint, text: formatNote(checkpoint.note) };
    } catch (cause) {
      throw new GlasskeyError('log-rolled-back', `${file.path} does not hold a checkpoint of this log`, { cause });
    }
  }

  /** The size of the checkpoint that this process has written last; 0 if it wrote none. */
  get writtenSize(): number {
    return this.#writtenSize;
  }

  /** Replaces the checkpoint; returns once it is durable. Throws `storage-failed`. */
  write(note: string): Promise<void> {
    return this.#alone(() => this.#write(note));
  }

  async #write(note: string): Promise<void> {
    await this.#own.write(encodeUtf8(note));
    this.#writtenSize = parseCheckpoint(parseNote(note).text).size;
  }

  /**
   * Takes note of a verified checkpoint that another server has signed, if it is larger than the one in the file. A
   * host without a file gets none: its operator decides if it may sign. Throws `log-rolled-back`, `storage-failed`.
   */
  noteSeen({ size, text }: Pick<OwnCheckpoint, 'size' | 'text'>): Promise<void> {
    return this.#alone(async () => {
      const known = await this.read();
      if (known !== undefined && known.size < size) await this.#write(text);
    });
  }

  /** One change after the other, so that a checkpoint that was seen never replaces one that was just signed. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Throws `storage-failed` unless a checkpoint could be written now. */
  async assertWritable(): Promise<void> {
    await this.#own.assertWritable();
  }
}
