import { baseBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import { ensure } from '../../core/errors.ts';
import { greatestKnown } from '../../core/keytrans/owner-state.ts';
import type { ChainLink } from '../../core/keytrans/messages.ts';
import { type OwnerUpdatePlan, planOwnerUpdate } from '../../core/keytrans/plan-owner.ts';
import type { CombinedTreeProof } from '../../core/keytrans/proofs.ts';
import type { FullTreeHead } from '../../core/keytrans/tree-head.ts';
import type { UpdateRequest, UpdateResponse } from '../../core/keytrans/update-messages.ts';
import { verifyOwnerUpdate } from '../../core/keytrans/verify-owner-update.ts';
import { MAX_RECORD_BYTES_SHOWN } from './answer-budget.ts';
import { type AskedLabel, askLabel, openVersion } from './asked-label.ts';
import { type AskedLog, askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { ownerOf, plannedSteps, readVersionKeys, type VersionKeys } from './version-keys.ts';

/** Most responses to one request: the owner asks again for the rest. */
export const MAX_UPDATE_RESPONSES = 16;

/**
 * Answers an untrusted UpdateRequest (KT §13.5) with the versions created after the one that the owner knows: one
 * response for each log entry, at most {@link MAX_UPDATE_RESPONSES} and as many as the budget of bytes admits. Throws
 * `unsupported-operation` for a request with values, because the issuance pipeline makes new versions;
 * `search-not-found` if there are no later versions; `too-far-behind`, `invalid-request`, `version-expired`, `erased`.
 */
export async function answerUpdate(parts: ProverParts, request: UpdateRequest): Promise<readonly UpdateResponse[]> {
  const { label, last, greatestVersion, values } = request;
  ensure(values.length === 0, 'unsupported-operation', '/v1/certificates and /v1/revocations make new versions');
  const { proofs, verifier } = parts;
  const log = await askLog(parts, last);
  const asked = await askLabel(parts, label, log.size);
  const all = await planAll(parts, asked, log, greatestVersion);
  const held = greatestVersion === undefined ? [0] : baseBinaryLadder(greatestVersion);
  const [keys, opened] = await Promise.all([
    readVersionKeys(parts, asked, [...held, ...all.flatMap(versionsOf)]),
    openSome(parts, asked, all),
  ]);
  const plans = all.filter(({ created }) => created.every((version) => opened.has(version)));
  const proved = await proofs.proveAll(plans, keys, log);
  const answers = plans.map((plan, i) => respond(plan, i === 0 ? log.fullTreeHead : SAME, { keys, opened }, proved[i]));
  await verifier.sample(log, (client) => {
    let owner = ownerOf(asked, { start: 0, greatestVersion, entries: [], ladder: keys.known(new Set(held)) });
    let { view } = client;
    for (const answer of answers) {
      const asIf = { label, last: view?.size, greatestVersion: greatestKnown(owner), values: [] };
      ({ view, owner } = verifyOwnerUpdate({ ...client, view }, asIf, answer, owner));
    }
  });
  return answers;
}

const SAME: FullTreeHead = { type: 'same' };

/** Plans each response as if the owner had verified the one before (KT §13.5). */
async function planAll(
  { context, proofs }: ProverParts,
  { positions: versionPositions }: AskedLabel,
  log: AskedLog,
  known: number | undefined,
): Promise<readonly OwnerUpdatePlan[]> {
  const { configuration: config } = context;
  const { size } = log;
  const plans: OwnerUpdatePlan[] = [];
  let request = { last: log.last, greatestVersion: known };
  let { auditedSize } = log;
  do {
    const options = { config, size, auditedSize, versionPositions, request };
    const plan = await proofs.plan((source) => planOwnerUpdate({ ...options, source }));
    plans.push(plan);
    request = { last: size, greatestVersion: plan.created.at(-1) };
    auditedSize = undefined;
  } while (plans.length < MAX_UPDATE_RESPONSES && (request.greatestVersion ?? 0) < versionPositions.length - 1);
  return plans;
}

function versionsOf({ ladder, lookups }: OwnerUpdatePlan): number[] {
  return [...ladder.map(({ version }) => version), ...lookups.flatMap(({ versions }) => versions)];
}

/**
 * Opens the created versions, which are consecutive; by version. Leaves out the later ones if the budget does not admit
 * them, but none of the first log entry's.
 */
async function openSome(
  { context: { store } }: ProverParts,
  { labelKey, greatest }: AskedLabel,
  plans: readonly OwnerUpdatePlan[],
): Promise<ReadonlyMap<number, ChainLink>> {
  const [first, ...rest] = plans.map(({ created }) => created);
  const start = first?.[0] as number;
  // The usual one: a version that was just made. It was read with its label.
  if (greatest?.version === start) return new Map([[start, openVersion(greatest)]]);
  const least = first?.at(-1) as number;
  const last = rest.at(-1)?.at(-1) ?? least;
  let rows = await store.readVersions(labelKey, start, last, MAX_RECORD_BYTES_SHOWN);
  if (rows.length <= least - start) rows = await store.readVersions(labelKey, start, least);
  return new Map(rows.map((row) => [row.version, openVersion(row)]));
}

function respond(
  plan: OwnerUpdatePlan,
  fullTreeHead: FullTreeHead,
  { keys, opened }: { readonly keys: VersionKeys; readonly opened: ReadonlyMap<number, ChainLink> },
  proof: CombinedTreeProof | undefined,
): UpdateResponse {
  const links = plan.created.map((version) => opened.get(version) as ChainLink);
  return {
    fullTreeHead,
    position: plan.position,
    skippedVersions: undefined,
    values: links.map(({ value }) => value.value),
    info: links.map(({ opening }) => ({ opening, signature: undefined })),
    binaryLadder: plannedSteps(keys, plan.ladder),
    update: proof as CombinedTreeProof,
  };
}
