import type { LookupRequest, LookupResponse } from '../../core/keytrans/messages.ts';
import { planGreatestVersionSearch } from '../../core/keytrans/plan-proof.ts';
import { verifyLookup } from '../../core/keytrans/verify-lookup.ts';
import { askLabel, type AskedLabel, openVersion } from './asked-label.ts';
import { type AskedLog, askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { readVersionKeys } from './version-keys.ts';

/**
 * Answers an untrusted lookup (`docs/spec.md#negative-answers`): the greatest version, or a proof of absence.
 * Throws `too-far-behind` if the client has seen a larger log, and `erased`.
 */
export async function answerLookup(parts: ProverParts, request: LookupRequest): Promise<LookupResponse> {
  const newest = await askLog(parts, request.last);
  const asked = await askLabel(parts, request.label, newest.size);
  const log = (await parts.recent?.cheapestFor(newest, [asked])) ?? newest;
  return lookupIn(parts, log, asked);
}

/**
 * Answers a lookup in a given log for a client that advertised `log.last`. All versions of the label as it was read
 * are in that log. Throws `erased`.
 */
export async function lookupIn(parts: ProverParts, log: AskedLog, asked: AskedLabel): Promise<LookupResponse> {
  const { context, proofs, verifier } = parts;
  const { greatest, positions: versionPositions } = asked;
  const opened = greatest === undefined ? undefined : openVersion(greatest);
  const { configuration: config } = context;
  const plan = await proofs.plan((source) => planGreatestVersionSearch({ ...log, config, versionPositions, source }));
  const keys = await readVersionKeys(parts, asked, plan.ladder);
  const proof = await proofs.prove(plan, keys, log);
  const { fullTreeHead } = log;
  const answer: LookupResponse =
    greatest === undefined || opened === undefined
      ? { type: 'absent', fullTreeHead, vrfProof: keys.get(0).proof, proof }
      : {
          type: 'found',
          response: {
            fullTreeHead,
            version: greatest.version,
            ...opened,
            binaryLadder: keys.steps(plan.ladder, new Set(plan.committed)),
            search: proof,
          },
        };
  await verifier.sample(log, (client) => {
    const verified = verifyLookup(client, { last: log.last, label: asked.label }, answer);
    verifier.assertLabel(asked, verified.labelKey);
  });
  return answer;
}
