import { join } from 'node:path';
import { parseNote } from '../../core/audit/note.ts';
import { type Checkpoint, parseCheckpoint } from '../../core/audit/checkpoint.ts';
import { verifyCosignatures } from '../../core/audit/cosignature.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { DurableFile } from '../log/durable-file.ts';
import { originHash } from '../../core/audit/add-checkpoint.ts';
import type { FileSystem } from '../file-system.ts';

/** A witness's memory of a log: the checkpoint that it cosigned last. */
export interface CosignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** The note as served: with the log's verified signatures and the witness's own. */
  readonly note: string;
  /** The time of the cosignature, in ms of whole seconds. */
  readonly timestampMs: number;
}

/**
 * The one file that a witness keeps for a log: the checkpoint that it cosigned last. The file is replaced atomically,
 * so after a crash it is the old one or the new one. No other process uses the folder.
 */
export class CosignedFile {
  readonly #file: DurableFile;
  readonly #origin: string;
  readonly #own: readonly Vkey[];

  /** `own` are the witness's keys. */
  constructor(folder: string, origin: string, own: readonly Vkey[], files?: FileSystem) {
    this.#file = new DurableFile(join(folder, originHash(origin)), files);
    this.#origin = origin;
    this.#own = own;
  }

  /**
   * Reads the checkpoint; undefined if the witness never cosigned one. Throws `storage-failed`, and `storage-corrupt`
   * if the file is not its own. The witness then must not cosign: it does not know what it has cosigned.
   */
  async read(): Promise<CosignedCheckpoint | undefined> {
    const bytes = await this.#file.read();
    if (bytes === undefined) return undefined;
    try {
      return this.#open(decodeUtf8(bytes));
    } catch (cause) {
      throw new GlasskeyError('storage-corrupt', `${this.#file.path} was not written by this witness`, { cause });
    }
  }

  #open(text: string): CosignedCheckpoint {
    const note = parseNote(text);
    const checkpoint = parseCheckpoint(note.text);
    const times = verifyCosignatures(note, this.#own).map(({ timestampMs }) => timestampMs);
    ensure(
      checkpoint.origin === this.#origin && times.length > 0,
      'bad-checkpoint',
      'the checkpoint is of another log or witness',
    );
    return { checkpoint, note: text, timestampMs: Math.max(...times) };
  }

  /**
   * Replaces the file; returns once it is durable. Throws `storage-failed`; the file is then the old or the new one.
   */
  async write({ note }: CosignedCheckpoint): Promise<void> {
    await this.#file.write(encodeUtf8(note));
  }
}
