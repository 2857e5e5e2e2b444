import { setTimeout as sleep } from 'node:timers/promises';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { IntentRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import { abandonCertificate, closeFailedIntent } from '../sequencing/intent-closing.ts';
import type { Ticket } from './admission.ts';
import { awaitSequenced, type Deadline } from './await-log.ts';
import type { Made } from './issuance.ts';
import { submit, type VersionClaim, type VersionContent } from './submit.ts';

/** Interval at which an open intent of another process is read again, ms. */
const POLL_MS = 50;

/** Time that a request has, and its place in the pipeline. */
export interface Patience {
  readonly deadline: Deadline;
  /** Undefined for work that no client waits for. */
  readonly ticket?: Ticket | undefined;
}

/**
 * Makes the content of a claimed version. It calls `signed` with the serial of a certificate as soon as its signature
 * exists: from then on the serial belongs on the CRL if the version does not reach the log.
 */
export type Prepare = (signed: (serial: string) => void) => VersionContent | Promise<VersionContent>;

/**
 * Makes a version: claims its intent, prepares and submits it, and waits until it is sequenced. If the same request
 * holds the intent already, waits for that instead and returns undefined: the caller reads the record again. A failure
 * before the submission closes the intent, and what was signed under it goes to the CRL, also if the intent was closed
 * meanwhile. Throws `version-conflict` if
 * another request holds the intent, `timed-out`, and what `prepare` throws.
 */
export async function makeVersion(
  { context, progress }: { readonly context: LogContext; readonly progress: LogProgress },
  claim: VersionClaim,
  { deadline, ticket }: Patience,
  prepare: Prepare,
): Promise<Made | undefined> {
  const existing = await claimIntent(context, claim);
  if (existing !== undefined) {
    ticket?.submitted();
    await follow(progress, existing, deadline);
    return undefined;
  }
  const { submissionId, certificate } = await prepareAndSubmit(context, claim, prepare);
  ticket?.submitted();
  const position = await awaitSequenced(progress, submissionId, deadline.leftMs());
  return { version: claim.version, position, certificate: certificate?.der, serial: certificate?.serial };
}

/**
 * Claims a version before anything is signed for it, so that only one of two requests continues. Returns the existing
 * intent if the same request has claimed it before. Throws `version-conflict` if another request has.
 */
export async function claimIntent(
  { store, now }: Pick<LogContext, 'store' | 'now'>,
  { labelKey, version, requestHash }: Pick<VersionClaim, 'labelKey' | 'version' | 'requestHash'>,
): Promise<IntentRow | undefined> {
  const result = await store.openIntent({ labelKey, version, requestHash, createdMs: now() });
  if (result.opened) return undefined;
  if (equalBytes(result.existing.requestHash, requestHash)) return result.existing;
  throw new GlasskeyError('version-conflict', 'another request is changing the identity; ask again');
}

/** Waits until the same request of another call or process is sequenced, or for a moment. */
async function follow(progress: LogProgress, { state, submissionId }: IntentRow, deadline: Deadline): Promise<void> {
  if (state === 'submitted' && submissionId !== undefined) {
    await awaitSequenced(progress, submissionId, deadline.leftMs());
  } else if (state !== 'sequenced') {
    await sleep(Math.min(POLL_MS, deadline.leftMs()));
  }
}

/** Submits what `prepare` makes, and closes the intent on failure. No other place of a request closes it. */
async function prepareAndSubmit(
  context: LogContext,
  claim: VersionClaim,
  prepare: Prepare,
): Promise<{ readonly submissionId: number; readonly certificate: VersionContent['certificate'] }> {
  let serial: string | undefined;
  try {
    const content = await prepare((signed) => (serial = signed));
    return { submissionId: await submit(context, claim, content), certificate: content.certificate };
  } catch (error) {
    // After a conflict the intent is closed, or belongs to another request.
    const isLost = isGlasskeyError(error, 'version-conflict');
    if (!isLost) await closeFailedIntent(context, claim, serial);
    else if (serial !== undefined) await abandonCertificate(context, claim, serial).catch(() => undefined);
    throw error;
  }
}
