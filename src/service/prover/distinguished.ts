import type { DistinguishedRequest, DistinguishedResponse } from '../../core/keytrans/distinguished-messages.ts';
import { planDistinguished } from '../../core/keytrans/plan-distinguished.ts';
import { verifyDistinguished } from '../../core/keytrans/verify-distinguished.ts';
import { askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { NO_KEYS } from './version-keys.ts';

/** Answers an untrusted DistinguishedRequest (KT §13.6). Throws `invalid-request`, `too-far-behind`. */
export async function answerDistinguished(
  parts: ProverParts,
  request: DistinguishedRequest,
): Promise<DistinguishedResponse> {
  const { context, proofs, verifier } = parts;
  const log = await askLog(parts, request.last);
  const { configuration: config } = context;
  const plan = await proofs.plan((source) => planDistinguished({ ...log, config, stop: request.stop, source }));
  const answer = { fullTreeHead: log.fullTreeHead, distinguished: await proofs.prove(plan, NO_KEYS, log) };
  await verifier.sample(log, (client) => void verifyDistinguished(client, request, answer));
  return answer;
}
