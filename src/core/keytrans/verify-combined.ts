import { equalBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import { evaluateLogProof, logLeaf, type LogProofResult } from '../log/log-tree.ts';
import { evaluatePrefixProof, type PrefixSearch } from '../prefix/prefix-proof.ts';
import { type Algorithm, type LookupQuestion, type Question, runAlgorithm } from './evidence.ts';
import { frontier } from './implicit-search-tree.ts';
import { walkLadder } from './ladder-walk.ts';
import type { CombinedTreeProof } from './proofs.ts';
import { ShownLookups } from './shown-lookups.ts';
import type { RetainedEntry, TreeView } from './tree-view.ts';

/** The search keys (and commitments, where known) of the versions that ladders look up. */
export type LadderKeys = ReadonlyMap<number, PrefixSearch>;

/** A proof whose every element was used. The caller still has to compare its root with a signed tree head. */
export interface CombinedResult<T> extends LogProofResult {
  readonly result: T;
  /** The frontier of the new tree, to be retained. */
  readonly frontier: readonly RetainedEntry[];
  readonly shown: ShownLookups;
  /**
   * Returns the entries along the frontier of a smaller size. Throws `internal` if the proof did not show one of them.
   */
  frontierOf(size: number): readonly RetainedEntry[];
}

/**
 * The verifier's driver (KT §12.3): answers an algorithm's questions from an untrusted proof and the client's retained
 * view. Throws `proof-exhausted` or `proof-left-over` unless the proof has exactly what the algorithm requests,
 * `bad-timestamp` if time runs backwards, `bad-ladder`, `bad-prefix-proof`, `bad-log-proof` or `view-mismatch`.
 */
export function verifyCombined<T>(options: {
  readonly proof: CombinedTreeProof;
  readonly size: number;
  readonly view: TreeView | undefined;
  readonly auditedSize: number | undefined;
  readonly keys: LadderKeys;
  readonly algorithm: Algorithm<T>;
}): CombinedResult<T> {
  const verifier = new CombinedVerifier(options.proof, options.view, options.keys);
  const result = runAlgorithm(options.algorithm, (question) => verifier.answer(question));
  return { result, ...verifier.finish(options.size, options.auditedSize) };
}

class CombinedVerifier {
  readonly #proof: CombinedTreeProof;
  readonly #view: TreeView | undefined;
  readonly #keys: LadderKeys;
  readonly #retained: ReadonlyMap<number, RetainedEntry>;
  /** The timestamps taken from the proof, by position. */
  readonly #timestamps = new Map<number, number>();
  /** The prefix-tree roots that the proof's prefix proofs imply, by position. */
  readonly #prefixRoots = new Map<number, Uint8Array>();
  readonly #shown = new ShownLookups();
  #timestampsUsed = 0;
  #prefixProofsUsed = 0;

  constructor(proof: CombinedTreeProof, view: TreeView | undefined, keys: LadderKeys) {
    this.#proof = proof;
    this.#view = view;
    this.#keys = keys;
    this.#retained = new Map(view?.frontier.map((entry) => [entry.position, entry]));
  }

  answer(question: Question): number {
    switch (question.kind) {
      case 'timestamp':
        return this.#timestamp(question.position);
      case 'known-ladder':
        return this.#shown.recordKnown(question);
      case 'go-on':
        // A client has one stop condition: it has consumed the whole response.
        return this.#prefixProofsUsed < this.#proof.prefixProofs.length ? 1 : 0;
      case 'search-ladder':
      case 'monitoring-ladder':
      case 'lookups':
        return this.#lookups(question);
    }
  }

  #timestamp(position: number): number {
    const known = this.#retained.get(position)?.timestampMs ?? this.#timestamps.get(position);
    if (known !== undefined) return known;
    const timestampMs = this.#proof.timestamps[this.#timestampsUsed++];
    ensure(timestampMs !== undefined, 'proof-exhausted', 'the proof has too few timestamps');
    this.#timestamps.set(position, timestampMs);
    return timestampMs;
  }

  #lookups(question: LookupQuestion): number {
    const proof = this.#proof.prefixProofs[this.#prefixProofsUsed++];
    ensure(proof !== undefined, 'proof-exhausted', 'the proof has too few prefix proofs');
    const searches: PrefixSearch[] = [];
    const { answer, lookups } = walkLadder(question, this.#shown, (version) => {
      const result = proof.results[searches.length];
      ensure(result !== undefined, 'bad-ladder', 'a ladder has too few lookups');
      const search = this.#search(version);
      searches.push(search);
      const included = result.type === 'inclusion';
      // An owner's ladders omit nothing, and all their versions are known.
      const isKnown =
        !included || search.commitment !== undefined || question.kind !== 'search-ladder' || question.omit;
      ensure(isKnown, 'unexpected-version', `entry ${question.position} shows version ${version}, which is unknown`);
      return included;
    });
    ensure(proof.results.length === searches.length, 'bad-ladder', 'a ladder has too many lookups');
    this.#setPrefixRoot(question.position, evaluatePrefixProof(proof, searches));
    this.#shown.recordAll(question.position, lookups);
    return answer;
  }

  #search(version: number): PrefixSearch {
    const search = this.#keys.get(version);
    ensure(search !== undefined, 'bad-ladder', `the response has no search key for version ${version}`);
    return search;
  }

  #setPrefixRoot(position: number, root: Uint8Array): void {
    ensure(
      this.#timestamps.has(position) || this.#retained.has(position),
      'internal',
      `entry ${position} was inspected before its timestamp was asked for`,
    );
    const known = this.#retained.get(position)?.prefixRoot ?? this.#prefixRoots.get(position);
    ensure(known === undefined || equalBytes(known, root), 'bad-prefix-proof', 'two prefix roots for one log entry');
    this.#prefixRoots.set(position, root);
  }

  finish(size: number, auditedSize: number | undefined): LogProofResult & Omit<CombinedResult<never>, 'result'> {
    const { timestamps, prefixProofs, inclusion } = this.#proof;
    ensure(timestamps.length === this.#timestampsUsed, 'proof-left-over', 'the proof has too many timestamps');
    ensure(prefixProofs.length === this.#prefixProofsUsed, 'proof-left-over', 'the proof has too many prefix proofs');
    this.#assertMonotonic();
    const entries = this.#entries();
    const result = evaluateLogProof(
      { size, leaves: entries.map((entry) => entry.position), retainedSize: this.#view?.size, auditedSize },
      {
        leafValues: entries.map((entry) => logLeaf(entry.timestampMs, entry.prefixRoot)),
        retained: this.#view?.fullSubtrees ?? [],
        elements: inclusion.elements,
      },
    );
    const known = new Map([...this.#retained.values(), ...entries].map((entry) => [entry.position, entry]));
    const frontierOf = (smaller: number) => frontierAmong(known, smaller);
    return { ...result, frontier: frontierOf(size), shown: this.#shown, frontierOf };
  }

  /** Checks that every timestamp is at least all timestamps to its left, including retained ones (KT §12.3). */
  #assertMonotonic(): void {
    const all = new Map(this.#timestamps);
    for (const entry of this.#retained.values()) all.set(entry.position, entry.timestampMs);
    let previous = 0;
    for (const position of [...all.keys()].sort((a, b) => a - b)) {
      const timestampMs = all.get(position) as number;
      ensure(timestampMs >= previous, 'bad-timestamp', `the timestamp of entry ${position} is below one to its left`);
      previous = timestampMs;
    }
  }

  /**
   * Returns the log entries whose timestamps the proof gave, ascending. `prefix_roots` supplies the roots that no
   * ladder showed.
   */
  #entries(): RetainedEntry[] {
    const { prefixRoots } = this.#proof;
    let used = 0;
    const entries = [...this.#timestamps]
      .sort(([a], [b]) => a - b)
      .map(([position, timestampMs]) => {
        const prefixRoot = this.#prefixRoots.get(position) ?? prefixRoots[used++];
        ensure(prefixRoot !== undefined, 'proof-exhausted', 'the proof has too few prefix roots');
        return { position, timestampMs, prefixRoot };
      });
    ensure(used === prefixRoots.length, 'proof-left-over', 'the proof has too many prefix roots');
    return entries;
  }
}

/** Returns the frontier of a log of `size` entries, which must all be known. */
function frontierAmong(known: ReadonlyMap<number, RetainedEntry>, size: number): RetainedEntry[] {
  return frontier(size).map((position) => {
    const entry = known.get(position);
    ensure(entry !== undefined, 'internal', `entry ${position} of the frontier was never asked for`);
    return entry;
  });
}
