import { equalBytes } from '../encoding/bytes.ts';
import { type Codec, struct, uint64, vector } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { appendLeaf, compactRange, rangeRoot } from '../log/compact-range.ts';
import { logLeaf } from '../log/log-tree.ts';
import { keytransNodeHasher } from '../log/node-hasher.ts';
import { ABSENT_HASH } from '../prefix/prefix-hash.ts';
import { evaluatePrefixInsertion } from '../prefix/prefix-proof.ts';
import { areAscending } from '../prefix/sorted-leaves.ts';
import { type PrefixLeaf, prefixLeafCodec, type PrefixProof, prefixProofCodec } from './proofs.ts';

/** The change of one log entry, with the evidence that nothing else changed (KT §15.2). */
export interface AuditorUpdate {
  /** The timestamp of the log entry, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Strictly ascending by VRF output. */
  readonly added: readonly PrefixLeaf[];
  /** Always empty in Glasskey's logs. */
  readonly removed: readonly PrefixLeaf[];
  /** The lookup of the added keys, then of the removed ones, in the previous entry's prefix tree. */
  readonly proof: PrefixProof;
}

/** Codec of {@link AuditorUpdate}. */
export const auditorUpdateCodec: Codec<AuditorUpdate> = struct<AuditorUpdate>({
  timestampMs: uint64,
  added: vector(prefixLeafCodec, 0, 0xffff),
  removed: vector(prefixLeafCodec, 0, 0xffff),
  proof: prefixProofCodec,
});

/** The state that an auditor keeps between two log entries. */
export interface AuditorState {
  /** The number of log entries seen. */
  readonly size: number;
  /** The timestamp of the last entry; 0 before the first. */
  readonly timestampMs: number;
  /** The root of the last entry's prefix tree; all-zero before the first. */
  readonly prefixRoot: Uint8Array;
  /** The heads of the log tree's full subtrees, left to right (KT §3.2). */
  readonly fullSubtrees: readonly Uint8Array[];
}

/** The state before entry 0. */
export const EMPTY_AUDITOR_STATE: AuditorState = {
  size: 0,
  timestampMs: 0,
  prefixRoot: ABSENT_HASH,
  fullSubtrees: [],
};

/**
 * Follows the log by one entry: the auditor's steps 1 to 7 (KT §15.2) on an untrusted update. It does not change
 * `state`. It is stricter than the draft and refuses an update that removes leaves, since Glasskey's prefix trees only
 * grow.
 *
 * Throws `bad-timestamp` if time runs backwards. Throws `bad-prefix-proof` if the proof is not one for `added`, or
 * shows that an added leaf already exists. Throws `bad-auditor-update` if the update removes leaves, if `added` is out
 * of order, or if the proof is for another tree than that of `state`.
 */
export function verifyAuditorUpdate(state: AuditorState, update: AuditorUpdate): AuditorState {
  return appendAuditorEntry(state, update.timestampMs, verifyPrefixChange(state, update));
}

/**
 * The part of {@link verifyAuditorUpdate} that needs only the timestamp and prefix root of the previous entry, so that
 * entries can be verified in any order. Returns the root of the prefix tree after the untrusted update, and throws the
 * same errors.
 */
export function verifyPrefixChange(
  before: Pick<AuditorState, 'timestampMs' | 'prefixRoot'>,
  update: AuditorUpdate,
): Uint8Array {
  const { timestampMs, added, removed, proof } = update;
  ensure(timestampMs >= before.timestampMs, 'bad-timestamp', 'the entry is older than the one before it');
  ensure(removed.length === 0, 'bad-auditor-update', 'the entry removes leaves');
  ensure(areAscending(added), 'bad-auditor-update', 'added leaves are not strictly ascending');
  const change = evaluatePrefixInsertion(proof, added);
  const follows = equalBytes(change.before, before.prefixRoot);
  ensure(follows, 'bad-auditor-update', 'the proof is not for the previous prefix tree');
  return change.after;
}

/**
 * Computes the root of the log tree of `state` (KT §11.8), which must have at least one entry. Throws
 * `value-out-of-range`.
 */
export function auditorLogRoot(state: AuditorState): Uint8Array {
  const root = rangeRoot(compactRange(state.size, state.fullSubtrees), keytransNodeHasher);
  ensure(root !== undefined, 'value-out-of-range', 'an empty log has no root');
  return root;
}

/** Returns the state after one more entry, whose content is already verified (KT §11.8). */
export function appendAuditorEntry(state: AuditorState, timestampMs: number, prefixRoot: Uint8Array): AuditorState {
  const range = compactRange(state.size, state.fullSubtrees);
  const leaf = logLeaf(timestampMs, prefixRoot);
  const { size, heads } = appendLeaf(range, leaf, keytransNodeHasher);
  return { size, timestampMs, prefixRoot, fullSubtrees: heads };
}
