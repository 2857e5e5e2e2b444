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

/** What a witness remembers of a log: the checkpoint that it cosigned last. */
export interface CosignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** The note as it is served: the log's signatures that were verified, and the witness's own. */
  readonly note: string;
  /** When it was cosigned; whole seconds. */
  readonly timestampMs: number;
}

/**
 * The one file that a witness keeps for a log. It holds the cosigned checkpoint itself, and is replaced as a whole: after a
 * crash it is the old one or the new one. The folder belongs to this process alone.
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
   * Reads the checkpoint; undefined where nothing was ever cosigned. Throws `storage-failed`, and `storage-corrupt` for
   * what this witness has not cosigned: it then must not cosign anything, since it does not know what it has.
   */
  async read(): Promise<CosignedCheckpoint | undefined> {
    const bytes = await this.#file.read();
    if (bytes === undefined) return undefined;
    try {
      return this.#open(decodeUtf8(bytes));
    } catch (cause) {
      throw new GlasskeyError('storage-corrupt', `${this.#file.path} is not what this witness has cosigned`, { cause });
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
    await this.#file.write(encodeUtf8(note));
  }
}
