import { commit } from '../../core/crypto/commitment.ts';
import { cipherSuite } from '../../core/crypto/cipher-suite.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import type { Configuration } from '../../core/keytrans/configuration.ts';
import { type LookupQuestion, type Question, runAlgorithm } from '../../core/keytrans/evidence.ts';
import { type Lookup, walkLadder } from '../../core/keytrans/ladder-walk.ts';
import { verifyLadder } from '../../core/keytrans/ladder-keys.ts';
import { type LookupResponse, lookupResponseCodec } from '../../core/keytrans/messages.ts';
import type { CombinedTreeProof } from '../../core/keytrans/proofs.ts';
import { ShownLookups } from '../../core/keytrans/shown-lookups.ts';
import { type TreeView, viewRoot } from '../../core/keytrans/tree-view.ts';
import { updateAndProveAbsence } from '../../core/keytrans/verify-lookup.ts';
import { updateAndSearch } from '../../core/keytrans/verify-search.ts';
import { encodeVrfInput } from '../../core/keytrans/vrf-input.ts';
import { evaluatePrefixProof, type PrefixSearch } from '../../core/prefix/prefix-proof.ts';
import { type LogTurn, logPath } from './log-path.ts';

/** A lookup whose answer the client has verified, and the two views on its sides. */
export interface AcceptedLookup {
  readonly config: Configuration;
  readonly label: Uint8Array;
  /** The body of the answer. */
  readonly answer: Uint8Array;
  /** The view that the request advertised. */
  readonly before: TreeView | undefined;
  /** The view that the answer led to. */
  readonly after: TreeView;
}

/** One search in the tree of names of one log entry. */
export interface NameSearch {
  readonly version: number;
  /** The hidden key of this version: the VRF output, 32 bytes. Its bits are the turns of the path. */
  readonly searchKey: Uint8Array;
  /** The end of the path: the key's own leaf, the leaf of another name, or an empty place. */
  readonly end: 'found' | 'other-name' | 'empty';
  /** Turns from the root to the end. */
  readonly depth: number;
}

/** A log entry whose tree of names the proof searched. */
export interface InspectedEntry {
  readonly position: number;
  readonly timestampMs: number;
  /** Root of its tree of names, as the proof implies it. */
  readonly prefixRoot: Uint8Array;
  readonly searches: readonly NameSearch[];
}

/** A verified lookup, step by step. */
export interface LookupExplanation {
  readonly found: boolean;
  /** The version that was looked up: the newest, or 0 for a name that is not there. */
  readonly version: number;
  readonly treeSize: number;
  /** Entries of the log that the client had seen before; undefined for its first request. */
  readonly seenSize: number | undefined;
  /** Entries in the order in which they were inspected, to the last one of the log. */
  readonly entries: readonly InspectedEntry[];
  /** The entry and the search that show the result. */
  readonly shown: { readonly entry: InspectedEntry; readonly search: NameSearch };
  /** The way from that entry up to the root of the log. */
  readonly logPath: readonly LogTurn[];
  /** Root of the log tree, which the log has signed. 32 bytes. */
  readonly logRoot: Uint8Array;
  /** Hashes that the answer brought. */
  readonly hashes: number;
  /** Length of the answer. */
  readonly bytes: number;
}

/**
 * Explains an answer that the client has accepted: it walks the same algorithm over the same bytes as the verifier, and
 * writes down what the verifier saw. It proves nothing itself. Throws `internal` for an answer that does not verify.
 */
export function explainLookup({ config, label, answer, before, after }: AcceptedLookup): LookupExplanation {
  const response = decode(lookupResponseCodec(config), answer);
  const { version, keys, proof } = partsOf(config, label, response);
  const { size } = after;
  const found = response.type === 'found';
  const recorder = new ProofRecorder(proof, before, keys);
  const answerOf = (question: Question): number => recorder.answer(question);
  if (found) runAlgorithm(updateAndSearch(config, size, before?.size, version), answerOf);
  else runAlgorithm(updateAndProveAbsence(config, size, before?.size), answerOf);
  const { entries } = recorder;
  const end = found ? 'found' : undefined;
  const shown = entries
    .flatMap((entry) => entry.searches.map((search) => ({ entry, search })))
    .filter(({ search }) => search.version === version && (end === undefined || search.end === end))
    .at(found ? 0 : -1);
  ensure(shown !== undefined, 'internal', 'the accepted answer does not show the version');
  return {
    found,
    version,
    treeSize: size,
    seenSize: before?.size,
    entries,
    shown,
    logPath: logPath(shown.entry.position, size),
    logRoot: viewRoot(after),
    hashes: hashesOf(proof),
    bytes: answer.length,
  };
}

/** The parts of an answer that a walk needs. */
interface AnswerParts {
  readonly version: number;
  readonly keys: ReadonlyMap<number, PrefixSearch>;
  readonly proof: CombinedTreeProof;
}

function partsOf(config: Configuration, label: Uint8Array, answer: LookupResponse): AnswerParts {
  if (answer.type === 'absent') {
    const suite = cipherSuite(config.cipherSuite);
    const vrfOutput = suite.verifyVrf(config.vrfPublicKey, encodeVrfInput(label, 0), answer.vrfProof);
    return { version: 0, keys: new Map([[0, { vrfOutput }]]), proof: answer.proof };
  }
  const { version = 0, opening, value: update, binaryLadder, search } = answer.response;
  const commitment = commit({ opening, label, version, update });
  return { version, keys: verifyLadder(config, label, version, binaryLadder, commitment).keys, proof: search };
}

function hashesOf({ prefixProofs, prefixRoots, inclusion }: CombinedTreeProof): number {
  const inPrefixTrees = prefixProofs.reduce((sum, { elements }) => sum + elements.length, 0);
  return inPrefixTrees + prefixRoots.length + inclusion.elements.length;
}

const ENDS = { inclusion: 'found', nonInclusionLeaf: 'other-name', nonInclusionParent: 'empty' } as const;

/** Answers an algorithm's questions from an accepted proof, and writes down the searches. */
class ProofRecorder {
  readonly entries: InspectedEntry[] = [];
  readonly #proof: CombinedTreeProof;
  readonly #keys: ReadonlyMap<number, PrefixSearch>;
  readonly #timestamps: Map<number, number>;
  readonly #shown = new ShownLookups();
  #timestampsUsed = 0;
  #prefixProofsUsed = 0;

  constructor(proof: CombinedTreeProof, view: TreeView | undefined, keys: ReadonlyMap<number, PrefixSearch>) {
    this.#proof = proof;
    this.#keys = keys;
    this.#timestamps = new Map(view?.frontier.map(({ position, timestampMs }) => [position, timestampMs]));
  }

  answer(question: Question): number {
    switch (question.kind) {
      case 'timestamp':
        return this.#timestamp(question.position);
      case 'known-ladder':
        return this.#shown.recordKnown(question);
      case 'go-on':
        return 0;
      case 'search-ladder':
      case 'monitoring-ladder':
      case 'lookups':
        return this.#search(question);
    }
  }

  #timestamp(position: number): number {
    const known = this.#timestamps.get(position) ?? this.#proof.timestamps[this.#timestampsUsed++];
    ensure(known !== undefined, 'internal', 'an accepted proof without a timestamp');
    this.#timestamps.set(position, known);
    return known;
  }

  #search(question: LookupQuestion): number {
    const proof = this.#proof.prefixProofs[this.#prefixProofsUsed++];
    ensure(proof !== undefined, 'internal', 'an accepted proof without a prefix proof');
    const searches: NameSearch[] = [];
    const asked: PrefixSearch[] = [];
    const { answer, lookups } = walkLadder(question, this.#shown, (version) => {
      const [key, result] = [this.#keys.get(version), proof.results[searches.length]];
      ensure(key !== undefined && result !== undefined, 'internal', 'an accepted proof without a search');
      asked.push(key);
      searches.push({ version, searchKey: key.vrfOutput, end: ENDS[result.type], depth: result.depth });
      return result.type === 'inclusion';
    });
    this.#record(question.position, lookups, searches, evaluatePrefixProof(proof, asked));
    return answer;
  }

  #record(position: number, lookups: readonly Lookup[], searches: readonly NameSearch[], prefixRoot: Uint8Array): void {
    this.#shown.recordAll(position, lookups);
    this.entries.push({ position, timestampMs: this.#timestamps.get(position) ?? 0, prefixRoot, searches });
  }
}

/** Returns the turns of a path in the tree of names: the first bits of its key, false for left. */
export function turnsOf({ searchKey, depth }: NameSearch): readonly boolean[] {
  return Array.from({ length: depth }, (_, i) => (((searchKey[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1);
}

/** Returns a hash for people: its first bytes in hex. */
export function shortHash(hash: Uint8Array): string {
  return `${formatHex(hash.subarray(0, 6))}…`;
}
