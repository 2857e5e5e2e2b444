import { ensure } from '../errors.ts';
import type { LogProofResult } from '../log/log-tree.ts';
import type { Configuration } from './configuration.ts';
import {
  type AuditorTreeHead,
  type FullTreeHead,
  type TreeHead,
  verifyAuditorTreeHead,
  verifyTreeHead,
} from './tree-head.ts';
import type { RetainedEntry, TreeView } from './tree-view.ts';

/** The sizes that an untrusted FullTreeHead claims, after the checks that need no proof. */
export interface ClaimedSizes {
  readonly size: number;
  /** The size of the auditor's head, if the response has a new one. */
  readonly auditedSize: number | undefined;
}

/**
 * Returns the sizes that a response's proof must be for (KT §11.4 steps 1 and 2.1, §11.3 steps 1 and 3). Throws
 * `bad-tree-head`, also for an auditor that cannot have audited, or `tree-rolled-back` if the log is not larger than
 * the one the client has seen.
 */
export function claimedSizes(config: Configuration, head: FullTreeHead, view: TreeView | undefined): ClaimedSizes {
  if (head.type === 'same') {
    ensure(view !== undefined, 'bad-tree-head', 'the response repeats an earlier head, but the client has none');
    return { size: view.size, auditedSize: undefined };
  }
  const { treeSize } = head.treeHead;
  ensure(treeSize >= 1, 'bad-tree-head', 'the tree head is of an empty log');
  ensure(view === undefined || treeSize > view.size, 'tree-rolled-back', 'the new tree head is not larger');
  if (config.mode !== 'thirdPartyAuditing') return { size: treeSize, auditedSize: undefined };
  const auditor = head.auditorTreeHead;
  ensure(auditor !== undefined, 'bad-tree-head', "the auditor's tree head is missing");
  ensure(auditor.treeSize >= 1 && auditor.treeSize <= treeSize, 'bad-tree-head', "the auditor's head is too large");
  const start = config.auditorStartPosition;
  ensure(auditor.treeSize > start, 'bad-tree-head', `the auditor starts at entry ${start} and has audited none`);
  // Entries between what was checked before and the auditor's start would be checked by nobody.
  const checkedTo = view === undefined ? start : (view.auditorTreeHead?.treeSize ?? view.size);
  ensure(checkedTo >= start, 'bad-tree-head', `the auditor starts at entry ${start}, after entry ${checkedTo}`);
  return { size: treeSize, auditedSize: auditor.treeSize };
}

/** Returns a time span in words, for a message. */
function secondsText(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

/** Throws `tree-head-too-old` or `tree-head-too-new` if the rightmost timestamp is out of bounds (KT §4.2). */
export function assertRecent(config: Configuration, timestampMs: number, nowMs: number): void {
  const isOld = timestampMs < nowMs - config.maxBehindMs;
  const isNew = timestampMs > nowMs + config.maxAheadMs;
  const age = `the newest log entry is ${secondsText(nowMs - timestampMs)} behind the clock here`;
  ensure(!isOld, 'tree-head-too-old', `${age}: the clock is wrong, or the log stands still. Next: compare the clock`);
  const lead = `the newest log entry is ${secondsText(timestampMs - nowMs)} ahead of the clock here`;
  ensure(!isNew, 'tree-head-too-new', `${lead}, which is most likely wrong. Next: compare it with another clock`);
}

/**
 * Verifies an untrusted FullTreeHead against the result of its proof (KT §11.4), and returns the view to retain.
 * `frontier` is the new one. Throws `bad-signature`, `bad-tree-head`, `view-mismatch`, `tree-head-too-old`,
 * `tree-head-too-new`.
 */
export function verifyFullTreeHead(options: {
  readonly config: Configuration;
  readonly head: FullTreeHead;
  readonly view: TreeView | undefined;
  readonly size: number;
  readonly proof: LogProofResult;
  readonly frontier: readonly RetainedEntry[];
  readonly nowMs: number;
}): TreeView {
  const { config, head, view, size, proof, frontier, nowMs } = options;
  const rightmostMs = (frontier.at(-1) as RetainedEntry).timestampMs;
  assertRecent(config, rightmostMs, nowMs);
  // With the same head, the proof was folded from retained subtrees whose root was verified when they were stored.
  // Verifying its signature again costs nothing in the process that did it, and catches tampered state.
  const treeHead: TreeHead = head.type === 'same' ? (view as TreeView).treeHead : head.treeHead;
  verifyTreeHead(config, treeHead, proof.root);
  let auditorTreeHead: AuditorTreeHead | undefined = view?.auditorTreeHead;
  if (head.type === 'updated' && head.auditorTreeHead !== undefined && config.mode === 'thirdPartyAuditing') {
    auditorTreeHead = head.auditorTreeHead;
    const lagMs = rightmostMs - auditorTreeHead.timestampMs;
    ensure(lagMs >= 0 && lagMs <= config.maxAuditorLagMs, 'bad-tree-head', `the auditor lags by ${lagMs} ms`);
    verifyAuditorTreeHead(config, auditorTreeHead, proof.auditedRoot as Uint8Array);
  }
  return { size, fullSubtrees: proof.fullSubtrees, frontier, treeHead, auditorTreeHead };
}
