import type { ContactMonitorResponse, MonitorMapEntry } from '../../src/core/keytrans/contact-monitor-messages.ts';
import type { Credential, CredentialUpdate, CredentialUpdateRequest } from '../../src/core/keytrans/credential.ts';
import type { DistinguishedResponse } from '../../src/core/keytrans/distinguished-messages.ts';
import type { SearchResponse } from '../../src/core/keytrans/messages.ts';
import type { OwnerInitResponse } from '../../src/core/keytrans/owner-init-messages.ts';
import type { OwnerMonitorRequest, OwnerMonitorResponse } from '../../src/core/keytrans/owner-monitor-messages.ts';
import { planContactMonitor } from '../../src/core/keytrans/plan-contact-monitor.ts';
import { planCredential, planCredentialUpdate } from '../../src/core/keytrans/plan-credential.ts';
import { planDistinguished } from '../../src/core/keytrans/plan-distinguished.ts';
import type { ProofSource } from '../../src/core/keytrans/plan-evidence.ts';
import {
  planOwnerInit,
  planOwnerMonitor,
  planOwnerUpdate,
  type PlannedStep,
} from '../../src/core/keytrans/plan-owner.ts';
import { planFixedVersionSearch, type SearchPlan } from '../../src/core/keytrans/plan-proof.ts';
import { planStanding } from '../../src/core/keytrans/plan-standing.ts';
import type { StandingRequest, StandingResponse } from '../../src/core/keytrans/standing-messages.ts';
import type { UpdateResponse } from '../../src/core/keytrans/update-messages.ts';
import type { FullTreeHead } from '../../src/core/keytrans/tree-head.ts';
import { labelBytes, type ReferenceLog } from './reference-log.ts';
import { openVersion } from './reference-prover.ts';

/** What every reference answer is about. */
export interface ReferenceRequest {
  readonly label: string;
  readonly last: number | undefined;
  readonly auditedSize?: number;
  /** Versions that the prover pretends to know of. */
  readonly versionPositions?: readonly number[];
}

type Planned = { readonly done: boolean; readonly missing?: readonly number[] };

/** Plans with a log's timestamps, fetched as they are asked for, in at most `fetches` rounds. */
export function planWith<P extends Planned>(
  log: ReferenceLog,
  plan: (source: ProofSource) => P,
  fetches = 1,
): Extract<P, { readonly done: true }> {
  const known = new Map<number, number>();
  for (let round = 0; ; round++) {
    const planned = plan({ timestamp: (position) => known.get(position) });
    if (planned.done) return planned as Extract<P, { readonly done: true }>;
    if (round === fetches) throw new Error('another fetch is needed');
    for (const position of planned.missing ?? []) known.set(position, log.timestamps[position]!);
  }
}

/** The head that an answer begins with. */
export function headFor(log: ReferenceLog, last: number | undefined, auditedSize?: number): FullTreeHead {
  if (last === log.size) return { type: 'same' };
  return {
    type: 'updated',
    treeHead: log.treeHead(),
    auditorTreeHead: auditedSize === undefined ? undefined : log.auditorTreeHead(auditedSize),
  };
}

function optionsOf(log: ReferenceLog, request: ReferenceRequest) {
  const { label, last } = request;
  return {
    config: log.config,
    size: log.size,
    last,
    auditedSize: last === log.size ? undefined : request.auditedSize,
    versionPositions: request.versionPositions ?? log.versionPositions(label),
  };
}

export function planVersion(log: ReferenceLog, request: ReferenceRequest & { readonly version: number }): SearchPlan {
  const { version } = request;
  return planWith(log, (source) => planFixedVersionSearch({ ...optionsOf(log, request), version, source })).plan;
}

/** The answer of a log to a search for one version. */
export function answerVersion(
  log: ReferenceLog,
  request: ReferenceRequest & { readonly version: number },
): SearchResponse {
  const { label, last, version, auditedSize } = request;
  const plan = planVersion(log, request);
  const parts = { fullTreeHead: headFor(log, last, auditedSize), plan, search: log.prove(plan, label) };
  return { ...openVersion(log, label, version, parts), version: undefined };
}

/** The answer of a log to a contact's monitoring. */
export function answerContactMonitor(
  log: ReferenceLog,
  request: ReferenceRequest & { readonly entries: readonly MonitorMapEntry[] },
): ContactMonitorResponse {
  const { label, last, entries, auditedSize } = request;
  const { plan } = planWith(log, (source) => planContactMonitor({ ...optionsOf(log, request), entries, source }));
  return { fullTreeHead: headFor(log, last, auditedSize), monitor: log.prove(plan, label) };
}

/** The answer of a log to a walk of its distinguished entries; in fewer fetches than the log has levels. */
export function answerDistinguished(
  log: ReferenceLog,
  request: { readonly last: number | undefined; readonly stop: number | undefined; readonly auditedSize?: number },
): DistinguishedResponse {
  const { last, stop, auditedSize } = request;
  const options = optionsOf(log, { label: '', ...request });
  const fetches = Math.ceil(Math.log2(log.size + 1)) + 1;
  const { plan } = planWith(log, (source) => planDistinguished({ ...options, stop, source }), fetches);
  return { fullTreeHead: headFor(log, last, auditedSize), distinguished: log.prove(plan, '') };
}

/** A credential of a label's greatest version by the distinguished entry at `position`. */
export function makeCredential(
  log: ReferenceLog,
  request: Omit<ReferenceRequest, 'last'> & { readonly position: number },
): Credential {
  const { label, position } = request;
  const options = optionsOf(log, { ...request, last: undefined });
  const { plan } = planWith(log, (source) => planCredential({ ...options, request: { position }, source }));
  const versions = log.versions.get(label)!;
  const { opening, update } = versions[plan.version]!;
  const common = {
    label: labelBytes(label),
    version: plan.version,
    opening,
    value: update,
    binaryLadder: plan.ladder.map((version) => ({
      proof: log.vrf(label, version).proof,
      commitment: plan.committed.includes(version) ? versions[version]!.commitment : undefined,
    })),
    position,
  };
  if (plan.type === 'standard') {
    return { ...common, type: 'standard', distinguished: log.provePrefix(plan.lookup, label) };
  }
  return { ...common, type: 'provisional', treeHead: log.treeHead(), search: log.prove(plan.plan, label) };
}

/** The update of a provisional credential. */
export function makeCredentialUpdate(
  log: ReferenceLog,
  label: string,
  request: Omit<CredentialUpdateRequest, 'label'>,
): CredentialUpdate {
  const options = optionsOf(log, { label, last: undefined });
  const { plan } = planWith(log, (source) => planCredentialUpdate({ ...options, request, source }));
  return { monitor: log.prove(plan, label) };
}

function ladderSteps(log: ReferenceLog, label: string, steps: readonly PlannedStep[]) {
  return steps.map(({ version, committed }) => ({
    proof: log.vrf(label, version).proof,
    commitment: committed ? log.versions.get(label)![version]!.commitment : undefined,
  }));
}

/** The answer of a log to whoever takes ownership of a label. */
export function answerOwnerInit(
  log: ReferenceLog,
  request: ReferenceRequest & { readonly start: number },
): OwnerInitResponse {
  const { label, last, auditedSize } = request;
  const { plan } = planWith(log, (source) => planOwnerInit({ ...optionsOf(log, request), request, source }));
  const { greatestVersions } = plan;
  const binaryLadder = ladderSteps(log, label, plan.ladder);
  return {
    fullTreeHead: headFor(log, last, auditedSize),
    greatestVersions,
    binaryLadder,
    init: log.prove(plan, label),
  };
}

/** The answer of a log to an owner's monitoring. */
export function answerOwnerMonitor(
  log: ReferenceLog,
  label: string,
  request: Omit<OwnerMonitorRequest, 'label'>,
  pretended?: Pick<ReferenceRequest, 'versionPositions' | 'auditedSize'>,
): OwnerMonitorResponse {
  const options = optionsOf(log, { ...pretended, label, last: request.last });
  const { plan } = planWith(log, (source) => planOwnerMonitor({ ...options, request, source }), log.size);
  return { fullTreeHead: headFor(log, request.last, pretended?.auditedSize), monitor: log.prove(plan, label) };
}

/** The answer of a log to an owner who asks for the versions after `greatestVersion`. */
export function answerOwnerUpdate(
  log: ReferenceLog,
  request: ReferenceRequest & { readonly greatestVersion: number | undefined },
): UpdateResponse {
  const { label, last, auditedSize } = request;
  const { plan } = planWith(log, (source) => planOwnerUpdate({ ...optionsOf(log, request), request, source }));
  const created = plan.created.map((version) => log.versions.get(label)![version]!);
  const made = created.filter(({ opening }) => opening.length > 0);
  const isManaged = log.config.mode === 'thirdPartyManagement';
  return {
    fullTreeHead: headFor(log, last, auditedSize),
    position: plan.position,
    skippedVersions: isManaged ? created.length - made.length : undefined,
    values: made.map(({ update }) => update.value),
    info: made.map(({ opening, update: { signature } }) => ({ opening, signature })),
    binaryLadder: ladderSteps(log, label, plan.ladder),
    update: log.prove(plan, label),
  };
}

/** The answer of a log to whoever asks whether a version stood at two entries. */
export function answerStanding(
  log: ReferenceLog,
  request: ReferenceRequest & Pick<StandingRequest, 'version' | 'first' | 'second'>,
): StandingResponse {
  const { label, last, auditedSize } = request;
  const { plan } = planWith(log, (source) => planStanding({ ...optionsOf(log, request), request, source }));
  const steps = plan.ladder.map((version) => ({ version, committed: plan.committed.includes(version) }));
  return {
    fullTreeHead: headFor(log, last, auditedSize),
    binaryLadder: ladderSteps(log, label, steps),
    standing: log.prove(plan, label),
  };
}
