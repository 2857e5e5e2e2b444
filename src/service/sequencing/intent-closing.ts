import { setTimeout as sleep } from 'node:timers/promises';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { IntentRow, Revocation } from '../../store/ports.ts';
import type { Act } from '../log/act.ts';
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

/**
 * Closes the intent of a failed request. While the database is away it tries again in the background, so that the name
 * is not held until the intent is stale. It ends before that: then the writer closes the intent, and the next one may
 * be another request's.
 */
export async function closeFailedIntent(
  context: LogContext,
  intent: Pick<IntentRow, 'labelKey' | 'version'>,
  serial: string | undefined,
): Promise<void> {
  const { backoffMs, maxBackoffMs, intentTimeoutMs, requestTimeoutMs } = context.limits;
  const endMs = performance.now() + intentTimeoutMs - requestTimeoutMs;
  const close = (): Promise<boolean> =>
    closeOpenIntent(context, intent, serial)
      .then(async (closed) => {
        if (!closed && serial !== undefined) await abandonCertificate(context, intent, serial);
        return true;
      })
      .catch(() => false);
  const closeLater = async (): Promise<void> => {
    for (let pauseMs = backoffMs; performance.now() < endMs; pauseMs = Math.min(2 * pauseMs, maxBackoffMs)) {
      await sleep(pauseMs, undefined, { ref: false });
      if (await close()) return;
    }
  };
  if (!(await close())) void closeLater();
}

/**
 * Puts a serial on the CRL that was signed under an intent which somebody else has closed since, because its process
 * stood still. Does nothing for a stored certificate: its submission was taken after all.
 */
export async function abandonCertificate(
  context: LogContext,
  intent: Pick<IntentRow, 'labelKey' | 'version'>,
  serial: string,
): Promise<void> {
  const { store, trail } = context;
  const revocation = revocationOf(context, serial);
  const isRevoked = await trail.record([abandonment(intent, revocation)], (record) =>
    store.revokeUnstored(revocation, record),
  );
  if (isRevoked) context.observe({ type: 'intent-closed', signed: true });
}

/** Closes an intent. If its serial goes to the CRL, the trail gets an act. */
async function fail(
  { store, trail }: LogContext,
  intent: Pick<IntentRow, 'labelKey' | 'version'>,
  revocation: Revocation | undefined,
): Promise<boolean> {
  if (revocation === undefined) return store.failIntent(intent, 'open', undefined);
  return trail.record([abandonment(intent, revocation)], (record) =>
    store.failIntent(intent, 'open', revocation, record),
  );
}

function abandonment(
  { labelKey, version }: Pick<IntentRow, 'labelKey' | 'version'>,
  { serial, reason }: Revocation,
): Act {
  return { act: 'certificate-abandoned', who: 'service', identity: formatHex(labelKey), version, serial, reason };
}

function revocationOf({ now }: LogContext, serial: string): Revocation {
  return { serial, revokedMs: now(), reason: NEVER_RELEASED };
}
