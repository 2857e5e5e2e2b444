import { batchCopath } from '../log/log-tree.ts';
import type { TreeNode } from '../log/tree-node.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import {
  type Algorithm,
  type EvidenceAnswer,
  type LookupQuestion,
  type Question,
  retainedPositions,
  runAlgorithm,
} from './evidence.ts';
import { isExpired } from './expiry.ts';
import { walkLadder } from './ladder-walk.ts';
import { ShownLookups } from './shown-lookups.ts';

/** The timestamps available to a prover. */
export interface ProofSource {
  /** Returns the timestamp of a log entry in ms, or undefined if it must be fetched first. */
  timestamp(position: number): number | undefined;
}

/** The lookups in one entry's prefix tree: one PrefixProof of the response. */
export interface PlannedLookup {
  readonly position: number;
  /** In the order of the proof's results. Empty if every lookup was omitted: the proof is then the root alone. */
  readonly versions: readonly number[];
}

/** The parts of a CombinedTreeProof, before any of them is fetched. */
export interface EvidencePlan {
  /** The proof's timestamps, in order. */
  readonly timestamps: readonly number[];
  readonly lookups: readonly PlannedLookup[];
  /** The entries whose prefix root the proof gives, ascending. */
  readonly prefixRootPositions: readonly number[];
  /** The heads of the log tree, left to right. */
  readonly logNodes: readonly TreeNode[];
}

/** An algorithm's result and its evidence, or the positions whose timestamps must be fetched first. */
export type PlannedEvidence<T> =
  | { readonly done: true; readonly result: T; readonly evidence: EvidencePlan; readonly shown: ShownLookups }
  | { readonly done: false; readonly missing: readonly number[] };

/** The input of a plan. */
export interface PlanOptions<T> {
  /** The size of the log that the proof is for. */
  readonly size: number;
  /** The size of the tree whose head the client advertised. */
  readonly last: number | undefined;
  /** The size of the auditor's head in the response, if there is one. */
  readonly auditedSize: number | undefined;
  /** The log entries that added the label's versions 0, 1, 2…, ascending, all below `size`. */
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
  /**
   * The entries whose timestamps the algorithm is likely to request. If any of them is missing, all missing ones are
   * fetched together.
   */
  readonly likely: readonly number[];
  readonly algorithm: Algorithm<T>;
}

/**
 * The prover's driver (KT §12.3): runs an algorithm on the log's own data and records its questions. The outcome of
 * every lookup follows from the entries that added the label's versions, so planning fetches nothing but timestamps.
 */
export function planEvidence<T>(options: PlanOptions<T>): PlannedEvidence<T> {
  const { size, last, auditedSize, source, algorithm } = options;
  const missing = [...new Set(options.likely)].filter((position) => source.timestamp(position) === undefined);
  if (missing.length > 0) return { done: false, missing };

  const planner = new Planner(source, options.versionPositions, last);
  const outcome = planner.run(algorithm);
  if (outcome === undefined) return { done: false, missing: planner.missing };
  return {
    done: true,
    result: outcome.result,
    evidence: planner.evidence(size, last, auditedSize),
    shown: planner.shown,
  };
}

/** The greatest number of prefix proofs in one answer to an owner's monitoring. The owner asks again for the rest. */
const MAXIMUM_OWNER_LOOKUPS = 64;

/** The greatest number of elements in a vector of a CombinedTreeProof (KT §12.3). */
const MAXIMUM_EVIDENCE = 0xff;

/** Checks that a proof of this plan can be encoded. Throws `invalid-request`. */
export function assertProvable(evidence: EvidencePlan): void {
  const { timestamps, lookups, prefixRootPositions } = evidence;
  const fits = [timestamps, lookups, prefixRootPositions].every((list) => list.length <= MAXIMUM_EVIDENCE);
  ensure(fits, 'invalid-request', 'the request asks for more evidence than one answer can hold');
}

/**
 * Checks that a plan inspects no log entry past its maximum lifetime, whose prefix tree may be gone. All timestamps of
 * inspected entries must be available. Throws `version-expired`.
 */
export function assertInspectable(
  config: Configuration,
  size: number,
  evidence: EvidencePlan,
  source: ProofSource,
): void {
  const rightmostMs = source.timestamp(size - 1);
  for (const { position } of evidence.lookups) {
    const timestampMs = source.timestamp(position);
    ensure(timestampMs !== undefined && rightmostMs !== undefined, 'internal', `no timestamp of entry ${position}`);
    ensure(!isExpired(config, timestampMs, rightmostMs), 'version-expired', `entry ${position} is past its lifetime`);
  }
}

/** Ends an algorithm that requests a timestamp which is not available. */
class MissingTimestamp extends Error {}

class Planner {
  readonly shown = new ShownLookups();
  /** The position whose missing timestamp ended the run. */
  missing: readonly number[] = [];
  readonly #source: ProofSource;
  readonly #versionPositions: readonly number[];
  readonly #retained: ReadonlySet<number>;
  /** The timestamps that go into the proof, by position, in the order of the first question. */
  readonly #timestamps = new Map<number, number>();
  readonly #lookups: PlannedLookup[] = [];

  constructor(source: ProofSource, versionPositions: readonly number[], last: number | undefined) {
    this.#source = source;
    this.#versionPositions = versionPositions;
    this.#retained = new Set(retainedPositions(last));
  }

  run<T>(algorithm: Algorithm<T>): { readonly result: T } | undefined {
    try {
      return { result: runAlgorithm(algorithm, (question) => this.#answer(question)) };
    } catch (error) {
      if (error instanceof MissingTimestamp) return undefined;
      throw error;
    }
  }

  #answer(question: Question): EvidenceAnswer {
    switch (question.kind) {
      case 'timestamp':
        return this.#timestamp(question.position);
      case 'known-ladder':
        return this.shown.recordKnown(question);
      case 'go-on':
        return this.#goesOn(question.position, question.expected) ? 1 : 0;
      case 'search-ladder':
      case 'monitoring-ladder':
      case 'lookups':
        return this.#lookup(question);
    }
  }

  #timestamp(position: number): number {
    const timestampMs = this.#source.timestamp(position);
    if (timestampMs === undefined) {
      this.missing = [position];
      throw new MissingTimestamp();
    }
    if (!this.#retained.has(position)) this.#timestamps.set(position, timestampMs);
    return timestampMs;
  }

  /** Returns false before the first entry with a version unknown to the owner, and when an answer is long enough. */
  #goesOn(position: number, expected: number | undefined): boolean {
    return this.#greatestAt(position) <= (expected ?? -1) && this.#lookups.length < MAXIMUM_OWNER_LOOKUPS;
  }

  #lookup(question: LookupQuestion): EvidenceAnswer {
    const { position } = question;
    const greatest = this.#greatestAt(position);
    const { answer, lookups } = walkLadder(question, this.shown, (version) => version <= greatest);
    this.shown.recordAll(position, lookups);
    this.#lookups.push({ position, versions: lookups.map(({ version }) => version) });
    return answer;
  }

  /** Returns the greatest version present at `position`, or -1. */
  #greatestAt(position: number): number {
    let low = 0;
    let high = this.#versionPositions.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#versionPositions[middle] as number) <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  evidence(size: number, last: number | undefined, auditedSize: number | undefined): EvidencePlan {
    const positions = [...this.#timestamps.keys()].sort((a, b) => a - b);
    const inspected = new Set(this.#lookups.map((lookup) => lookup.position));
    return {
      timestamps: [...this.#timestamps.values()],
      lookups: this.#lookups,
      prefixRootPositions: positions.filter((position) => !inspected.has(position)),
      logNodes: batchCopath({ size, leaves: positions, retainedSize: last, auditedSize }),
    };
  }
}
