import { ensure } from '../../core/errors.ts';
import type { ChainLink, SearchRequest, SearchResponse } from '../../core/keytrans/messages.ts';
import { planFixedVersionSearch } from '../../core/keytrans/plan-proof.ts';
import { verifySearch } from '../../core/keytrans/verify-search.ts';
import { askLabel, openVersions } from './asked-label.ts';
import { askLog } from './asked-log.ts';
import { answerLookup } from './lookup.ts';
import type { ProverParts } from './prover-parts.ts';
import { readVersionKeys } from './version-keys.ts';

/**
 * Answers an untrusted search for the greatest version of a label, or for the one that the request names (KT §13.1).
 * Throws `too-far-behind`, `search-not-found`, `version-expired`, `erased`.
 */
export async function answerSearch(parts: ProverParts, request: SearchRequest): Promise<SearchResponse> {
  const { version } = request;
  if (version !== undefined) return searchVersion(parts, { ...request, version });
  const answer = await answerLookup(parts, request);
  ensure(answer.type === 'found', 'search-not-found', 'the label is not in the log');
  return answer.response;
}

async function searchVersion(
  parts: ProverParts,
  request: SearchRequest & { readonly version: number },
): Promise<SearchResponse> {
  const { context, proofs, verifier } = parts;
  const { label, last, version } = request;
  const log = await askLog(parts, last);
  const asked = await askLabel(parts, label, log.size);
  const { configuration: config } = context;
  const options = { ...log, config, version, versionPositions: asked.positions };
  const plan = await proofs.plan((source) => planFixedVersionSearch({ ...options, source }));
  const [keys, [opened]] = await Promise.all([
    readVersionKeys(parts, asked, plan.ladder),
    openVersions(context, asked, version, version),
  ]);
  const answer: SearchResponse = {
    fullTreeHead: log.fullTreeHead,
    version: undefined,
    ...(opened as ChainLink),
    binaryLadder: keys.steps(plan.ladder, new Set(plan.committed)),
    search: await proofs.prove(plan, keys, log),
  };
  await verifier.sample(log, (client) => {
    verifier.assertLabel(asked, verifySearch(client, request, answer).labelKey);
  });
  return answer;
}
