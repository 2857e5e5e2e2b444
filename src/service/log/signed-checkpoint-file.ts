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
 * that tree; the server then signs nothing more.
 */
export class SignedCheckpointFile {
  readonly #file: DurableFile;
  #last: Promise<unknown> = Promise.resolve();
  #writtenSize = 0;
  readonly #trusted: { readonly origin: string; readonly vkeys: readonly Vkey[] };

  constructor(path: string, origin: string, vkeys: readonly Vkey[], files?: FileSystem) {
    this.#file = new DurableFile(path, files);
    this.#trusted = { origin, vkeys };
  }

  /** For messages. */
  get path(): string {
    return this.#file.path;
  }

  /**
   * Reads the checkpoint; undefined if this host never signed one. Throws `storage-failed`, and `log-rolled-back` for
   * bytes that are no checkpoint of this log: the last signed size is then unknown.
   */
  async read(): Promise<OwnCheckpoint | undefined> {
    const bytes = await this.#file.read();
    if (bytes === undefined) return undefined;
    try {
      const checkpoint = verifyCheckpoint(bytes, this.#trusted);
      return { ...checkpoint, text: formatNote(checkpoint.note) };
    } catch (cause) {
      throw new GlasskeyError('log-rolled-back', `${this.path} does not hold a checkpoint of this log`, { cause });
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
    await this.#file.write(encodeUtf8(note));
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
    await this.#file.assertWritable();
  }
}
