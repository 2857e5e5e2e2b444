import { auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { decode } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { RecoveryAuthorization } from '../../identity/authorization.ts';
import type { RecoveryWaited } from '../../identity/continuity.ts';
import type { HeadRow } from '../../store/ports.ts';
import type { LabelState } from './label-state.ts';
import type { LogContext } from './log-context.ts';

/** Returns the time from which a pending recovery can take effect, ms. */
export async function effectiveFrom(context: LogContext, { position }: LabelState): Promise<number> {
  return (await timestampAt(context, position)) + context.recoveryDelayMs;
}

/**
 * Returns the authorization of a recovery that has waited: it names the log entry that made it pending and the newest
 * one. It is the greatest version at both, and they are the delay apart. Returns undefined if the delay has not passed
 * in the log.
 */
export async function waitedAuthorization(
  context: LogContext,
  state: LabelState,
): Promise<RecoveryAuthorization | undefined> {
  const head = await context.store.readHead();
  const lastPosition = head.size - 1;
  const isThere = lastPosition > state.position && head.timestampMs >= (await effectiveFrom(context, state));
  if (!isThere) return undefined;
  const positions = { firstPosition: state.position, lastPosition };
  return { type: 'recovery', phase: 'effective', pendingVersion: state.version, ...positions };
}

/**
 * Returns the sequencer's check of such an authorization (docs/spec.md#identity-record) in the committed log before
 * `head`: the version was the label's greatest at both entries, and these are the delay of the trust bundle apart.
 */
export function recoveryWaitedBefore(context: LogContext, head: HeadRow, labelKey: Uint8Array): RecoveryWaited {
  return async ({ version, firstPosition, lastPosition }) => {
    if (lastPosition >= head.size) return false;
    const [first, last] = await Promise.all(
      [firstPosition, lastPosition].map((position) => context.store.readLabelAt(labelKey, position + 1)),
    );
    if (first?.greatest.version !== version || last?.greatest.version !== version) return false;
    const [fromMs, toMs] = [await timestampAt(context, firstPosition), await timestampAt(context, lastPosition)];
    return toMs - fromMs >= context.recoveryDelayMs;
  };
}

/** Reads the timestamp of a log entry, ms. Throws `storage-corrupt`. */
async function timestampAt({ store }: LogContext, position: number): Promise<number> {
  const [entry] = await store.readEntries([position]);
  if (entry === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
  return decode(auditEntryCodec, entry.auditEntry).timestampMs;
}
