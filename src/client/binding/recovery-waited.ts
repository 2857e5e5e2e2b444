import { standingRequestCodec, standingResponseCodec } from '../../core/keytrans/standing-messages.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import { verifyStanding } from '../../core/keytrans/verify-standing.ts';
import { PATHS } from '../../contract/paths.ts';
import type { RecoveryClaim, RecoveryWaited } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { ServerRefusal, type Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** What a client looks a recovery's wait up with. */
export interface WaitContext {
  readonly transport: Transport;
  readonly trust: Trust;
  readonly identity: Identity;
  /** The tree in which the effective version was found. */
  readonly view: TreeView;
  readonly nowMs: number;
}

/** A server that could prove the wait would: what it refuses did not happen, as far as this client can tell. */
const DENIALS: readonly string[] = ['search-not-found', 'invalid-request', 'version-expired', 'unsupported-operation'];

/**
 * Looks up in the log whether a recovery waited (DESIGN §7; docs/spec.md, "Standing"): both named entries hold the pending
 * version and none after it, and the second is at least the delay of this client's own bundle later. Tells false where the
 * server has no proof of it. Throws `network-failed`, the refusals of a busy server, and verification errors for a false proof.
 */
export function recoveryWaitedIn(context: WaitContext): RecoveryWaited {
  return async (claim) => {
    // Entries that came after the effective version cannot show that it was not there yet.
    if (claim.lastPosition >= context.view.size) return false;
    try {
      return (await askStanding(context, claim)) >= context.trust.bundle.recoveryDelayMs;
    } catch (error) {
      if (!(error instanceof ServerRefusal) || !DENIALS.includes(error.code)) throw error;
      return false;
    }
  };
}

/** How long the version is proved to have stood, ms. */
async function askStanding(
  { transport, trust, identity, view, nowMs }: WaitContext,
  { version, commitment, firstPosition, lastPosition }: RecoveryClaim,
): Promise<number> {
  const { config } = trust;
  const request = { last: view.size, label: identity.label, version, first: firstPosition, second: lastPosition };
  const codec = standingResponseCodec(config);
  const answer = await transport.postKeytrans(PATHS.standing, [standingRequestCodec, request], codec);
  const { firstMs, secondMs } = verifyStanding({ config, view, nowMs }, request, answer, commitment);
  return secondMs - firstMs;
}
