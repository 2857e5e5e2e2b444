import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { decodeTreeEdge } from '../../core/log/tiled-tree.ts';
import { driveTiles } from '../../core/prefix/drive.ts';
import { type PrefixRoot, provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import type { RecoveryAuthorization } from '../../identity/authorization.ts';
import type { RecoveryClaim, RecoveryWaited } from '../../identity/continuity.ts';
import type { HeadRow, VersionRow } from '../../store/ports.ts';
import { AuditProofs } from './audit-proofs.ts';
import type { LogEntry } from './entry-reader.ts';
import type { LabelState } from './label-state.ts';
import type { LogContext } from './log-context.ts';
import { type LabelName, proveGreatest, type StateProver } from './proved-state.ts';
import { readTrustedEntry, type TrustedLog } from './trusted-entry.ts';

/**
 * Returns the time from which a pending recovery, as `readProvedState` found it, can take effect, ms. People act on it,
 * so the signed log proves it: the version is in the prefix tree of its entry, and in none before. Throws
 * `storage-corrupt`.
 */
export async function effectiveFrom(
  { context, signedTree }: Pick<StateProver, 'context' | 'signedTree'>,
  label: Uint8Array,
  { version, position }: LabelState,
): Promise<number> {
  const log = await signedTree.newest();
  const proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
  const keys = (await context.vrf.evaluate(label, [version])).map(({ output }) => output);
  const holds = async ({ prefix }: LogEntry): Promise<boolean> => {
    const { results } = await driveTiles(provePrefixLookups(prefix, keys), context.readPrefixTiles);
    return results.every(({ type }) => type === 'inclusion');
  };
  const entry = await readTrustedEntry(context, proofs, log, position);
  const before = position === 0 ? undefined : await readTrustedEntry(context, proofs, log, position - 1);
  const isIts = (await holds(entry)) && (before === undefined || !(await holds(before)));
  ensure(isIts, 'storage-corrupt', `log entry ${position} is not the one that added version ${version} of a label`);
  return entry.timestampMs + context.recoveryDelayMs;
}

/**
 * Returns the authorization of a recovery that has waited: it names the log entry that made it pending and the newest
 * signed one. It is the greatest version at both, and they are the delay apart, as the signed log proves. Returns
 * undefined if the delay has not passed in the log. Throws `storage-corrupt`.
 */
export async function waitedAuthorization(
  { context, signedTree }: Pick<StateProver, 'context' | 'signedTree'>,
  label: LabelName,
  { version, position, commitment }: LabelState,
): Promise<RecoveryAuthorization | undefined> {
  const log = await signedTree.newest();
  const positions = { firstPosition: position, lastPosition: log.size - 1 };
  const hasWaited = await isWaited(context, log, label, { version, commitment, ...positions });
  return hasWaited ? { type: 'recovery', phase: 'effective', pendingVersion: version, ...positions } : undefined;
}

/**
 * Returns the sequencer's check of such an authorization (docs/spec.md#identity-record) in the committed log before
 * `head`: the version was the label's greatest at both entries, and these are the delay of the trust bundle apart.
 */
export function recoveryWaitedBefore(context: LogContext, head: HeadRow, label: LabelName): RecoveryWaited {
  const { size, auditRoot } = head;
  return (claim) => isWaited(context, { size, auditRoot, auditEdge: decodeTreeEdge(head.auditEdge) }, label, claim);
}

/** Judges a wait by a log whose root is trusted: neither the rows of entries nor those of versions are. */
async function isWaited(
  context: LogContext,
  log: TrustedLog,
  { label, labelKey }: LabelName,
  { version, commitment, firstPosition, lastPosition }: RecoveryClaim,
): Promise<boolean> {
  if (firstPosition >= lastPosition || lastPosition >= log.size) return false;
  const [row] = await context.store.readVersions(labelKey, version, version);
  if (row === undefined || !equalBytes(row.commitment, commitment)) return false;
  const proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
  const [first, last] = await Promise.all(
    [firstPosition, lastPosition].map((position) => readTrustedEntry(context, proofs, log, position)),
  );
  if (first === undefined || last === undefined) return false;
  if (last.timestampMs - first.timestampMs < context.recoveryDelayMs) return false;
  for (const { prefix } of [first, last]) if (!(await isGreatest(context, prefix, label, row))) return false;
  return true;
}

/** Returns true if a version is the greatest of its label in a trusted prefix tree. */
async function isGreatest(context: LogContext, root: PrefixRoot, label: Uint8Array, row: VersionRow): Promise<boolean> {
  try {
    await proveGreatest(context, root, label, row);
    return true;
  } catch (error) {
    if (isGlasskeyError(error, 'storage-corrupt') || isGlasskeyError(error, 'erased')) return false;
    throw error;
  }
}
