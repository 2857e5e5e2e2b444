import { ensure } from '../errors.ts';
import { batchCopath } from '../log/log-tree.ts';
import type { TreeNode } from '../log/tree-node.ts';
import { baseBinaryLadder, endsSearchLadder, type LadderVerdict } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import { type Algorithm, type Question, retainedPositions } from './evidence.ts';
import type { SearchEnd } from './greatest-version-search.ts';
import { frontier } from './implicit-search-tree.ts';
import type { CombinedTreeProof, PrefixProof } from './proofs.ts';
import { ShownLookups } from './shown-lookups.ts';
import { updateViewPositions } from './update-view.ts';
import { updateAndProveAbsence } from './verify-lookup.ts';
import { updateAndSearch } from './verify-search.ts';

/** The timestamps that a prover has at hand. */
export interface ProofSource {
  /** Timestamp of a log entry in ms, or undefined where it has to be fetched first. */
  timestamp(position: number): number | undefined;
}

/** Lookups in one entry's prefix tree: one PrefixProof of the response. */
export interface PlannedLookup {
  readonly position: number;
  /** In the order of the proof's results. Empty where everything was omitted: then the proof is the root alone. */
  readonly versions: readonly number[];
}

/** Everything that a response's proof consists of, before any of it is fetched. */
export interface ProofPlan {
  /** Versions of `binary_ladder`, in order. */
  readonly ladder: readonly number[];
  /** Versions of the ladder whose inclusion the proof shows, other than the target: those that carry a commitment. */
  readonly committed: readonly number[];
  /** The proof's timestamps, in order. */
  readonly timestamps: readonly number[];
  readonly lookups: readonly PlannedLookup[];
  /** Entries whose prefix root has to be given, ascending. */
  readonly prefixRootPositions: readonly number[];
  /** Heads of the log tree, left to right. */
  readonly logNodes: readonly TreeNode[];
  /** The terminal log entry of the search; undefined for a proof of absence. */
  readonly terminalPosition: number | undefined;
}

/** A plan, or the positions whose timestamps have to be fetched before there can be one. */
export type Planned =
  | { readonly done: true; readonly plan: ProofPlan }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Plans the proof of a greatest-version search, or of absence where the label has no version (KT §12.3). The outcome of
 * every lookup follows from where the label's versions were added, so nothing has to be fetched to know what to fetch.
 *
 * `versionPositions` are the log entries that added the label's versions 0, 1, 2…, ascending, all below `size`; `last` is
 * the client's size. Where timestamps are missing, all that can be needed are named at once.
 */
export function planGreatestVersionSearch(options: {
  readonly config: Configuration;
  readonly size: number;
  readonly last: number | undefined;
  /** Size of the auditor's head in the response, if one is in it. */
  readonly auditedSize?: number | undefined;
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
}): Planned {
  const { config, size, last, versionPositions, source } = options;
  const candidates = [...new Set([...frontier(size), ...updateViewPositions(size, last), ...retainedPositions(last)])];
  const missing = candidates.filter((position) => source.timestamp(position) === undefined);
  if (missing.length > 0) return { done: false, missing };

  const planner = new Planner(source, versionPositions, last);
  const greatest = versionPositions.length - 1;
  const end =
    greatest < 0
      ? planner.run(updateAndProveAbsence(config, size, last))
      : planner.run(updateAndSearch(config, size, last, greatest));
  return { done: true, plan: planner.finish(size, options.auditedSize, greatest, end ?? undefined) };
}

/** The prover's driver (KT §12.3): answers an algorithm's questions from what the log is, and writes down what it took. */
class Planner {
  readonly #source: ProofSource;
  readonly #versionPositions: readonly number[];
  readonly #last: number | undefined;
  readonly #retained: ReadonlySet<number>;
  readonly #timestamps = new Map<number, number>();
  readonly #lookups: PlannedLookup[] = [];
  readonly #shown = new ShownLookups();

  constructor(source: ProofSource, versionPositions: readonly number[], last: number | undefined) {
    this.#source = source;
    this.#versionPositions = versionPositions;
    this.#last = last;
    this.#retained = new Set(retainedPositions(last));
  }

  run<T>(algorithm: Algorithm<T>): T {
    let step = algorithm.next();
    while (step.done !== true) step = algorithm.next(this.#answer(step.value));
    return step.value;
  }

  #answer(question: Question): number {
    switch (question.kind) {
      case 'timestamp':
        return this.#timestamp(question.position);
      case 'search-ladder':
        return this.#searchLadder(question.position, question.target, question.omit);
    }
  }

  #timestamp(position: number): number {
    const timestampMs = this.#source.timestamp(position);
    ensure(timestampMs !== undefined, 'internal', `the timestamp of entry ${position} was not foreseen`);
    if (!this.#retained.has(position)) this.#timestamps.set(position, timestampMs);
    return timestampMs;
  }

  /** Greatest version present at `position`, or -1. */
  #greatestAt(position: number): number {
    const next = this.#versionPositions.findIndex((added) => added > position);
    return (next === -1 ? this.#versionPositions.length : next) - 1;
  }

  #searchLadder(position: number, target: number, omit: boolean): LadderVerdict {
    const greatest = this.#greatestAt(position);
    const versions: number[] = [];
    let verdict: LadderVerdict = 0;
    for (const version of baseBinaryLadder(target)) {
      const included = version <= greatest;
      if (!omit || this.#shown.outcome(version, position) === undefined) versions.push(version);
      if (!endsSearchLadder(target, version, included)) continue;
      verdict = included ? 1 : -1;
      break;
    }
    for (const version of versions) this.#shown.record(version, position, version <= greatest);
    this.#lookups.push({ position, versions });
    return verdict;
  }

  finish(size: number, auditedSize: number | undefined, greatest: number, end: SearchEnd | undefined): ProofPlan {
    const positions = [...this.#timestamps.keys()].sort((a, b) => a - b);
    const inspected = new Set(this.#lookups.map((lookup) => lookup.position));
    const ladder = greatest < 0 ? [0] : baseBinaryLadder(greatest);
    return {
      ladder,
      committed: ladder.filter((version) => version !== greatest && this.#shown.showedInclusion(version)),
      timestamps: [...this.#timestamps.values()],
      lookups: this.#lookups,
      prefixRootPositions: positions.filter((position) => !inspected.has(position)),
      logNodes: batchCopath({ size, leaves: positions, retainedSize: this.#last, auditedSize }),
      terminalPosition: end?.terminalPosition,
    };
  }
}

/** Puts a proof together from its plan and what was fetched for it, each in the order of the plan. */
export function assembleProof(
  plan: ProofPlan,
  parts: {
    readonly prefixProofs: readonly PrefixProof[];
    readonly prefixRoots: readonly Uint8Array[];
    readonly logNodes: readonly Uint8Array[];
  },
): CombinedTreeProof {
  ensure(parts.prefixProofs.length === plan.lookups.length, 'internal', 'a prefix proof is missing');
  ensure(parts.prefixRoots.length === plan.prefixRootPositions.length, 'internal', 'a prefix root is missing');
  ensure(parts.logNodes.length === plan.logNodes.length, 'internal', 'a log node is missing');
  return {
    timestamps: plan.timestamps,
    prefixProofs: parts.prefixProofs,
    prefixRoots: parts.prefixRoots,
    inclusion: { elements: parts.logNodes },
  };
}
