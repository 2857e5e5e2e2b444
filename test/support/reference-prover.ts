import type { LookupResponse, SearchResponse } from '../../src/core/keytrans/messages.ts';
import { planGreatestVersionSearch, type SearchPlan } from '../../src/core/keytrans/plan-proof.ts';
import type { CombinedTreeProof } from '../../src/core/keytrans/proofs.ts';
import type { FullTreeHead } from '../../src/core/keytrans/tree-head.ts';
import type { ReferenceLog } from './reference-log.ts';

/** What a reference prover is asked; the fields that honest provers do not set are for lying ones. */
export interface ReferenceLookup {
  readonly label: string;
  readonly last: number | undefined;
  readonly auditedSize?: number;
  /** Versions that the prover pretends to know of. */
  readonly versionPositions?: readonly number[];
}

export function planLookup(log: ReferenceLog, options: ReferenceLookup): SearchPlan {
  const { label, last, auditedSize } = options;
  const known = new Map<number, number>();
  for (;;) {
    const planned = planGreatestVersionSearch({
      config: log.config,
      size: log.size,
      last,
      auditedSize: last === log.size ? undefined : auditedSize,
      versionPositions: options.versionPositions ?? log.versionPositions(label),
      source: { timestamp: (position) => known.get(position) },
    });
    if (planned.done) return planned.plan;
    if (known.size > 0) throw new Error('a second fetch is needed');
    for (const position of planned.missing) known.set(position, log.timestamps[position]!);
  }
}

/** The answer of a log to a lookup. */
export function answerLookup(log: ReferenceLog, options: ReferenceLookup): LookupResponse {
  const { label, last, auditedSize } = options;
  const plan = planLookup(log, options);
  const proof = log.prove(plan, label);
  const fullTreeHead: FullTreeHead =
    last === log.size
      ? { type: 'same' }
      : {
          type: 'updated',
          treeHead: log.treeHead(),
          auditorTreeHead: auditedSize === undefined ? undefined : log.auditorTreeHead(auditedSize),
        };
  const version = (options.versionPositions ?? log.versionPositions(label)).length - 1;
  if (version < 0) return { type: 'absent', fullTreeHead, vrfProof: log.vrf(label, 0).proof, proof };
  return { type: 'found', response: openVersion(log, label, version, { fullTreeHead, plan, search: proof }) };
}

/** A response that opens a version, and names in its ladder the commitments that its plan names. */
export function openVersion(
  log: ReferenceLog,
  label: string,
  version: number,
  parts: {
    readonly fullTreeHead: FullTreeHead;
    readonly plan: Pick<SearchPlan, 'ladder' | 'committed'>;
    readonly search: CombinedTreeProof;
  },
): SearchResponse {
  const versions = log.versions.get(label)!;
  const { opening, update } = versions[version]!;
  const { fullTreeHead, plan, search } = parts;
  const binaryLadder = plan.ladder.map((step) => ({
    proof: log.vrf(label, step).proof,
    commitment: plan.committed.includes(step) ? versions[step]!.commitment : undefined,
  }));
  return { fullTreeHead, version, opening, value: update, binaryLadder, search };
}
