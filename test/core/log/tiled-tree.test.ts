import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeHash, rfc6962NodeHasher, verifyConsistency, verifyInclusion } from '../../../src/core/audit/rfc6962.ts';
import { assembleProof, nodesOfPlan, planConsistency, planInclusion } from '../../../src/core/audit/rfc6962-prove.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { appendLeaf, EMPTY_RANGE, rangeRoot } from '../../../src/core/log/compact-range.ts';
import { keytransNodeHasher, type NodeHasher } from '../../../src/core/log/node-hasher.ts';
import {
  appendLeaves,
  decodeTreeEdge,
  EMPTY_EDGE,
  encodeTreeEdge,
  fullTilesOfNodes,
  locateNode,
  nodeFromEdge,
  nodeFromTile,
  rangeOf,
  edgeRoot,
  tileWidth,
  type FullTile,
  type TreeEdge,
} from '../../../src/core/log/tiled-tree.ts';
import { balancedNodes, type TreeNode } from '../../../src/core/log/tree-node.ts';

const leaves = Array.from({ length: 1400 }, (_, i) => sha256(new Uint8Array([i >> 8, i & 255])));
const outOfRange = expect.objectContaining({ code: 'value-out-of-range' });
const corrupt = expect.objectContaining({ code: 'storage-corrupt' });
const hashers = [
  ['RFC 6962', rfc6962NodeHasher],
  ['KEYTRANS', keytransNodeHasher],
] as const;

/** The definition, read off RFC 6962 §2.1 and KT §3.2. */
function naiveRoot(of: readonly Uint8Array[], hasher: NodeHasher): { level: number; value: Uint8Array } {
  if (of.length === 1) return { level: 0, value: of[0]! };
  let split = 1;
  while (split * 2 < of.length) split *= 2;
  const left = naiveRoot(of.slice(0, split), hasher);
  const right = naiveRoot(of.slice(split), hasher);
  return { level: left.level + 1, value: hasher.parent(left.value, left.level, right.value, right.level) };
}

function grow(batches: readonly number[], hasher: NodeHasher): { edge: TreeEdge; tiles: Map<string, FullTile> } {
  let edge = EMPTY_EDGE;
  const tiles = new Map<string, FullTile>();
  for (const batch of batches) {
    const step = appendLeaves(edge, leaves.slice(edge.size, edge.size + batch), hasher);
    edge = decodeTreeEdge(encodeTreeEdge(step.edge));
    for (const tile of step.tiles) tiles.set(`${tile.level}/${tile.index}`, tile);
  }
  return { edge, tiles };
}

const batches = fc.array(fc.integer({ min: 0, max: 270 }), { minLength: 1, maxLength: 5 });

describe.each(hashers)('tiled tree, %s', (_, hasher) => {
  const read = (tree: ReturnType<typeof grow>, node: TreeNode): Uint8Array => {
    const { tile, full } = locateNode(node, tree.edge.size);
    return full
      ? nodeFromTile(tree.tiles.get(`${tile.level}/${tile.index}`)!.data, node, hasher)
      : nodeFromEdge(tree.edge, node, hasher);
  };

  it('has the root of the definition, however it grew', () => {
    fc.assert(
      fc.property(batches, (sizes) => {
        const { edge } = grow(sizes, hasher);
        const expected = edge.size === 0 ? undefined : naiveRoot(leaves.slice(0, edge.size), hasher).value;
        expect(edgeRoot(edge, hasher)).toEqual(expected);
        expect(rangeRoot(rangeOf(edge, hasher), hasher)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('gives every node of the tree from its tiles', () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.nat(), (sizes, a, b) => {
        const tree = grow(sizes, hasher);
        fc.pre(tree.edge.size > 0);
        const [start, end] = [a % tree.edge.size, (b % tree.edge.size) + 1].sort((x, y) => x - y) as [number, number];
        for (const node of balancedNodes(start, end)) {
          const covered = leaves.slice(node.index * 2 ** node.level, (node.index + 1) * 2 ** node.level);
          expect(read(tree, node)).toEqual(naiveRoot(covered, hasher).value);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('appends to a compact range as to an edge', () => {
    let range = EMPTY_RANGE;
    for (let size = 1; size <= 70; size++) {
      range = appendLeaf(range, leaves[size - 1]!, hasher);
      expect(rangeRoot(range, hasher)).toEqual(naiveRoot(leaves.slice(0, size), hasher).value);
      expect(range).toEqual(rangeOf(grow([size], hasher).edge, hasher));
    }
  });
});

describe('full tiles', () => {
  it('become full when they should, and only once', () => {
    const { edge, tiles } = grow([255, 1, 256, 700], rfc6962NodeHasher);
    expect([...tiles.keys()]).toEqual(['0/0', '0/1', '0/2', '0/3']);
    expect(edge.partials.map((partial) => partial.length / 32)).toEqual([1212 % 256, 4]);
    expect(tileWidth({ level: 0, index: 4 }, 1212)).toBe(1212 % 256);
    expect(tileWidth({ level: 0, index: 5 }, 1212)).toBe(0);
    expect(tileWidth({ level: 1, index: 0 }, 1212)).toBe(4);
  });

  it('reach the second level at 65,536 leaves', () => {
    const leaf = leaves[0]!;
    const many = Array.from({ length: 65_537 }, () => leaf);
    const { edge, tiles } = appendLeaves(EMPTY_EDGE, many, rfc6962NodeHasher);
    expect(tiles.filter(({ level }) => level === 1)).toHaveLength(1);
    expect(edge.partials.map((partial) => partial.length)).toEqual([32, 0, 32]);
    let full = leaf;
    for (let i = 0; i < 16; i++) full = nodeHash(full, full);
    expect(edgeRoot(edge, rfc6962NodeHasher)).toEqual(nodeHash(full, leaf));
  });

  it('are asked for once', () => {
    expect(
      fullTilesOfNodes(
        [
          { level: 0, index: 3 },
          { level: 4, index: 1 },
          { level: 0, index: 300 },
        ],
        301,
      ),
    ).toEqual([{ level: 0, index: 0 }]);
  });

  it('are asked for at every level and place', () => {
    const nodes = [0, 3, 300, 65_535].map((index) => ({ level: 0, index }));
    expect(fullTilesOfNodes([...nodes, { level: 8, index: 2 }, { level: 16, index: 0 }], 65_600)).toEqual([
      { level: 0, index: 0 },
      { level: 0, index: 1 },
      { level: 0, index: 255 },
      { level: 1, index: 0 },
    ]);
  });
});

describe('appending', () => {
  it('fills the edge up to its brim, and no further', () => {
    const sizes = [0, 1, 255, 256, 257, 511, 512];
    const edges = sizes.map((size) => grow([size], rfc6962NodeHasher));
    expect(edges.map(({ edge }) => edge.partials.map((partial) => partial.length / 32))).toEqual([
      [],
      [1],
      [255],
      [0, 1],
      [1, 1],
      [255, 1],
      [0, 2],
    ]);
    expect(edges.map(({ tiles }) => [...tiles.keys()])).toEqual([
      [],
      [],
      [],
      ['0/0'],
      ['0/0'],
      ['0/0'],
      ['0/0', '0/1'],
    ]);
    for (const { edge } of edges.slice(1)) {
      const expected = naiveRoot(leaves.slice(0, edge.size), rfc6962NodeHasher).value;
      expect(edgeRoot(edge, rfc6962NodeHasher)).toEqual(expected);
    }
  });

  it('to nothing has no root', () => {
    expect(edgeRoot(EMPTY_EDGE, rfc6962NodeHasher)).toBeUndefined();
    expect(rangeRoot(EMPTY_RANGE, rfc6962NodeHasher)).toBeUndefined();
  });

  it('refuses what is not a leaf hash', () => {
    for (const length of [0, 31, 33]) {
      expect(() => appendLeaves(EMPTY_EDGE, [new Uint8Array(length)], rfc6962NodeHasher)).toThrow(outOfRange);
    }
  });

  it('refuses an entry beyond the greatest size', () => {
    const rests = [255, 255, 255, 255, 255, 255, 31];
    const almost = { size: 2 ** 53 - 2, partials: rests.map((rest) => new Uint8Array(32 * rest)) };
    almost.partials[0] = new Uint8Array(32 * 254);
    const last = appendLeaves(almost, [leaves[0]!], rfc6962NodeHasher).edge;
    expect(last.size).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => appendLeaves(last, [leaves[0]!], rfc6962NodeHasher)).toThrow(outOfRange);
  });

  it('tells the hasher the heights of what it combines', () => {
    const heights = new Map<string, number>();
    const counting: NodeHasher = {
      parent: (left, leftLevel, right, rightLevel) => {
        const pair = `${leftLevel}+${rightLevel}`;
        heights.set(pair, (heights.get(pair) ?? 0) + 1);
        return nodeHash(left, right);
      },
    };
    const counted = (work: () => unknown): Record<string, number> => {
      heights.clear();
      work();
      return Object.fromEntries(heights);
    };
    const { edge } = grow([255], rfc6962NodeHasher);
    const range = rangeOf(edge, rfc6962NodeHasher);
    const doubling = { '0+0': 128, '1+1': 64, '2+2': 32, '3+3': 16, '4+4': 8, '5+5': 4, '6+6': 2, '7+7': 1 };
    expect(counted(() => appendLeaves(edge, [leaves[255]!], counting))).toEqual(doubling);
    const onePath = Object.fromEntries(Object.keys(doubling).map((pair) => [pair, 1]));
    expect(counted(() => appendLeaf(range, leaves[255]!, counting))).toEqual(onePath);
    expect(counted(() => nodeFromTile(new Uint8Array(128), { level: 10, index: 0 }, counting))).toEqual({
      '8+8': 2,
      '9+9': 1,
    });
  });
});

describe('stored edges', () => {
  it('are refused when they are not canonical', () => {
    const bytes = encodeTreeEdge(grow([300], rfc6962NodeHasher).edge);
    for (const wrong of [bytes.slice(0, -1), new Uint8Array([...bytes, 0]), new Uint8Array(7)]) {
      expect(() => decodeTreeEdge(wrong)).toThrow(expect.objectContaining({ code: 'malformed-encoding' }));
    }
  });

  it('refuse nodes that they do not hold', () => {
    const { edge } = grow([300], rfc6962NodeHasher);
    expect(() => nodeFromEdge(edge, { level: 0, index: 3 }, rfc6962NodeHasher)).toThrow(corrupt);
    expect(() => locateNode({ level: 3, index: 37 }, 300)).toThrow(outOfRange);
    // A level that the edge does not have at all.
    expect(() => nodeFromEdge(edge, { level: 16, index: 0 }, rfc6962NodeHasher)).toThrow(corrupt);
  });
});

describe('a tile', () => {
  it('that is too short for a node is refused', () => {
    const three = new Uint8Array(3 * 32);
    const read = (node: TreeNode) => () => nodeFromTile(three, node, rfc6962NodeHasher);
    expect(read({ level: 0, index: 2 })).not.toThrow();
    expect(read({ level: 9, index: 0 })).not.toThrow();
    for (const [level, index] of [
      [0, 3],
      [1, 1],
      [2, 0],
      [8, 3],
      [10, 0],
    ] as const) {
      expect(read({ level, index })).toThrow(corrupt);
    }
  });
});

describe('RFC 6962 proofs', () => {
  const rootAt = (size: number): Uint8Array => naiveRoot(leaves.slice(0, size), rfc6962NodeHasher).value;
  const pair = fc
    .tuple(fc.integer({ min: 1, max: 1400 }), fc.integer({ min: 1, max: 1400 }))
    .map(([a, b]) => (a < b ? ([a, b] as const) : ([b, a] as const)));

  const refused = (check: () => void): boolean => {
    try {
      check();
      return false;
    } catch (error) {
      return isGlasskeyError(error, 'bad-log-proof');
    }
  };

  it('hold, and do not hold when anything is changed', () => {
    const tree = grow([1400], rfc6962NodeHasher);
    const valueOf = (node: TreeNode): Uint8Array => {
      const { tile, full } = locateNode(node, 1400);
      return full
        ? nodeFromTile(tree.tiles.get(`${tile.level}/${tile.index}`)!.data, node, rfc6962NodeHasher)
        : nodeFromEdge(tree.edge, node, rfc6962NodeHasher);
    };
    fc.assert(
      fc.property(pair, fc.nat(), ([small, size], where) => {
        const inclusion = assembleProof(planInclusion(small - 1, size), valueOf);
        const consistency = assembleProof(planConsistency(small, size), valueOf);
        const [leaf, oldRoot, root] = [leaves[small - 1]!, rootAt(small), rootAt(size)];
        verifyInclusion(small - 1, size, leaf, inclusion, root);
        verifyConsistency(small, size, oldRoot, root, consistency);
        for (const wrong of mutations(inclusion, where)) {
          expect(refused(() => verifyInclusion(small - 1, size, leaf, wrong, root))).toBe(true);
        }
        for (const wrong of mutations(consistency, where)) {
          expect(refused(() => verifyConsistency(small, size, oldRoot, root, wrong))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('name as many nodes as they fold', () => {
    expect(nodesOfPlan(planInclusion(0, 7))).toEqual([
      { level: 0, index: 1 },
      { level: 1, index: 1 },
      { level: 1, index: 2 },
      { level: 0, index: 6 },
    ]);
    expect(planConsistency(0, 7)).toEqual([]);
    expect(planConsistency(7, 7)).toEqual([]);
  });
});

function mutations(proof: readonly Uint8Array[], where: number): Uint8Array[][] {
  const longer = [...proof, sha256(new Uint8Array())];
  if (proof.length === 0) return [longer];
  const at = where % proof.length;
  const flipped = proof[at]!.slice();
  flipped[where % 32]! ^= 1 << (where % 8);
  const dropped = proof.filter((_, i) => i !== at);
  return [proof.with(at, flipped), dropped, longer, [...proof, proof[at]!], proof.with(at, new Uint8Array(31))];
}
