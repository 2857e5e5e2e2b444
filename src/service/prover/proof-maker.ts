import { ensure } from '../../core/errors.ts';
import type { EvidencePlan, PlannedLookup, ProofSource } from '../../core/keytrans/plan-evidence.ts';
import { assembleCombinedProof } from '../../core/keytrans/plan-proof.ts';
import type { CombinedTreeProof, PrefixProof } from '../../core/keytrans/proofs.ts';
import { driveTilesTogether } from '../../core/prefix/drive.ts';
import { provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import type { EntryReader, LogEntry } from '../log/entry-reader.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogNodeReader } from '../log/log-node-reader.ts';
import type { AskedLog } from './asked-log.ts';
import type { VersionKeys } from './version-keys.ts';

/** What a plan function of the core says: a plan, or the log entries whose timestamps it needs first. */
export type Attempt<Plan> =
  | { readonly done: true; readonly plan: Plan }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Reads of log entries that one plan may take. Plan functions name all that they can need at once; an algorithm that goes
 * where its timestamps lead, level by level, is no deeper than a log of 2^53 entries.
 */
const MAX_READS = 64;

/** Makes plans of the core into proofs, from what the store and the caches have. */
export class ProofMaker {
  readonly #context: LogContext;
  readonly #entries: EntryReader;
  readonly #nodes: LogNodeReader;

  constructor(context: LogContext, entries: EntryReader, nodes: LogNodeReader) {
    this.#context = context;
    this.#entries = entries;
    this.#nodes = nodes;
  }

  /** Runs a plan function until it has the timestamps that it needs: one round trip for each time it asks for more. */
  async plan<Plan>(attempt: (source: ProofSource) => Attempt<Plan>): Promise<Plan> {
    // The cache may forget entries while others are read: what this plan has seen stays at hand.
    const seen = new Map<number, LogEntry>();
    const source: ProofSource = {
      timestamp: (position) => (seen.get(position) ?? this.#entries.cached(position))?.timestampMs,
    };
    for (let reads = 0; ; reads++) {
      const attempted = attempt(source);
      if (attempted.done) return attempted.plan;
      ensure(reads < MAX_READS, 'internal', 'a plan never has enough timestamps');
      const entries = await this.#entries.read(attempted.missing);
      attempted.missing.forEach((position, i) => seen.set(position, entries[i] as LogEntry));
    }
  }

  /**
   * The proof of a plan: log entries, then one round trip per level of prefix tiles that are not cached, and beside these
   * at most one for log tiles. `keys` has every version that the plan looks up.
   */
  async prove(plan: EvidencePlan, keys: VersionKeys, log: AskedLog): Promise<CombinedTreeProof> {
    const [proof] = await this.proveAll([plan], keys, log);
    return proof as CombinedTreeProof;
  }

  /** The proofs of several plans, in as many round trips as one. */
  async proveAll(
    plans: readonly EvidencePlan[],
    keys: VersionKeys,
    log: AskedLog,
  ): Promise<readonly CombinedTreeProof[]> {
    const [prefixProofs, rootEntries, logNodes] = await Promise.all([
      this.#proveLookups(
        plans.flatMap(({ lookups }) => lookups),
        keys,
      ),
      this.#entries.read(plans.flatMap(({ prefixRootPositions }) => prefixRootPositions)),
      this.#nodes.readNodes(
        plans.flatMap((plan) => plan.logNodes),
        log.logEdge,
      ),
    ]);
    const proofs = takeFrom(prefixProofs);
    const roots = takeFrom(rootEntries.map(({ prefix }) => prefix.hash));
    const nodes = takeFrom(logNodes);
    return plans.map((plan) =>
      assembleCombinedProof(plan, {
        prefixProofs: proofs(plan.lookups.length),
        prefixRoots: roots(plan.prefixRootPositions.length),
        logNodes: nodes(plan.logNodes.length),
      }),
    );
  }

  /** The proof of lookups in one entry's prefix tree alone. */
  async proveLookup(lookup: PlannedLookup, keys: VersionKeys): Promise<PrefixProof> {
    const [proof] = await this.#proveLookups([lookup], keys);
    return proof as PrefixProof;
  }

  async #proveLookups(lookups: readonly PlannedLookup[], keys: VersionKeys): Promise<readonly PrefixProof[]> {
    const entries = await this.#entries.read(lookups.map(({ position }) => position));
    const works = lookups.map(({ versions }, i) => {
      const outputs = versions.map((version) => keys.get(version).output);
      return provePrefixLookups((entries[i] as LogEntry).prefix, outputs);
    });
    return driveTilesTogether(works, this.#context.readPrefixTiles);
  }
}

/** Takes the next elements of an array, so many at a time. */
function takeFrom<T>(all: readonly T[]): (count: number) => readonly T[] {
  let taken = 0;
  return (count) => all.slice(taken, (taken += count));
}
