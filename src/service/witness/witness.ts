import { originHash, parseAddCheckpoint } from '../../core/audit/add-checkpoint.ts';
import { type Checkpoint, parseCheckpoint } from '../../core/audit/checkpoint.ts';
import type { NoteCosigner } from '../../core/audit/cosignature.ts';
import {
  formatNote,
  formatSignatureLines,
  isLineOf,
  type Note,
  type NoteSignature,
  parseNote,
  verifyNote,
} from '../../core/audit/note.ts';
import { emptyRoot, verifyConsistency } from '../../core/audit/rfc6962.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { decodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { FileSystem } from '../file-system.ts';
import { cosignSubtree, readSubtreeRequest, type SubtreeAnswer } from './sign-subtree.ts';
import { type CosignedCheckpoint, CosignedFile } from './cosigned-file.ts';
import type { WitnessedLogs } from './witnessed-logs.ts';

/** Least time before the same checkpoint is cosigned again, ms: a repeated request then costs little. */
const RENEW_AFTER_MS = 1_000;

/** A witness's answer to `add-checkpoint` (c2sp.org/tlog-witness). */
export type WitnessAnswer =
  /** The cosignature lines. */
  | { readonly status: 200; readonly origin: string; readonly size: number; readonly lines: string }
  /** The size that the witness cosigned last. */
  | { readonly status: 409; readonly origin: string; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 422; readonly origin?: string; readonly reason: string };

/** Options of a {@link Witness}. */
export interface WitnessOptions {
  /** The folder of its files, which this process has locked. */
  readonly folder: string;
  readonly cosigners: readonly NoteCosigner[];
  readonly logs: WitnessedLogs;
  /** Now in ms. */
  readonly now: () => number;
  /** Default: Node's. */
  readonly files?: FileSystem | undefined;
}

/** One log. Its requests run one at a time. */
interface Slot {
  readonly file: CosignedFile;
  /** The content of the file; `unknown` before it is read, and after a failed write. */
  latest: CosignedCheckpoint | undefined | 'unknown';
  turn: Promise<unknown>;
}

/**
 * A witness. It cosigns a checkpoint of a known log if that continues the last one it cosigned, and stores it before it
 * answers. So no two of its answers contradict each other, even after a crash or a failed write.
 */
export class Witness {
  readonly #options: WitnessOptions;
  readonly #slots = new Map<string, Slot>();
  #logs: WitnessedLogs = new Map();
  /** The origins of the logs by their {@link originHash}. */
  #origins: ReadonlyMap<string, string> = new Map();

  /** Throws `usage` if there is no key. */
  constructor(options: WitnessOptions) {
    ensure(options.cosigners.length > 0, 'usage', 'a witness needs a key');
    this.#options = options;
    this.replaceLogs(options.logs);
  }

  /** The witness's keys. */
  get vkeys(): readonly Vkey[] {
    return this.#options.cosigners.map(({ vkey }) => vkey);
  }

  /** Replaces the list of logs. The witness keeps the files of logs that are no longer on it. */
  replaceLogs(logs: WitnessedLogs): void {
    this.#logs = logs;
    this.#origins = new Map([...logs.keys()].map((origin) => [originHash(origin), origin]));
  }

  /** Answers an untrusted request. Throws `storage-failed` or `storage-corrupt`; nothing leaves the witness then. */
  async addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    const request = parseRequest(body);
    if ('status' in request) return request;
    const { checkpoint, note, oldSize } = request;
    const { origin } = checkpoint;
    const trusted = this.#logs.get(origin);
    if (trusted === undefined) return { status: 404, reason: 'this witness does not know the log' };
    const signatures = verifiedLines(note, trusted);
    if (signatures === undefined)
      return { status: 403, origin, reason: 'the checkpoint is not signed by a known key of the log' };
    if (oldSize > checkpoint.size)
      return { status: 400, origin, reason: 'the old size is greater than the size of the checkpoint' };
    return this.#inTurn(origin, (slot) => this.#advance(slot, { ...request, note: { text: note.text, signatures } }));
  }

  /**
   * Answers an untrusted request to cosign a subtree of a checkpoint that it cosigned before. Throws `storage-failed`
   * or `storage-corrupt`: without its record the witness signs nothing.
   */
  async signSubtree(body: Uint8Array): Promise<SubtreeAnswer> {
    const request = readSubtreeRequest(body);
    if ('status' in request) return request;
    const { origin } = request.checkpoint;
    if (!this.#logs.has(origin)) return { status: 404, reason: 'this witness does not know the log' };
    const latest = await this.#inTurn(origin, load);
    return cosignSubtree(request, latest?.checkpoint, this.#options.cosigners);
  }

  /** Returns the note that it cosigned last for the log with this {@link originHash}; undefined if there is none. */
  async latest(hash: string): Promise<string | undefined> {
    const origin = this.#origins.get(hash);
    if (origin === undefined) return undefined;
    return this.#inTurn(origin, async (slot) => (await load(slot))?.note);
  }

  async #advance(slot: Slot, request: Request): Promise<WitnessAnswer> {
    const { checkpoint, oldSize } = request;
    const { origin, size } = checkpoint;
    const latest = await load(slot);
    const latestSize = latest?.checkpoint.size ?? 0;
    if (oldSize !== latestSize) return { status: 409, origin, size: latestSize };
    const reason = inconsistency(latest?.checkpoint, request);
    if (reason !== undefined) return { status: 422, origin, reason };
    const isRepeated = latest?.note.startsWith(`${request.note.text}\n`) === true;
    const isRecent = isRepeated && Math.abs(this.#options.now() - latest.timestampMs) < RENEW_AFTER_MS;
    const cosigned = isRecent ? latest : await this.#cosign(slot, request, latest);
    return { status: 200, origin, size, lines: this.#ownLines(cosigned.note) };
  }

  /** Cosigns a checkpoint and stores it; returns the cosignatures only then. */
  async #cosign(slot: Slot, { checkpoint, note }: Request, latest: CosignedCheckpoint | undefined) {
    // A clock that was set back must not make a smaller tree look newer than a larger one.
    const timestampMs = Math.max(this.#options.now(), latest?.timestampMs ?? 0);
    const own = await Promise.all(this.#options.cosigners.map((one) => one.cosign(note.text, timestampMs)));
    const cosigned: CosignedCheckpoint = {
      checkpoint,
      note: formatNote({ text: note.text, signatures: [...note.signatures, ...own] }),
      timestampMs: Math.floor(timestampMs / 1000) * 1000,
    };
    // If the write fails, nobody has the cosignatures, and the file shows which checkpoint is the last.
    slot.latest = 'unknown';
    await slot.file.write(cosigned);
    slot.latest = cosigned;
    return cosigned;
  }

  #ownLines(text: string): string {
    const lines = parseNote(text).signatures.filter((line) => this.vkeys.some((key) => isLineOf(key, line)));
    return formatSignatureLines(lines);
  }

  #inTurn<T>(origin: string, work: (slot: Slot) => Promise<T>): Promise<T> {
    const { folder, files } = this.#options;
    const slot = this.#slots.get(origin) ?? {
      file: new CosignedFile(folder, origin, this.vkeys, files),
      latest: 'unknown' as const,
      turn: Promise.resolve(),
    };
    this.#slots.set(origin, slot);
    const done = slot.turn.then(() => work(slot));
    slot.turn = done.catch(() => undefined);
    return done;
  }
}

interface Request {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

function parseRequest(body: Uint8Array): Request | (WitnessAnswer & { readonly status: 400 }) {
  try {
    const { oldSize, proof, checkpoint } = parseAddCheckpoint(decodeUtf8(body));
    const note = parseNote(checkpoint);
    return { oldSize, proof, note, checkpoint: parseCheckpoint(note.text) };
  } catch (error) {
    if (!(error instanceof GlasskeyError) && !(error instanceof TypeError)) throw error;
    return { status: 400, reason: isGlasskeyError(error) ? error.message : 'the request is not UTF-8' };
  }
}

/** Returns a line of each of the log's own keys; undefined if there is none, or if one does not verify. */
function verifiedLines(note: Note, trusted: readonly Vkey[]): readonly NoteSignature[] | undefined {
  try {
    const signatures = withoutRepeats(note.signatures);
    const signedBy = verifyNote({ text: note.text, signatures }, trusted);
    // One line for each key: otherwise the stored note could become too long to read.
    return signedBy.flatMap((key) => signatures.find((line) => isLineOf(key, line)) ?? []);
  } catch (error) {
    if (isGlasskeyError(error, 'bad-signature')) return undefined;
    throw error;
  }
}

/** Drops repeated lines. Each would cost a verification, and anybody can repeat a line that a log has published. */
function withoutRepeats(signatures: readonly NoteSignature[]): readonly NoteSignature[] {
  return [...new Map(signatures.map((line) => [formatSignatureLines([line]), line])).values()];
}

/**
 * Returns why the checkpoint does not continue `latest`, whose size is the request's old size; undefined if it does.
 */
function inconsistency(latest: Checkpoint | undefined, { checkpoint, oldSize, proof }: Request): string | undefined {
  const { size, rootHash } = checkpoint;
  if (size === 0 && !equalBytes(rootHash, emptyRoot())) return 'the root of the empty tree is wrong';
  if (oldSize === 0 || latest === undefined)
    return proof.length === 0 ? undefined : 'the proof from an empty tree must be empty';
  try {
    verifyConsistency(oldSize, size, latest.rootHash, rootHash, proof);
    return undefined;
  } catch (error) {
    if (isGlasskeyError(error, 'bad-log-proof')) return error.message;
    throw error;
  }
}

async function load(slot: Slot): Promise<CosignedCheckpoint | undefined> {
  if (slot.latest === 'unknown') slot.latest = await slot.file.read();
  return slot.latest;
}
