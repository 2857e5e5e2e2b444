import { planStanding } from '../../core/keytrans/plan-standing.ts';
import type { StandingRequest, StandingResponse } from '../../core/keytrans/standing-messages.ts';
import { verifyStanding } from '../../core/keytrans/verify-standing.ts';
import { askLabel } from './asked-label.ts';
import { askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { readVersionKeys } from './version-keys.ts';

/**
 * Answers an untrusted StandingRequest (`docs/spec.md#standing`). Throws `too-far-behind`, `invalid-request`,
 * `version-expired`, and `search-not-found` if the version was not the greatest at both log entries.
 */
export async function answerStanding(parts: ProverParts, request: StandingRequest): Promise<StandingResponse> {
  const { context, proofs, verifier } = parts;
  const { label, last, version } = request;
  const log = await askLog(parts, last);
  const asked = await askLabel(parts, label, log.size);
  const { configuration: config } = context;
  const options = { ...log, config, versionPositions: asked.positions, request };
  const plan = await proofs.plan((source) => planStanding({ ...options, source }));
  const keys = await readVersionKeys(parts, asked, [...plan.ladder, version]);
  const answer: StandingResponse = {
    fullTreeHead: log.fullTreeHead,
    binaryLadder: keys.steps(plan.ladder, new Set(plan.committed)),
    standing: await proofs.prove(plan, keys, log),
  };
  const { commitment } = keys.get(version);
  if (last !== undefined && request.second < last && commitment !== undefined) {
    await verifier.sample(log, (client) => void verifyStanding(client, request, answer, commitment));
  }
  return answer;
}
