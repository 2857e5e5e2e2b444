import { monitoringBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import type {
  Credential,
  CredentialRequest,
  CredentialUpdate,
  CredentialUpdateRequest,
} from '../../core/keytrans/credential.ts';
import type { ChainLink } from '../../core/keytrans/messages.ts';
import { planCredential, planCredentialUpdate } from '../../core/keytrans/plan-credential.ts';
import { verifyCredentialUpdate } from '../../core/keytrans/settle-credential.ts';
import { verifyCredential } from '../../core/keytrans/verify-credential.ts';
import { askLabel, openVersions } from './asked-label.ts';
import { askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { readVersionKeys } from './version-keys.ts';

/**
 * Makes the credential for an untrusted request (KT §14; `docs/spec.md#asking-for-credentials`). Throws
 * `search-not-found`, `invalid-request` if the position is not that of a distinguished log entry, `version-expired`,
 * `erased`.
 */
export async function answerCredential(parts: ProverParts, request: CredentialRequest): Promise<Credential> {
  const { context, proofs, verifier } = parts;
  const { label, position } = request;
  const log = await askLog(parts, undefined);
  const asked = await askLabel(parts, label, log.size);
  const { configuration: config } = context;
  const { size } = log;
  const versionPositions = asked.positions;
  const plan = await proofs.plan((source) => planCredential({ config, size, versionPositions, request, source }));
  const { version } = plan;
  const [opened] = await openVersions(context, asked, version, version);
  const keys = await readVersionKeys(parts, asked, plan.ladder);
  const binaryLadder = keys.steps(plan.ladder, new Set(plan.committed));
  const common = { label, version, ...(opened as ChainLink), binaryLadder, position };
  const { signature } = log.released;
  const made: Credential =
    plan.type === 'standard'
      ? { ...common, type: 'standard', distinguished: await proofs.proveLookup(plan.lookup, keys) }
      : {
          ...common,
          type: 'provisional',
          treeHead: { treeSize: size, signature },
          search: await proofs.prove(plan.plan, keys, log),
        };
  await verifier.sample(log, async ({ nowMs }) => {
    const heads = [await verifier.headAt(position, log)];
    const verified = verifyCredential({ config, heads, nowMs, maximumAgeMs: Number.POSITIVE_INFINITY }, made);
    verifier.assertLabel(asked, verified.labelKey);
  });
  return made;
}

/** Makes the CredentialUpdate for an untrusted request (KT §14.2). Throws `invalid-request`, `version-expired`. */
export async function answerCredentialUpdate(
  parts: ProverParts,
  request: CredentialUpdateRequest,
): Promise<CredentialUpdate> {
  const { context, proofs, verifier } = parts;
  const { label, version, treeSize, terminal, distinguished: position } = request;
  const log = await askLog(parts, undefined);
  const asked = await askLabel(parts, label, log.size);
  const { configuration: config } = context;
  const { size } = log;
  const versionPositions = asked.positions;
  const plan = await proofs.plan((source) => planCredentialUpdate({ config, size, versionPositions, request, source }));
  const ladder = monitoringBinaryLadder(version);
  const keys = await readVersionKeys(parts, asked, ladder);
  const update = { monitor: await proofs.prove(plan, keys, log) };
  await verifier.sample(log, async () => {
    const [view, { prefixRoot }, head] = await Promise.all([
      verifier.viewOf(treeSize, log),
      verifier.headAt(terminal, log),
      verifier.headAt(position, log),
    ]);
    const known = keys.known(ladder);
    const unsettled = { label, version, terminalPosition: terminal, prefixRoot, ladder: known, view };
    verifyCredentialUpdate(config, unsettled, [head], update);
  });
  return update;
}
