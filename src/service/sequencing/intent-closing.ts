import { formatHex } from '../../core/encoding/bytes.ts';
import type { IntentRow, Revocation } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';

/** RFC 5280 §5.3.1 cessationOfOperation: for certificates that were signed and never released. */
const NEVER_RELEASED = 5;
/** Intents per round. */
const LIMIT = 500;

/**
 * Closes open intents past their time (docs/architecture.md#one-registration), each by compare-and-swap, so that an
 * intent submitted at this moment stays. It leaves submitted intents alone: the sequencer's outcome closes them.
 */
export async function closeStaleIntents(context: LogContext): Promise<void> {
  const { store, limits, now } = context;
  const stale = await store.staleIntents(now() - limits.intentTimeoutMs, LIMIT);
  for (const intent of stale) if (intent.state === 'open') await closeOpenIntent(context, intent, intent.serial);
}

/**
 * Closes every open intent that a killed process left. The caller has the log to itself, with no request under way.
 */
export async function closeLeftIntents(context: LogContext): Promise<void> {
  const { store, limits } = context;
  const left = await store.staleIntents(Number.MAX_SAFE_INTEGER, limits.maxInFlight + limits.maxQueue);
  for (const intent of left) if (intent.state === 'open') await closeOpenIntent(context, intent, intent.serial);
}

/**
 * Closes one open intent; the serial that was signed under it, if any, goes to the CRL in the same transaction. Returns
 * true if the intent was still open.
 */
export async function closeOpenIntent(
  context: LogContext,
  intent: Pick<IntentRow, 'labelKey' | 'version'>,
  serial: string | undefined,
): Promise<boolean> {
  const revocation = serial === undefined ? undefined : revocationOf(context, serial);
  const closed = await fail(context, intent, revocation);
  if (closed) context.observe({ type: 'intent-closed', signed: serial !== undefined });
  return closed;
}

/** Closes an intent. If its serial goes to the CRL, the trail gets an act. */
async function fail(
  { store, trail }: LogContext,
  intent: Pick<IntentRow, 'labelKey' | 'version'>,
  revocation: Revocation | undefined,
): Promise<boolean> {
  if (revocation === undefined) return store.failIntent(intent, 'open', undefined);
  const { serial, reason } = revocation;
  const identity = formatHex(intent.labelKey);
  const act = {
    act: 'certificate-abandoned',
    who: 'service',
    identity,
    version: intent.version,
    serial,
    reason,
  } as const;
  return trail.record([act], (record) => store.failIntent(intent, 'open', revocation, record));
}

function revocationOf({ now }: LogContext, serial: string): Revocation {
  return { serial, revokedMs: now(), reason: NEVER_RELEASED };
}
