import { ensure } from '../../core/errors.ts';
import type { EvidencePlan, PlannedLookup, ProofSource } from '../../core/keytrans/plan-evidence.ts';
import { assembleCombinedProof } from '../../core/keytrans/plan-proof.ts';
import type { CombinedTreeProof, PrefixProof } from '../../core/keytrans/proofs.ts';
import { assertWanted } from '../../core/still-wanted.ts';
import { driveTilesTogether } from '../../core/prefix/drive.ts';
import { provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import type { EntryReader, LogEntry } from '../log/entry-reader.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogNodeReader } from '../log/log-node-reader.ts';
import type { AskedLog } from './asked-log.ts';
import type { VersionKeys } from './version-keys.ts';

/** Result of a plan function of the core: a plan, or the log entries whose timestamps it needs first. */
export type Attempt<Plan> =
  | { readonly done: true; readonly plan: Plan }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Most reads of log entries for one plan. A plan function names all entries that it can need at once. An algorithm that
 * follows timestamps level by level is no deeper than a log of 2^53 entries.
 */
const MAX_READS = 64;

/** Makes proofs from plans of the core, with data of the store and the caches. */
export class ProofMaker {
  readonly #context: LogContext;
  readonly #entries: EntryReader;
  readonly #nodes: LogNodeReader;
  readonly #signal: AbortSignal | undefined;

  constructor(context: LogContext, entries: EntryReader, nodes: LogNodeReader, signal?: AbortSignal) {
    this.#context = context;
    this.#entries = entries;
    this.#nodes = nodes;
    this.#signal = signal;
  }

  /** Returns a maker for one request, which stops with `invalid-request` once the signal is aborted. */
  until(signal: AbortSignal | undefined): ProofMaker {
    return new ProofMaker(this.#context, this.#entries, this.#nodes, signal);
  }

  /** Runs a plan function until it has the timestamps that it needs: one round trip each time it asks for more. */
  async plan<Plan>(attempt: (source: ProofSource) => Attempt<Plan>): Promise<Plan> {
    // The cache may evict entries while others are read: this plan keeps the ones it has seen.
    const seen = new Map<number, LogEntry>();
    const source: ProofSource = {
      timestamp: (position) => (seen.get(position) ?? this.#entries.cached(position))?.timestampMs,
    };
    for (let reads = 0; ; reads++) {
      const attempted = attempt(source);
      if (attempted.done) return attempted.plan;
      ensure(reads < MAX_READS, 'internal', 'a plan never has enough timestamps');
      assertWanted(this.#signal);
      const entries = await this.#entries.read(attempted.missing);
      attempted.missing.forEach((position, i) => seen.set(position, entries[i] as LogEntry));
    }
  }

  /**
   * Makes the proof of a plan: reads log entries, then takes one round trip per level of uncached prefix tiles and, in
   * parallel, at most one for log tiles. `keys` has every version that the plan looks up.
   */
  async prove(plan: EvidencePlan, keys: VersionKeys, log: AskedLog): Promise<CombinedTreeProof> {
    const [proof] = await this.proveAll([plan], keys, log);
    return proof as CombinedTreeProof;
  }

  /** Makes the proofs of several plans, in as many round trips as one. */
  async proveAll(
    plans: readonly EvidencePlan[],
    keys: VersionKeys,
    log: AskedLog,
  ): Promise<readonly CombinedTreeProof[]> {
    assertWanted(this.#signal);
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

  /** Makes the proof of lookups in the prefix tree of one log entry. */
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
    return driveTilesTogether(works, (names) => {
      assertWanted(this.#signal);
      return this.#context.readPrefixTiles(names);
    });
  }
}

/** Returns a function that takes the next `count` elements of an array. */
function takeFrom<T>(all: readonly T[]): (count: number) => readonly T[] {
  let taken = 0;
  return (count) => all.slice(taken, (taken += count));
}
