import { verifyCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { verifyCosignatures } from '../../core/audit/cosignature.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { assertWitnessed } from '../../core/audit/policy.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { assertSeen } from '../audit/assert-seen.ts';
import type { AuditFiles } from '../audit/audit-files.ts';
import type { AuditTrust } from '../audit/audit-trust.ts';

/** A party that watches the log, and the time of its newest signature. */
export interface Watcher {
  readonly name: string;
  /** ms since the epoch, by its own clock; undefined if it has not signed the newest state. */
  readonly signedAtMs: number | undefined;
}

/** The log as it stands, from a checkpoint that was verified. */
export interface LogOverview {
  readonly checkpoint: VerifiedCheckpoint;
  /** The witnesses of the trust bundle; none if the log has none. */
  readonly witnesses: readonly Watcher[];
  /** The third-party auditor's newest head in the verified view; undefined for a log without one. */
  readonly auditor: { readonly signedAtMs: number; readonly treeSize: number } | undefined;
}

/**
 * Reads the newest checkpoint and verifies it: the log's signature, the quorum of its witnesses, and that it is of the
 * log that lookups have shown (`view`). Throws `bad-checkpoint`, `not-witnessed`, `log-forked`, `too-far-behind` and
 * what reading files throws.
 */
export async function readOverview(
  files: AuditFiles,
  trust: AuditTrust,
  { view, nowMs }: { readonly view: TreeView; readonly nowMs: number },
): Promise<LogOverview> {
  const checkpoint = verifyCheckpoint(await files.read('checkpoint', MAX_NOTE_BYTES), trust);
  const { policy } = trust;
  assertWitnessed(policy, checkpoint.note, { nowMs, maxAgeMs: Infinity });
  await assertSeen(files, checkpoint, { size: view.size, logRoot: viewRoot(view) });
  const vkeys = policy.witnesses.map(({ vkey }) => vkey);
  const cosignatures = verifyCosignatures(checkpoint.note, vkeys);
  const witnesses = vkeys.map((vkey) => {
    const signed = cosignatures.filter((one) => one.vkey === vkey).map(({ timestampMs }) => timestampMs);
    return { name: vkey.name, signedAtMs: signed.length === 0 ? undefined : Math.max(...signed) };
  });
  const head = view.auditorTreeHead;
  const auditor = head && { signedAtMs: head.timestampMs, treeSize: head.treeSize };
  return { checkpoint, witnesses, auditor };
}
