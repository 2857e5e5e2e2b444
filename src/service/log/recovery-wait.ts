import { auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { decode } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { RecoveryAuthorization } from '../../identity/authorization.ts';
import type { RecoveryWaited } from '../../identity/continuity.ts';
import type { HeadRow } from '../../store/ports.ts';
import type { LabelState } from './label-state.ts';
import type { LogContext } from './log-context.ts';

/** When a pending recovery can take effect, ms. */
export async function effectiveFrom(context: LogContext, { position }: LabelState): Promise<number> {
  return (await timestampAt(context, position)) + context.recoveryDelayMs;
}

/**
 * The authorisation of a recovery that has waited: between the log entry that made it pending and the newest one, at both of
 * which it is the greatest version and which are the delay apart. Undefined where the log has not come so far.
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
 * What the sequencer makes of a claim (DESIGN §7), from the committed log before `head`: the version was the label's greatest at
 * both entries, and these are the delay of the trust bundle apart.
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

/** Timestamp of a log entry, ms. Throws `storage-corrupt`. */
async function timestampAt({ store }: LogContext, position: number): Promise<number> {
  const [entry] = await store.readEntries([position]);
  if (entry === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
  return decode(auditEntryCodec, entry.auditEntry).timestampMs;
}
