import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchCopath,
  evaluateLogProof,
  fullSubtrees,
  logLeaf,
  type LogProofShape,
} from '../../../src/core/log/log-tree.ts';
import type { TreeNode } from '../../../src/core/log/tree-node.ts';
import { naiveNode, naiveRootOf } from '../../support/naive-log-tree.ts';

const entriesOf = (size: number) =>
  Array.from({ length: size }, (_, i) => ({ timestampMs: 1000 + i, prefixRoot: new Uint8Array(32).fill(i) }));

const shapes: fc.Arbitrary<LogProofShape> = fc.integer({ min: 1, max: 70 }).chain((size) => {
  const smaller = fc.option(fc.integer({ min: 1, max: size }), { nil: undefined });
  return fc.record({
    size: fc.constant(size),
    leaves: fc
      .uniqueArray(fc.integer({ min: 0, max: size - 1 }), { maxLength: 6 })
      .map((leaves) => leaves.sort((a, b) => a - b)),
    retainedSize: smaller,
    auditedSize: smaller,
  });
});

function proofOf(shape: LogProofShape) {
  const entries = entriesOf(shape.size);
  return {
    entries,
    leafValues: shape.leaves.map((position) => logLeaf(entries[position]!.timestampMs, entries[position]!.prefixRoot)),
    retained: fullSubtrees(shape.retainedSize ?? 0).map((node) => naiveNode(entries, node)),
    elements: batchCopath(shape).map((node) => naiveNode(entries, node)),
  };
}

/** Whether every full subtree of the sizes that matter follows from the given nodes. */
function suffices(shape: LogProofShape, elements: readonly TreeNode[]): boolean {
  const { size, leaves, auditedSize = 0, retainedSize = 0 } = shape;
  // A retained head above a proved leaf, or above the auditor's right edge, is there to be compared with.
  const isCompared = ({ level, index }: TreeNode): boolean => {
    const [start, end] = [index * 2 ** level, (index + 1) * 2 ** level];
    return (start < auditedSize && auditedSize < end) || leaves.some((leaf) => start <= leaf && leaf < end);
  };
  const retained = fullSubtrees(retainedSize);
  const given = [
    ...elements,
    ...leaves.map((index) => ({ level: 0, index })),
    ...retained.filter((node) => !isCompared(node)),
  ];
  const names = new Set(given.map(({ level, index }) => `${level}/${index}`));
  const follows = ({ level, index }: TreeNode): boolean =>
    names.has(`${level}/${index}`) ||
    (level > 0 && [2 * index, 2 * index + 1].every((child) => follows({ level: level - 1, index: child })));
  return [...fullSubtrees(size), ...fullSubtrees(auditedSize), ...retained].every(follows);
}

describe('batch proof of the log tree', () => {
  it('implies the root, the full subtrees and the audited root of the definition', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { entries, ...inputs } = proofOf(shape);
        const result = evaluateLogProof(shape, inputs);
        expect(result.root).toEqual(naiveRootOf(entries));
        expect(result.fullSubtrees).toEqual(fullSubtrees(shape.size).map((node) => naiveNode(entries, node)));
        const audited = shape.auditedSize;
        expect(result.auditedRoot).toEqual(audited === undefined ? undefined : naiveRootOf(entries.slice(0, audited)));
      }),
      { numRuns: 300 },
    );
  });

  it('carries what is needed and nothing that could be left out', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const elements = batchCopath(shape);
        expect(suffices(shape, elements)).toBe(true);
        for (const dropped of elements) {
          expect(
            suffices(
              shape,
              elements.filter((node) => node !== dropped),
            ),
          ).toBe(false);
        }
        const starts = elements.map(({ level, index }) => index * 2 ** level);
        expect(starts).toEqual(starts.toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it('is refused with one element more or less', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { elements, leafValues, retained } = proofOf(shape);
        const refused = expect.objectContaining({ code: 'bad-log-proof' });
        const evaluate = (changed: Uint8Array[]) => () =>
          evaluateLogProof(shape, { leafValues, retained, elements: changed });
        expect(evaluate([...elements, new Uint8Array(32)])).toThrow(refused);
        if (elements.length > 0) expect(evaluate(elements.slice(1))).toThrow(refused);
      }),
    );
  });

  it('gives another root, or is refused, when any value in it changes', () => {
    fc.assert(
      fc.property(shapes, fc.nat(), fc.nat(255), (shape, which, bit) => {
        const { entries, ...inputs } = proofOf(shape);
        const values = [...inputs.leafValues, ...inputs.retained, ...inputs.elements];
        const changed = values[which % values.length]!;
        changed[bit >> 3]! ^= 1 << (bit & 7);
        let root: Uint8Array | undefined;
        try {
          root = evaluateLogProof(shape, inputs).root;
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-log-proof' });
        }
        expect(root).not.toEqual(naiveRootOf(entries));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a leaf that contradicts a retained head which the proof recomputes', () => {
    // Leaf 1 lies below the retained head over 0..3: with another value the root would follow from the retained head.
    const shape = { size: 6, leaves: [1], retainedSize: 4, auditedSize: undefined };
    const { entries: _, ...inputs } = proofOf(shape);
    inputs.leafValues[0] = new Uint8Array(32).fill(99);
    expect(() => evaluateLogProof(shape, inputs)).toThrow(expect.objectContaining({ code: 'bad-log-proof' }));
  });

  describe('of retained heads', () => {
    const head = new Uint8Array(32);
    const code = (size: number, retainedSize: number, retained: Uint8Array[], elements: Uint8Array[]) => () =>
      evaluateLogProof(
        { size, leaves: [], retainedSize, auditedSize: undefined },
        { leafValues: [], retained, elements },
      );

    it('that are too many or too few for their size is refused', () => {
      expect(code(3, 3, [head, head], [])).not.toThrow();
      for (const retained of [[], [head], [head, head, head]]) {
        expect(code(3, 3, retained, [])).toThrow(expect.objectContaining({ code: 'view-mismatch' }));
      }
    });

    it('of a larger log is refused', () => {
      const retained = fullSubtrees(5).map(() => head);
      expect(code(3, 5, retained, [head, head])).toThrow(expect.objectContaining({ code: 'bad-log-proof' }));
    });

    it('sends one head for what is left of a retained subtree, and none for the retained size itself', () => {
      const copath = (size: number, leaves: number[]) =>
        batchCopath({ size, leaves, retainedSize: 4, auditedSize: undefined });
      expect(copath(8, [0])).toEqual([
        { level: 0, index: 1 },
        { level: 1, index: 1 },
        { level: 2, index: 1 },
      ]);
      expect(copath(4, [])).toEqual([]);
      expect(batchCopath({ size: 7, leaves: [], retainedSize: 7, auditedSize: undefined })).toEqual([]);
    });
  });

  it('tells the full subtrees of the sizes that it shows, and of no other', () => {
    const shape = { size: 6, leaves: [2], retainedSize: undefined, auditedSize: undefined };
    const { entries, ...inputs } = proofOf(shape);
    const { fullSubtreesOf } = evaluateLogProof(shape, inputs);
    expect(fullSubtreesOf(3)).toEqual(fullSubtrees(3).map((node) => naiveNode(entries, node)));
    expect(() => fullSubtreesOf(5)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('works at the largest positions', () => {
    const size = 2 ** 53 - 1;
    const shape = { size, leaves: [2 ** 52 - 1, size - 1], retainedSize: 2 ** 40 + 3, auditedSize: 2 ** 52 + 5 };
    const elements = batchCopath(shape).map(() => new Uint8Array(32));
    const retained = fullSubtrees(shape.retainedSize).map(() => new Uint8Array(32));
    const leafValues = shape.leaves.map(() => new Uint8Array(32));
    expect(evaluateLogProof(shape, { elements, retained, leafValues }).fullSubtrees).toHaveLength(53);
  });
});
