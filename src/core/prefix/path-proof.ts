import { equalBytes } from '../encoding/bytes.ts';
import type { PrefixProof, PrefixSearchResult } from '../keytrans/proofs.ts';
import { splitIndex } from './key-bits.ts';
import { childTile, type PathTile } from './tile-paths.ts';

/**
 * Builds the batch proof (KT §12.2) for `keys`, ascending, from the tiles on their paths. Results come in the order of
 * `keys`. Elements come from left to right: the values of exactly those nodes to which no key leads.
 */
export function proveFromPaths(root: PathTile, keys: readonly Uint8Array[]): PrefixProof {
  const results: PrefixSearchResult[] = [];
  const elements: Uint8Array[] = [];
  const keyOf = (index: number): Uint8Array => keys[index] as Uint8Array;

  function visit(path: PathTile, slot: number, low: number, high: number, depth: number): void {
    const { tile } = path;
    if (low === high) {
      elements.push(tile.hash(slot));
      return;
    }
    switch (tile.kind(slot)) {
      case 'absent':
        for (let i = low; i < high; i++) results.push({ type: 'nonInclusionParent', depth });
        return;
      case 'leaf': {
        const leaf = tile.leaf(slot);
        for (let i = low; i < high; i++) {
          const found = equalBytes(leaf.vrfOutput, keyOf(i));
          results.push(found ? { type: 'inclusion', depth } : { type: 'nonInclusionLeaf', leaf, depth });
        }
        return;
      }
      case 'parent': {
        const middle = splitIndex(keyOf, low, high, depth);
        visit(path, 2 * slot, low, middle, depth + 1);
        visit(path, 2 * slot + 1, middle, high, depth + 1);
        return;
      }
      case 'reference':
        visit(childTile(path, slot), 1, low, high, depth);
    }
  }

  visit(root, 1, 0, keys.length, 0);
  return { results, elements };
}
