import { standingRequestCodec, standingResponseCodec } from '../../core/keytrans/standing-messages.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import { verifyStanding } from '../../core/keytrans/verify-standing.ts';
import { PATHS } from '../../contract/paths.ts';
import type { RecoveryClaim, RecoveryWaited } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { ServerRefusal, type Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** The context of a check that a recovery waited. */
export interface WaitContext {
  readonly transport: Transport;
  readonly trust: Trust;
  readonly identity: Identity;
  /** The tree in which the client found the effective version. */
  readonly view: TreeView;
  readonly nowMs: number;
}

/** Refusals that count as "it did not wait": a server that could prove the wait would. */
const DENIALS: readonly string[] = ['search-not-found', 'invalid-request', 'version-expired', 'unsupported-operation'];

/**
 * Returns a check that a recovery waited (docs/spec.md#standing). Both named log entries must hold the pending version
 * and none after it, and lie at least the recovery delay of this client's own bundle apart. The check returns false if
 * the server has no proof. It throws `network-failed`, refusals of a busy server, and verification errors for a false
 * proof.
 */
export function recoveryWaitedIn(context: WaitContext): RecoveryWaited {
  return async (claim) => {
    // Entries after the effective version cannot show that it was not there yet.
    if (claim.lastPosition >= context.view.size) return false;
    try {
      return (await askStanding(context, claim)) >= context.trust.bundle.recoveryDelayMs;
    } catch (error) {
      if (!(error instanceof ServerRefusal) || !DENIALS.includes(error.code)) throw error;
      return false;
    }
  };
}

/** Returns the time that the version is proved to have stood, ms. */
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
