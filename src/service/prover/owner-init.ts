import type { OwnerInitRequest, OwnerInitResponse } from '../../core/keytrans/owner-init-messages.ts';
import { planOwnerInit } from '../../core/keytrans/plan-owner.ts';
import { verifyOwnerInit } from '../../core/keytrans/verify-owner-init.ts';
import { askLabel } from './asked-label.ts';
import { askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { plannedSteps, readVersionKeys } from './version-keys.ts';

/**
 * Answers an untrusted OwnerInitRequest (KT §13.3). Throws `too-far-behind`, `invalid-request` if it does not begin at
 * a distinguished log entry, `version-expired` if that entry is past its lifetime.
 */
export async function answerOwnerInit(parts: ProverParts, request: OwnerInitRequest): Promise<OwnerInitResponse> {
  const { context, proofs, verifier } = parts;
  const log = await askLog(parts, request.last);
  const asked = await askLabel(parts, request.label, log.size);
  const { configuration: config } = context;
  const options = { ...log, config, versionPositions: asked.positions, request };
  const plan = await proofs.plan((source) => planOwnerInit({ ...options, source }));
  const ladder = plan.ladder.map(({ version }) => version);
  const keys = await readVersionKeys(parts, asked, ladder);
  const answer: OwnerInitResponse = {
    fullTreeHead: log.fullTreeHead,
    greatestVersions: plan.greatestVersions,
    binaryLadder: plannedSteps(keys, plan.ladder),
    init: await proofs.prove(plan, keys, log),
  };
  await verifier.sample(log, (client) => void verifyOwnerInit(client, request, answer));
  return answer;
}
