import { verifyCosignatures } from '../../core/audit/cosignature.ts';
import { type NoteSignature, parseNote } from '../../core/audit/note.ts';
import { MAX_WITNESS_AHEAD_MS } from '../../core/audit/policy.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { askWitness, type WitnessFetch } from './ask-witness.ts';
import { fetchSeen, type OwnLog } from './seen-checkpoint.ts';

/** A checkpoint that this log has signed, and how to show that it continues earlier ones. */
export interface SignedCheckpoint {
  /** The signed note. */
  readonly note: string;
  readonly size: number;
  /** The consistency proof from a smaller size (RFC 6962 §2.1.2). */
  proofFrom(oldSize: number): Promise<readonly Uint8Array[]>;
  /** The root of the log's first `size` entries, at most this checkpoint's size. */
  rootAt(size: number): Promise<Uint8Array>;
}

/** Why a witness gave no cosignature though it may have been asked. */
export type WitnessFailure =
  | 'refused'
  | 'unreachable'
  | 'bad-answer'
  | 'bad-cosignature'
  | 'bad-clock'
  /** It says that it has seen another tree, and shows nothing that this log has signed. */
  | 'unproven'
  | 'resting'
  | 'busy';

/** What became of asking a witness about a checkpoint. */
export type WitnessResult =
  /** Its cosignatures of the checkpoint, verified: one line for each of its keys. */
  | { readonly type: 'cosigned'; readonly signatures: readonly NoteSignature[] }
  /** It has seen less, and was not asked to go on from there. */
  | { readonly type: 'behind'; readonly size: number }
  /** It has cosigned a larger tree; `isProven` where it shows a checkpoint of that size with this log's own signature. */
  | { readonly type: 'ahead'; readonly size: number; readonly isProven: boolean }
  /** It shows a checkpoint with this log's own signature, of a tree that this log does not have. */
  | { readonly type: 'inconsistent'; readonly size: number; readonly detail: string }
  | { readonly type: 'failed'; readonly outcome: WitnessFailure; readonly detail: string };

/** One witness of the policy; several names where it has a line for each of its keys. */
export interface WitnessPeerOptions {
  /** Names inside the policy. */
  readonly names: readonly string[];
  readonly vkeys: readonly Vkey[];
  /** Submission prefix. */
  readonly url: string;
  readonly fetch: WitnessFetch;
  /** The log that asks. */
  readonly log: OwnLog;
  /** Now in ms. */
  readonly now: () => number;
  readonly timeoutMs: number;
  /** First rest after a failure, ms; doubles up to `maxRestMs`. */
  readonly restMs: number;
  readonly maxRestMs: number;
}

/** Sizes that a witness may name before it has to accept one: it can be asked by others in between. */
const MAX_ATTEMPTS = 3;

/** A witness as a log knows it: where it is, what it has cosigned, and whether to leave it alone for a while. */
export class WitnessPeer {
  readonly #options: WitnessPeerOptions;
  #known = 0;
  #isAwaited = false;
  #turn: Promise<unknown> = Promise.resolve();
  #failures = 0;
  #restUntilMs = 0;

  constructor(options: WitnessPeerOptions) {
    this.#options = options;
  }

  /** Names inside the policy. */
  get names(): readonly string[] {
    return this.#options.names;
  }

  /** For people: its names. */
  get title(): string {
    return this.names.join(', ');
  }

  /** Asks for a cosignature, from whatever size the witness knows. One request at a time; never throws for the witness. */
  cosign(checkpoint: SignedCheckpoint): Promise<WitnessResult> {
    return this.#guard(() => this.#advance(checkpoint));
  }

  /** Asks whether a checkpoint that was signed before is still the last that the witness knows, without a proof. */
  confirm(checkpoint: SignedCheckpoint): Promise<WitnessResult> {
    return this.#guard(async () => {
      const { note, size } = checkpoint;
      const reply = await askWitness({ oldSize: size, proof: [], checkpoint: note }, this.#options);
      if (reply.type !== 'other-size') return this.#settle(checkpoint, reply);
      this.#known = reply.size;
      if (reply.size < size) return { type: 'behind', size: reply.size };
      return this.#prove(checkpoint, reply.size, `it names size ${reply.size}`);
    });
  }

  async #advance(checkpoint: SignedCheckpoint): Promise<WitnessResult> {
    const { note, size } = checkpoint;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const oldSize = Math.min(this.#known, size);
      const proof = oldSize === size ? [] : await checkpoint.proofFrom(oldSize);
      const reply = await askWitness({ oldSize, proof, checkpoint: note }, this.#options);
      if (reply.type !== 'other-size') return this.#settle(checkpoint, reply);
      this.#known = reply.size;
      if (reply.size > size) return this.#prove(checkpoint, reply.size, `it names size ${reply.size}`);
      if (reply.size === oldSize) break;
    }
    return { type: 'failed', outcome: 'bad-answer', detail: 'it names one size and refuses to go on from there' };
  }

  /**
   * Looks whether what a witness claims is so: the status of an answer is nobody's signature, but what it has seen of this
   * log, this log has signed.
   */
  async #prove(checkpoint: SignedCheckpoint, claimed: number | undefined, detail: string): Promise<WitnessResult> {
    const seen = await fetchSeen(this.#options, this.#options.log);
    if (seen !== undefined && seen.size > checkpoint.size) return { type: 'ahead', size: seen.size, isProven: true };
    if (seen !== undefined && seen.size > 0) {
      const root = await checkpoint.rootAt(seen.size);
      if (!equalBytes(root, seen.rootHash)) return { type: 'inconsistent', size: seen.size, detail };
    }
    if (claimed !== undefined) return { type: 'ahead', size: claimed, isProven: false };
    return failed('unproven', `${detail}, and shows no other tree that this log has signed`);
  }

  async #settle(
    checkpoint: SignedCheckpoint,
    reply: Exclude<Awaited<ReturnType<typeof askWitness>>, { type: 'other-size' }>,
  ): Promise<WitnessResult> {
    const { note, size } = checkpoint;
    if (reply.type === 'failed') return reply;
    if (reply.type === 'inconsistent') return this.#prove(checkpoint, undefined, `it says: ${reply.detail}`);
    const result = this.#read(note, reply.lines);
    if (result.type === 'cosigned') this.#known = size;
    return result;
  }

  /** Verifies the lines of an answer against the witness's keys. Lines of other keys are ignored. */
  #read(note: string, lines: string): WitnessResult {
    const { vkeys, now } = this.#options;
    try {
      const { text } = parseNote(note);
      const answer = parseNote(`${text}\n${lines}`);
      const cosignatures = verifyCosignatures(answer, vkeys);
      const isTimely = cosignatures.every(({ timestampMs }) => Math.abs(timestampMs - now()) <= MAX_WITNESS_AHEAD_MS);
      if (cosignatures.length === 0) return failed('bad-cosignature', 'no line is by its key of the policy');
      if (!isTimely) return failed('bad-clock', 'its clock differs from ours by more than five minutes');
      const signatures = vkeys.flatMap(
        (key) => answer.signatures.find(({ name, keyId }) => name === key.name && keyId === key.keyId) ?? [],
      );
      return { type: 'cosigned', signatures };
    } catch (error) {
      if (isGlasskeyError(error)) return failed('bad-cosignature', error.message);
      throw error;
    }
  }

  /** Lets the request of the round before end first; while one waits for that already, another is refused. */
  async #guard(work: () => Promise<WitnessResult>): Promise<WitnessResult> {
    if (this.#isAwaited) return failed('busy', 'it still has earlier requests');
    this.#isAwaited = true;
    const before = this.#turn;
    const turn = before.then(async () => {
      this.#isAwaited = false;
      if (performance.now() < this.#restUntilMs) return failed('resting', 'it failed a moment ago');
      const result = await work();
      this.#failures = result.type === 'failed' ? this.#failures + 1 : 0;
      if (result.type === 'failed') this.#restUntilMs = performance.now() + this.#rest();
      return result;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #rest(): number {
    const { restMs, maxRestMs } = this.#options;
    return Math.min(restMs * 2 ** Math.min(this.#failures - 1, 20), maxRestMs);
  }
}

function failed(outcome: WitnessFailure, detail: string): WitnessResult {
  return { type: 'failed', outcome, detail };
}
