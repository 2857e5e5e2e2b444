import { createHash } from 'node:crypto';

/** Whether a range is that of a subtree, also of an empty one (draft-ietf-plants-merkle-tree-certs-06 §4.1). */
export function isNaiveSubtree(start: bigint, end: bigint): boolean {
  let width = 1n;
  while (width < end - start) width <<= 1n;
  return 0n <= start && start <= end && start % width === 0n;
}

/** The largest power of two below n. */
function naiveSplit(n: number): number {
  return 2 ** Math.ceil(Math.log2(n) - 1);
}

function digest(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** A tree of entries, by the recursive definitions of the specifications, word for word. */
export class NaiveTree {
  readonly #entries: readonly Uint8Array[];
  readonly #roots = new Map<string, Uint8Array>();

  constructor(entries: readonly Uint8Array[]) {
    this.#entries = entries;
  }

  /** MTH(D[start:end]) of RFC 6962 §2.1. */
  root(start: number, end: number): Uint8Array {
    const name = `${start} ${end}`;
    const root = this.#roots.get(name) ?? this.#root(start, end);
    this.#roots.set(name, root);
    return root;
  }

  #root(start: number, end: number): Uint8Array {
    if (start === end) return digest();
    if (start + 1 === end) return digest(Uint8Array.of(0), this.#entries[start] as Uint8Array);
    const k = start + naiveSplit(end - start);
    return digest(Uint8Array.of(1), this.root(start, k), this.root(k, end));
  }

  /** PATH(index - start, D[start:end]) of RFC 6962 §2.1.1. */
  path(index: number, start: number, end: number): Uint8Array[] {
    if (end - start <= 1) return [];
    const k = start + naiveSplit(end - start);
    if (index < k) return [...this.path(index, start, k), this.root(k, end)];
    return [...this.path(index, k, end), this.root(start, k)];
  }

  /** SUBTREE_PROOF(start, end, D_n) of draft-ietf-plants-merkle-tree-certs-06 §4.4.1. */
  subtreeProof(start: number, end: number, n: number): Uint8Array[] {
    return start === end ? [] : this.#subproof(start, end, [0, n], true);
  }

  /** SUBTREE_SUBPROOF for the node that covers the leaves from `low` to `high`. */
  #subproof(start: number, end: number, [low, high]: readonly [number, number], isKnown: boolean): Uint8Array[] {
    if (start === low && end === high) return isKnown ? [] : [this.root(low, high)];
    const k = low + naiveSplit(high - low);
    if (end <= k) return [...this.#subproof(start, end, [low, k], isKnown), this.root(k, high)];
    if (k <= start) return [...this.#subproof(start, end, [k, high], isKnown), this.root(low, k)];
    return [...this.#subproof(k, end, [k, high], false), this.root(low, k)];
  }
}
