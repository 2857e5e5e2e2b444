import { verifyCosignatures } from '../../core/audit/cosignature.ts';
import { type NoteSignature, parseNote } from '../../core/audit/note.ts';
import { MAX_WITNESS_AHEAD_MS } from '../../core/audit/policy.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { Fetch } from '../../core/net/bounded-fetch.ts';
import { askWitness } from './ask-witness.ts';
import { fetchSeen, type OwnLog } from './seen-checkpoint.ts';

/** A checkpoint that this log has signed, with proofs that it continues earlier ones. */
export interface SignedCheckpoint {
  /** The signed note. */
  readonly note: string;
  readonly size: number;
  /** Returns the consistency proof from a smaller size (RFC 6962 §2.1.2). */
  proofFrom(oldSize: number): Promise<readonly Uint8Array[]>;
  /** Returns the root of the log's first `size` entries, at most this checkpoint's size. */
  rootAt(size: number): Promise<Uint8Array>;
}

/** Why a witness gave no cosignature. For `resting` and `busy`, it was not asked. */
export type WitnessFailure =
  | 'refused'
  | 'unreachable'
  | 'bad-answer'
  | 'bad-cosignature'
  | 'bad-clock'
  /** It claims to have seen another tree, but shows nothing that this log has signed. */
  | 'unproven'
  | 'resting'
  | 'busy';

/** The outcome of asking a witness about a checkpoint. */
export type WitnessResult =
  /** Verified cosignatures of the checkpoint, one line for each of the witness's keys. */
  | { readonly type: 'cosigned'; readonly signatures: readonly NoteSignature[] }
  /** It has seen a smaller tree, and was not asked to cosign this one. */
  | { readonly type: 'behind'; readonly size: number }
  /** It names a larger tree; `isProven` if it shows a larger checkpoint with this log's own signature. */
  | { readonly type: 'ahead'; readonly size: number; readonly isProven: boolean }
  /** It shows a checkpoint with this log's own signature of a tree that this log does not have. */
  | { readonly type: 'inconsistent'; readonly size: number; readonly detail: string }
  | { readonly type: 'failed'; readonly outcome: WitnessFailure; readonly detail: string };

/** One witness of the policy. It has several names if the policy has a line for each of its keys. */
export interface WitnessPeerOptions {
  /** Names inside the policy. */
  readonly names: readonly string[];
  readonly vkeys: readonly Vkey[];
  /** Submission prefix. */
  readonly url: string;
  readonly fetch: Fetch;
  /** The log that asks. */
  readonly log: OwnLog;
  /** Now in ms. */
  readonly now: () => number;
  readonly timeoutMs: number;
  /** The first pause after a failure, ms; doubles up to `maxRestMs`. */
  readonly restMs: number;
  readonly maxRestMs: number;
}

/** Attempts to meet the size that a witness names: other replicas may ask it in between. */
const MAX_ATTEMPTS = 3;

/** A log's view of one witness: its address, the size that it cosigned last, and the pause after a failure. */
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

  /** The names of the witness, for people. */
  get title(): string {
    return this.names.join(', ');
  }

  /** Asks for a cosignature, from any size that the witness names. A witness that fails never makes it throw. */
  cosign(checkpoint: SignedCheckpoint): Promise<WitnessResult> {
    return this.#guard(() => this.#advance(checkpoint));
  }

  /** Asks, without a proof, whether the log's last signed checkpoint is also the last that the witness knows. */
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
    return {
      type: 'failed',
      outcome: 'bad-answer',
      detail: 'it names a size but does not accept a proof from that size',
    };
  }

  /**
   * Checks a witness's claim. An HTTP status carries no signature, but this log has signed every checkpoint that the
   * witness can have seen.
   */
  async #prove(checkpoint: SignedCheckpoint, claimed: number | undefined, detail: string): Promise<WitnessResult> {
    const seen = await fetchSeen(this.#options, this.#options.log);
    if (seen !== undefined && seen.size > checkpoint.size) return { type: 'ahead', size: seen.size, isProven: true };
    if (seen !== undefined && seen.size > 0) {
      const root = await checkpoint.rootAt(seen.size);
      if (!equalBytes(root, seen.rootHash)) return { type: 'inconsistent', size: seen.size, detail };
    }
    if (claimed !== undefined) return { type: 'ahead', size: claimed, isProven: false };
    return failed('unproven', `${detail}, but shows no such checkpoint with this log's signature`);
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
      if (cosignatures.length === 0)
        return failed('bad-cosignature', 'its answer has no signature by its key in the policy');
      if (!isTimely) return failed('bad-clock', 'its clock differs from the server by more than five minutes');
      const signatures = vkeys.flatMap(
        (key) => answer.signatures.find(({ name, keyId }) => name === key.name && keyId === key.keyId) ?? [],
      );
      return { type: 'cosigned', signatures };
    } catch (error) {
      if (isGlasskeyError(error)) return failed('bad-cosignature', error.message);
      throw error;
    }
  }

  /** Runs one request at a time. One more may wait for it; any further one is `busy`. */
  async #guard(work: () => Promise<WitnessResult>): Promise<WitnessResult> {
    if (this.#isAwaited) return failed('busy', 'it has not answered earlier requests yet');
    this.#isAwaited = true;
    const before = this.#turn;
    const turn = before.then(async () => {
      this.#isAwaited = false;
      if (performance.now() < this.#restUntilMs)
        return failed('resting', 'it failed recently and is asked again after a pause');
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
