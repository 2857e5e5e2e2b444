import { HASH_LENGTH } from '../crypto/sha256.ts';
import { compareBytes, equalBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import type { PrefixLeaf, PrefixProof, PrefixSearchResult } from '../keytrans/proofs.ts';
import { KEY_LENGTH, MAX_DEPTH, sharesPrefix, splitIndex } from './key-bits.ts';
import { ABSENT_HASH, hashPrefixLeaf, hashPrefixParent } from './prefix-hash.ts';
import { areAscending, insertSorted, splitLeaves } from './sorted-leaves.ts';

/** One search that a proof answers. */
export interface PrefixSearch {
  /** The search key: 32 bytes. */
  readonly vrfOutput: Uint8Array;
  /** The commitment in the key's leaf, 32 bytes. It is needed if the proof shows inclusion, and ignored otherwise. */
  readonly commitment?: Uint8Array | undefined;
}

/**
 * Computes the root of the prefix tree that `proof` implies for `searches`, in the order of its results (KT §12.2). The
 * proof shows nothing until the caller has compared this root with the one that it trusts.
 *
 * The proof is untrusted. Throws `bad-prefix-proof` unless it is the one canonical proof of some prefix tree. Such a
 * proof has as many results as searches, exactly as many elements as needed, and at least two leaves below every
 * parent. Its terminal nodes agree with each other and with the keys' bits. No `nonInclusionLeaf` shows the searched
 * key itself.
 */
export function evaluatePrefixProof(proof: PrefixProof, searches: readonly PrefixSearch[]): Uint8Array {
  ensureProof(proof.results.length === searches.length, 'wrong number of results');
  const terminals = searches.map((search, index) => {
    return assertTerminal(search, proof.results[index] as PrefixSearchResult);
  });
  terminals.sort((a, b) => compareBytes(a.key, b.key));
  return new Evaluation(proof.elements, terminals, undefined).run().before;
}

/** The roots before and after an insertion. */
export interface PrefixRootChange {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/**
 * Computes the roots before and after `added` are added, from a batch lookup of the added keys in the old tree (KT
 * §15.2, steps 2, 3, 6 and 7). The caller compares `before` with the root that it trusts. Both arguments are untrusted.
 * Throws `bad-prefix-proof` as {@link evaluatePrefixProof} does, and unless the added leaves ascend strictly by VRF
 * output and are all new to the old tree.
 */
export function evaluatePrefixInsertion(proof: PrefixProof, added: readonly PrefixLeaf[]): PrefixRootChange {
  ensureProof(proof.results.length === added.length, 'wrong number of results');
  ensureProof(areAscending(added), 'added leaves are not strictly ascending');
  const terminals = added.map((leaf, index) => {
    const result = proof.results[index] as PrefixSearchResult;
    ensureProof(result.type !== 'inclusion', 'an added key is already in the tree');
    return assertTerminal(leaf, result);
  });
  return new Evaluation(proof.elements, terminals, added).run();
}

/** The end of the search for `key`: at `depth`, on a leaf or on a stand-in for a missing child. */
interface Terminal {
  readonly key: Uint8Array;
  readonly depth: number;
  readonly leaf: PrefixLeaf | undefined;
}

/**
 * A node's value before and after the insertion, and its kind before: `other` may have any number of leaves below it.
 */
interface Node extends PrefixRootChange {
  readonly kind: 'absent' | 'leaf' | 'other';
}

const ABSENT: Node = { before: ABSENT_HASH, after: ABSENT_HASH, kind: 'absent' };

/** Hashes terminals (ascending by key) and elements together, from left to right. */
class Evaluation {
  readonly #elements: readonly Uint8Array[];
  readonly #terminals: readonly Terminal[];
  readonly #added: readonly PrefixLeaf[] | undefined;
  #used = 0;

  /** Creates an evaluation. `added`, if given, are the leaves to put at the terminals of the same index. */
  constructor(
    elements: readonly Uint8Array[],
    terminals: readonly Terminal[],
    added: readonly PrefixLeaf[] | undefined,
  ) {
    this.#elements = elements;
    this.#terminals = terminals;
    this.#added = added;
  }

  run(): PrefixRootChange {
    const root = this.#node(0, this.#terminals.length, 0);
    ensureProof(this.#used === this.#elements.length, 'more elements than needed');
    return { before: root.before, after: root.after };
  }

  /** Computes the node at `depth` that the keys of the terminals `low <= i < high` share. */
  #node(low: number, high: number, depth: number): Node {
    if (low === high) return this.#element();
    const terminals = this.#terminals;
    if ((terminals[low] as Terminal).depth === depth) return this.#terminal(low, high, depth);
    // Terminal depths are at most 255, so the recursion ends: at depth 255 every terminal is either here or missing
    // above.
    ensureProof(depth < MAX_DEPTH, 'a search goes on below the greatest depth');
    const middle = splitIndex((index) => (terminals[index] as Terminal).key, low, high, depth);
    const left = this.#node(low, middle, depth + 1);
    const right = this.#node(middle, high, depth + 1);
    const sparse = left.kind === 'absent' ? right.kind !== 'other' : left.kind === 'leaf' && right.kind === 'absent';
    ensureProof(!sparse, 'a parent of fewer than two leaves');
    const before = hashPrefixParent(left.before, right.before);
    const unchanged = left.after === left.before && right.after === right.before;
    return { before, after: unchanged ? before : hashPrefixParent(left.after, right.after), kind: 'other' };
  }

  #element(): Node {
    const value = this.#elements[this.#used++];
    ensureProof(value !== undefined, 'fewer elements than needed');
    ensureProof(value.length === HASH_LENGTH, 'an element of the wrong length');
    return equalBytes(value, ABSENT_HASH) ? ABSENT : { before: value, after: value, kind: 'other' };
  }

  #terminal(low: number, high: number, depth: number): Node {
    const { leaf } = this.#terminals[low] as Terminal;
    for (let i = low + 1; i < high; i++) {
      const other = this.#terminals[i] as Terminal;
      ensureProof(other.depth === depth && sameLeaf(other.leaf, leaf), 'searches end at different nodes in one place');
    }
    const before = leaf === undefined ? ABSENT_HASH : hashPrefixLeaf(leaf.vrfOutput, leaf.commitment);
    const kind = leaf === undefined ? 'absent' : 'leaf';
    if (this.#added === undefined) return { before, after: before, kind };
    const added = this.#added.slice(low, high);
    return { before, after: hashLeaves(leaf === undefined ? added : insertSorted(added, leaf), depth), kind };
  }
}

/** Checks one result against its search and returns the node on which the search ended. */
function assertTerminal({ vrfOutput: key, commitment }: PrefixSearch, result: PrefixSearchResult): Terminal {
  const { depth } = result;
  ensureProof(key.length === KEY_LENGTH, 'a search key of the wrong length');
  ensureProof(Number.isInteger(depth) && depth >= 0 && depth <= MAX_DEPTH, 'depth out of range');
  switch (result.type) {
    case 'inclusion':
      ensureProof(commitment?.length === HASH_LENGTH, 'inclusion of a key whose commitment is not known');
      return { key, depth, leaf: { vrfOutput: key, commitment } };
    case 'nonInclusionLeaf': {
      const { leaf } = result;
      ensureProof(leaf.vrfOutput.length === KEY_LENGTH && leaf.commitment.length === HASH_LENGTH, 'a malformed leaf');
      ensureProof(!equalBytes(leaf.vrfOutput, key), 'non-inclusion shown by the searched key itself');
      ensureProof(sharesPrefix(leaf.vrfOutput, key, depth), 'non-inclusion shown by a leaf that is elsewhere');
      return { key, depth, leaf };
    }
    case 'nonInclusionParent':
      return { key, depth, leaf: undefined };
  }
}

/** Computes the value of the subtree at `depth` that holds exactly `leaves`, ascending. */
function hashLeaves(leaves: readonly PrefixLeaf[], depth: number): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return ABSENT_HASH;
  if (leaves.length === 1) return hashPrefixLeaf(first.vrfOutput, first.commitment);
  ensureProof(depth < MAX_DEPTH, 'two search keys differ only in their last bit');
  const [left, right] = splitLeaves(leaves, depth);
  return hashPrefixParent(hashLeaves(left, depth + 1), hashLeaves(right, depth + 1));
}

function sameLeaf(a: PrefixLeaf | undefined, b: PrefixLeaf | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalBytes(a.vrfOutput, b.vrfOutput) && equalBytes(a.commitment, b.commitment);
}

function ensureProof(condition: boolean, message: string): asserts condition {
  ensure(condition, 'bad-prefix-proof', message);
}
