import { sha256 } from '../crypto/sha256.ts';
import { equalBytes } from '../encoding/bytes.ts';
import { encode, fixedBytes, struct, uint64 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { foldNodes } from './compact-range.ts';
import { keytransNodeHasher, type NodeHasher } from './node-hasher.ts';
import { balancedNodes, splitPoint, type TreeNode } from './tree-node.ts';

const logEntryCodec = struct<{ timestampMs: number; prefixRoot: Uint8Array }>({
  timestampMs: uint64,
  prefixRoot: fixedBytes(32),
});

/** Computes the value of a log entry's leaf (KT §11.8): the hash of its timestamp (ms) and prefix-tree root. */
export function logLeaf(timestampMs: number, prefixRoot: Uint8Array): Uint8Array {
  return sha256(encode(logEntryCodec, { timestampMs, prefixRoot }));
}

/** Returns the full subtrees of a log of `size` entries (KT §4.2), left to right. */
export function fullSubtrees(size: number): TreeNode[] {
  return balancedNodes(0, size);
}

/** The subject of a batch proof of the log tree (KT §12.1). */
export interface LogProofShape {
  /** The number of log entries, at least 1. */
  readonly size: number;
  /** The positions of the leaves proved included, ascending and distinct. */
  readonly leaves: readonly number[];
  /** The size of the log whose full-subtree heads the verifier retained. */
  readonly retainedSize: number | undefined;
  /**
   * A smaller size whose root must be computable too: an auditor's (KT §12.3). If it ends inside a retained subtree,
   * the proof also recomputes that subtree's head. Otherwise nothing would tie the auditor's root to this log.
   */
  readonly auditedSize: number | undefined;
}

/** The head of a subtree over the leaves start <= i < end. */
interface Head {
  readonly level: number;
  readonly value: Uint8Array;
}

/** The source of the values that a walk over a batch proof combines. */
interface Source {
  readonly hasher: NodeHasher;
  element(node: TreeNode): Uint8Array;
  leaf(position: number): Uint8Array;
  /** The retained head of exactly this node, if there is one. */
  retained(node: TreeNode): Uint8Array | undefined;
  visited(node: TreeNode, value: Uint8Array): void;
}

const nodeName = (node: TreeNode): string => `${node.level}/${node.index}`;

/** Returns true if a tree of `size` leaves ends strictly inside the range. */
function isWithin(size: number | undefined, start: number, end: number): boolean {
  return size !== undefined && start < size && size < end;
}

/** Returns the balanced subtree over exactly start <= i < end, or undefined if that range is not one subtree. */
function asNode(start: number, end: number): TreeNode | undefined {
  const nodes = balancedNodes(start, end);
  return nodes.length === 1 ? nodes[0] : undefined;
}

/**
 * Walks the tree in the order of a batch proof and computes its root. Prover and verifier share this algorithm: it
 * shows the prover which heads to send, and the verifier supplies the heads it received.
 */
class BatchProofWalk {
  readonly #shape: LogProofShape;
  readonly #source: Source;

  constructor(shape: LogProofShape, source: Source) {
    this.#shape = shape;
    this.#source = source;
  }

  root(): Uint8Array {
    return this.#head(0, this.#shape.size).value;
  }

  #head(start: number, end: number): Head {
    const node = asNode(start, end);
    const value = this.#value(start, end, node);
    if (node !== undefined) this.#source.visited(node, value);
    return { level: node?.level ?? Number.POSITIVE_INFINITY, value };
  }

  #value(start: number, end: number, node: TreeNode | undefined): Uint8Array {
    const hasLeaves = this.#hasLeaves(start, end);
    if (hasLeaves && end - start === 1) return this.#source.leaf(start);
    if (!hasLeaves) {
      const retained = node && this.#source.retained(node);
      // If an auditor lags behind the client, the retained head is recomputed and compared like any other.
      if (retained !== undefined && !isWithin(this.#shape.auditedSize, start, end)) return retained;
      if (!this.#isCut(start, end)) return this.#elements(start, end);
    }
    const middle = start + splitPoint(end - start);
    const left = this.#head(start, middle);
    const right = this.#head(middle, end);
    return this.#source.hasher.parent(left.value, left.level, right.value, right.level);
  }

  /** Takes a subtree about which the verifier knows nothing as the heads of its balanced subtrees. */
  #elements(start: number, end: number): Uint8Array {
    const heads = balancedNodes(start, end).map((node) => {
      const value = this.#source.element(node);
      this.#source.visited(node, value);
      return { level: node.level, value };
    });
    return foldNodes(heads, this.#source.hasher) as Uint8Array;
  }

  /** Returns true if a size whose full subtrees matter ends inside this range. */
  #isCut(start: number, end: number): boolean {
    const { retainedSize, auditedSize } = this.#shape;
    if (isWithin(retainedSize, start, end) || isWithin(auditedSize, start, end)) return true;
    return retainedSize !== undefined && end <= retainedSize && this.#containsRetained(start, end);
  }

  /**
   * Returns true if a range left of the retained size consists of several retained subtrees, rather than of part of
   * one.
   */
  #containsRetained(start: number, end: number): boolean {
    const { retainedSize } = this.#shape;
    return fullSubtrees(retainedSize as number).some((node) => {
      const first = node.index * 2 ** node.level;
      return first >= start && first + 2 ** node.level <= end && 2 ** node.level < end - start;
    });
  }

  #hasLeaves(start: number, end: number): boolean {
    const { leaves } = this.#shape;
    let low = 0;
    let high = leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((leaves[middle] as number) < start) low = middle + 1;
      else high = middle;
    }
    return low < leaves.length && (leaves[low] as number) < end;
  }
}

const NO_VALUE = new Uint8Array(32);

/** A hasher that computes nothing, for a walk that only lists the nodes. */
const noHasher: NodeHasher = { parent: () => NO_VALUE };

/** Returns the heads that a batch proof of this shape carries, left to right (KT §12.1). */
export function batchCopath(shape: LogProofShape): TreeNode[] {
  const nodes: TreeNode[] = [];
  const retained = new Set(shape.retainedSize === undefined ? [] : fullSubtrees(shape.retainedSize).map(nodeName));
  new BatchProofWalk(shape, {
    hasher: noHasher,
    element: (node) => {
      nodes.push(node);
      return NO_VALUE;
    },
    leaf: () => NO_VALUE,
    retained: (node) => (retained.has(nodeName(node)) ? NO_VALUE : undefined),
    visited: () => undefined,
  }).root();
  return nodes;
}

/** The verifier's inputs to a batch proof. */
export interface LogProofInputs {
  /** The values of `shape.leaves`, in the same order. */
  readonly leafValues: readonly Uint8Array[];
  /** The retained heads of `shape.retainedSize`'s full subtrees, left to right. */
  readonly retained: readonly Uint8Array[];
  /** The untrusted proof. */
  readonly elements: readonly Uint8Array[];
}

/** The consequences of a batch proof, provided that its root is the right one. */
export interface LogProofResult {
  readonly root: Uint8Array;
  /** The heads of the full subtrees of the new size, left to right, to be retained. */
  readonly fullSubtrees: readonly Uint8Array[];
  /** The root at `shape.auditedSize`. */
  readonly auditedRoot: Uint8Array | undefined;
  /**
   * Returns the heads of the full subtrees of a smaller (or the same) size, left to right. The proof shows them if
   * entry `size - 1` is one of `shape.leaves`, or is the last entry of a full subtree of `shape.retainedSize`. Throws
   * `internal` otherwise.
   */
  fullSubtreesOf(size: number): readonly Uint8Array[];
}

/**
 * Computes the root that an untrusted batch proof implies (KT §12.1). Throws `bad-log-proof` if the proof has too many
 * or too few elements, or if a recomputed head differs from the retained one.
 */
export function evaluateLogProof(shape: LogProofShape, inputs: LogProofInputs): LogProofResult {
  const leaves = new Map(shape.leaves.map((position, i) => [position, inputs.leafValues[i] as Uint8Array]));
  const retainedNodes = shape.retainedSize === undefined ? [] : fullSubtrees(shape.retainedSize);
  ensure(retainedNodes.length === inputs.retained.length, 'view-mismatch', 'the retained heads do not fit their size');
  const retained = new Map(retainedNodes.map((node, i) => [nodeName(node), inputs.retained[i] as Uint8Array]));
  const values = new Map<string, Uint8Array>();
  let used = 0;
  const root = new BatchProofWalk(shape, {
    hasher: keytransNodeHasher,
    element: () => {
      const element = inputs.elements[used++];
      ensure(element?.length === 32, 'bad-log-proof', 'the log proof has too few elements');
      return element;
    },
    leaf: (position) => leaves.get(position) as Uint8Array,
    retained: (node) => retained.get(nodeName(node)),
    visited: (node, value) => values.set(nodeName(node), value),
  }).root();
  ensure(used === inputs.elements.length, 'bad-log-proof', 'the log proof has too many elements');
  for (const [name, head] of retained) {
    const computed = values.get(name);
    ensure(computed !== undefined && equalBytes(computed, head), 'bad-log-proof', 'a retained subtree has changed');
  }
  const headsOf = (size: number): Head[] =>
    fullSubtrees(size).map((node) => {
      const value = values.get(nodeName(node));
      ensure(value !== undefined, 'internal', `the proof does not show the tree of ${size} leaves`);
      return { level: node.level, value };
    });
  const fullSubtreesOf = (size: number): Uint8Array[] => headsOf(size).map((head) => head.value);
  const { auditedSize } = shape;
  return {
    root,
    fullSubtrees: fullSubtreesOf(shape.size),
    auditedRoot: auditedSize === undefined ? undefined : foldNodes(headsOf(auditedSize), keytransNodeHasher),
    fullSubtreesOf,
  };
}
