import { readFile, stat } from 'node:fs/promises';
import { appendDurably, replaceDurably, syncFolder } from '../client/node/durable-file.ts';
import { splitJournal } from '../client/node/journal-lines.ts';
import * as node from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';

/** A change of one record; `undefined` removes it. */
export type RecordChange<T> = readonly [key: string, value: T | undefined];

const HEADER = JSON.stringify({ format: 'glasskey-watch', version: 1 });
/** A journal below this is never rewritten, bytes. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** The journal is rewritten once it is so many times as long as its records were at the last time. */
const GROWTH = 4;
/** The journal is rewritten also once it has grown by this, bytes: Node reads no file of 2 GiB. */
const LONGEST_TAIL_BYTES = 256 * 1024 * 1024;
/** Records that are written at a time: one text of all of them could be longer than a text may be. */
const RECORDS_AT_ONCE = 1_000;

/**
 * Records by key in one private file (mode 0600): a journal of JSON lines, each with the changes of one step, which
 * counts whole or not at all. A change is in memory at once, and durable when {@link RecordFile.commit} resolves. After
 * a failed write nothing more is accepted: memory and disk may differ. One process at a time uses the file; the values
 * are its own, and are trusted as far as the folder is.
 */
export class RecordFile<T> {
  readonly #path: string;
  readonly #records = new Map<string, T>();
  #size = 0;
  #rewrittenBytes = 0;
  #waiting: string[] = [];
  #turn: Promise<void> = Promise.resolve();
  #failure: GlasskeyError | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file, or begins one. Throws `storage-failed`, and `storage-corrupt` for a file that it did not write. */
  static async open<T>(path: string): Promise<RecordFile<T>> {
    const file = new RecordFile<T>(path);
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new GlasskeyError('storage-failed', `cannot read ${path}`, { cause: error });
    });
    if (bytes !== undefined) file.#load(new Uint8Array(bytes));
    // Also drops the end of a line that a killed process left, and syncs what is shown from now on.
    await file.#rewrite();
    return file;
  }

  get(key: string): T | undefined {
    return this.#records.get(key);
  }

  /** Every record, in the order in which the keys came. */
  all(): IterableIterator<[string, T]> {
    return this.#records.entries();
  }

  get size(): number {
    return this.#records.size;
  }

  /** Bytes of the file when it was last rewritten, with nothing in it but the records. */
  get recordBytes(): number {
    return this.#rewrittenBytes;
  }

  /** Makes changes as one step; resolves once they are durable. Throws `storage-failed`. */
  async commit(changes: readonly RecordChange<T>[]): Promise<void> {
    this.#assertWorks();
    for (const [key, value] of changes) {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, value);
    }
    this.#waiting.push(JSON.stringify(changes.map(([key, value]) => [key, value ?? null])));
    this.#turn = this.#turn.then(() => this.#flush());
    await this.#turn;
    this.#assertWorks();
  }

  #assertWorks(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes everything that waits with one sync. */
  async #flush(): Promise<void> {
    const lines = this.#waiting;
    if (lines.length === 0 || this.#failure !== undefined) return;
    this.#waiting = [];
    try {
      const bytes = encodeUtf8(lines.map((line) => `${line}\n`).join(''));
      await appendDurably(this.#path, this.#size, bytes);
      this.#size += bytes.length;
      const written = this.#rewrittenBytes;
      const longest = Math.min(Math.max(SMALL_BYTES, GROWTH * written), written + LONGEST_TAIL_BYTES);
      if (this.#size > longest) await this.#rewrite();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#failure = new GlasskeyError('storage-failed', `cannot write ${this.#path}: ${reason}`, { cause });
    }
  }

  async #rewrite(): Promise<void> {
    try {
      await replaceDurably(this.#path, this.#parts(), node, async () => undefined);
      await syncFolder(dirname(this.#path));
      this.#size = (await stat(this.#path)).size;
      this.#rewrittenBytes = this.#size;
    } catch (cause) {
      if (isGlasskeyError(cause)) throw cause;
      throw new GlasskeyError('storage-failed', `cannot write ${this.#path}`, { cause });
    }
  }

  /** The whole file, in parts. */
  *#parts(): Generator<string> {
    let part = `${HEADER}\n`;
    let records = 0;
    for (const change of this.#records) {
      part += `${JSON.stringify([change])}\n`;
      if (++records % RECORDS_AT_ONCE > 0) continue;
      yield part;
      part = '';
    }
    yield part;
  }

  #load(bytes: Uint8Array): void {
    const corrupt = `${this.#path} is damaged, or no watcher wrote it`;
    try {
      const [header, ...lines] = splitJournal(bytes).lines;
      ensure(header === HEADER, 'storage-corrupt', corrupt);
      for (const line of lines) {
        for (const [key, value] of JSON.parse(line) as [string, T | null][]) {
          if (value === null) this.#records.delete(key);
          else this.#records.set(key, value);
        }
      }
    } catch (cause) {
      throw new GlasskeyError('storage-corrupt', corrupt, { cause });
    }
  }
}
