import * as node from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type ClientState, EMPTY_STATE } from '../state/client-state.ts';
import { hasCode } from '../../host/lock-holder.ts';
import { parseClientState } from '../state/client-state-json.ts';
import { isJournal, StateJournal, storedWhole } from '../state/state-journal.ts';
import { appendDurably, type DurableFiles, replaceDurably, syncFolder } from './durable-file.ts';
import { splitJournal } from './journal-lines.ts';
import { openIfPresent } from './read-if-present.ts';

/** Largest whole state that is written, in bytes: about 200,000 contacts. */
const MAX_WHOLE_BYTES = 2 ** 28;
/** Largest file that is read, in bytes: a whole state and changes of about its length. */
const MAX_FILE_BYTES = 2 ** 29;

/** The file as this process read or wrote it last. */
interface KnownFile {
  readonly state: ClientState;
  /** The text of a small state. */
  readonly text: string | undefined;
  /** The journal of a large one. */
  readonly journal: StateJournal | undefined;
  /** In bytes. */
  readonly size: number;
  /** The time of its last change, by the file system; undefined if this process wrote it and has not read it since. */
  readonly mtimeMs: number | undefined;
  /** True if {@link KnownFile.journal} is all of the file, and may be appended to. */
  readonly isWhole: boolean;
  /** True once the folder was synced with this file in it. */
  readonly isNameDurable: boolean;
}

/**
 * The file of a client's state: one text if the state is small, else a journal. Only a process that holds the state's
 * lock uses it. In a journal a change costs what it changes: it is appended, and another process reads it alone.
 */
export class StateFile {
  readonly #path: string;
  readonly #files: DurableFiles;
  #known: KnownFile | undefined;
  /** True after an append that failed: the file may hold a part of it that the disk does not, or the reverse. */
  #isDoubtful = false;

  constructor(path: string, files: DurableFiles = node) {
    this.#path = path;
    this.#files = files;
  }

  /** Returns the stored state, {@link EMPTY_STATE} if there is none. Throws `state-corrupt`, `state-too-new`. */
  async read(): Promise<ClientState> {
    const known = this.#known;
    this.#known = undefined;
    const file = await openIfPresent(this.#path);
    if (file === undefined) return EMPTY_STATE;
    try {
      const { size, mtimeMs } = await file.stat();
      ensure(size <= MAX_FILE_BYTES, 'state-corrupt', `the file of the state has ${size} bytes`);
      const found = (await readOn(file, size, known)) ?? (await readWhole(file, size, known));
      this.#known = { ...found, mtimeMs };
      return found.state;
    } finally {
      await file.close();
    }
  }

  /**
   * Stores a state durably in the place of the one that was read last: after a crash the file holds one of the two.
   * Throws `state-corrupt` for a state that could not be read back, `storage-failed` for one that is too large, and
   * `state-locked` if another process has written the file since.
   */
  async write(next: ClientState): Promise<void> {
    const known = this.#known;
    this.#known = undefined;
    this.#known = (await this.#append(known, next)) ?? (await this.#replace(known, next));
  }

  /** Appends the change; returns undefined, and does nothing, if the whole state is to be written. */
  async #append(known: KnownFile | undefined, next: ClientState): Promise<KnownFile | undefined> {
    if (known?.journal === undefined || !known.isWhole || this.#isDoubtful) return undefined;
    const line = known.journal.append(next);
    if (line === undefined) return undefined;
    const bytes = encodeUtf8(`${line}\n`);
    const size = known.size + bytes.length;
    if (size > MAX_FILE_BYTES) return undefined;
    // The process that named this file may have been killed before its name was durable.
    if (!known.isNameDurable) await syncFolder(dirname(this.#path), this.#files);
    this.#isDoubtful = true;
    await appendDurably(this.#path, known.size, bytes, this.#files);
    this.#isDoubtful = false;
    return { ...known, state: next, size, mtimeMs: undefined, isNameDurable: true };
  }

  async #replace(known: KnownFile | undefined, next: ClientState): Promise<KnownFile> {
    const { text, journal } = storedWhole(next);
    const bytes = encodeUtf8(journal === undefined ? text : `${text}\n`);
    ensure(bytes.length <= MAX_WHOLE_BYTES, 'storage-failed', `the state is too large: ${bytes.length} bytes`);
    await replaceDurably(this.#path, bytes, this.#files, () => this.#assertUnchanged(known));
    this.#isDoubtful = false;
    const common = {
      state: next,
      journal,
      size: bytes.length,
      mtimeMs: undefined,
      isWhole: true,
      isNameDurable: true,
    };
    return { ...common, text: journal === undefined ? text : undefined };
  }

  /** To write a large state takes long enough for another process to take over the lock of one that is stopped. */
  async #assertUnchanged(known: KnownFile | undefined): Promise<void> {
    const found = await node.stat(this.#path).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    const isSame = found?.size === known?.size && found?.mtimeMs === known?.mtimeMs;
    ensure(isSame, 'state-locked', `another process has written ${this.#path} meanwhile`);
  }
}

/** Reads what other processes appended to a journal that this one knows; undefined if the file is another one now. */
async function readOn(
  file: node.FileHandle,
  size: number,
  known: KnownFile | undefined,
): Promise<Omit<KnownFile, 'mtimeMs'> | undefined> {
  if (known?.journal === undefined || !known.isWhole || size < known.size) return undefined;
  const end = encodeUtf8(`${known.journal.end}\n`);
  const found = await readBetween(file, known.size - end.length, known.size);
  if (!found.equals(end)) return undefined;
  if (size === known.size) return known;
  const { lines, isWhole } = splitJournal(await readBetween(file, known.size, size));
  known.journal.extend(lines);
  return { ...known, ...journalState(known.journal, isWhole), size };
}

async function readWhole(
  file: node.FileHandle,
  size: number,
  known: KnownFile | undefined,
): Promise<Omit<KnownFile, 'mtimeMs'>> {
  const bytes = await readBetween(file, 0, size);
  const common = { size, isNameDurable: false };
  if (isJournal(bytes.toString('latin1', 0, 64))) {
    const { lines, isWhole } = splitJournal(bytes);
    const journal = StateJournal.open(lines);
    return { ...common, text: undefined, ...journalState(journal, isWhole) };
  }
  const text = bytes.toString('utf8');
  const state = known?.text === text ? known.state : parseClientState(text);
  return { ...common, state, text, journal: undefined, isWhole: true };
}

function journalState(journal: StateJournal, isWhole: boolean): Pick<KnownFile, 'state' | 'journal' | 'isWhole'> {
  return { state: journal.state, journal, isWhole: isWhole && !journal.hasStrays };
}

/** Returns the bytes of a file from one offset to another, fewer if it ends before. */
async function readBetween(file: node.FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
