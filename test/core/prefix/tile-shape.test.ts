import { describe, expect, it } from 'vitest';
import { assertShape, countBits, rank, slotBit } from '../../../src/core/prefix/tile-shape.ts';

type Slots = { readonly parents?: number[]; readonly leaves?: number[]; readonly references?: number[] };

const maskOf = (slots: readonly number[] = []): number => slots.reduce((mask, slot) => mask + 2 ** (slot - 1), 0);
const check = ({ parents, leaves, references }: Slots) => {
  const shape = { parents: maskOf(parents), leaves: maskOf(leaves), references: maskOf(references) };
  return () => assertShape(shape);
};

describe('the shape of a prefix tile', () => {
  it.each<[string, Slots]>([
    ['an only leaf', { leaves: [1] }],
    ['two leaves', { parents: [1], leaves: [2, 3] }],
    ['a parent below one side only', { parents: [1, 2], leaves: [4, 5] }],
    ['a reference below one side only', { parents: [1, 3, 7, 15], references: [31] }],
    ['a leaf beside a reference, at the lowest level', { parents: [1, 2, 4, 8], leaves: [17], references: [16] }],
  ])('may be %s', (_, slots) => {
    expect(check(slots)).not.toThrow();
  });

  it.each<[string, Slots]>([
    ['a leaf above the greatest slot', { parents: [1], leaves: [2, 3, 32] }],
    ['a parent at the level of references', { parents: [1, 2, 4, 8, 16], leaves: [17] }],
    ['a reference above the level of references', { parents: [1], leaves: [3], references: [2] }],
    ['a parent that is a leaf', { parents: [1, 2], leaves: [2, 3, 4, 5] }],
    ['a reference that is a leaf', { parents: [1, 2, 4, 8], leaves: [16, 17], references: [16] }],
    ['nothing', {}],
    ['no head', { leaves: [2, 3] }],
    ['a leaf below a leaf', { leaves: [1, 2] }],
    ['a leaf far below a leaf, at the last slot', { leaves: [1, 31] }],
    ['a parent of nothing', { parents: [1] }],
    ['a parent of a left leaf alone', { parents: [1], leaves: [2] }],
    ['a parent of a right leaf alone', { parents: [1], leaves: [3] }],
    ['a parent of a left leaf alone, at the lowest level', { parents: [1, 3, 7, 15], leaves: [30] }],
    ['a parent of a right leaf alone, at the lowest level', { parents: [1, 3, 7, 15], leaves: [31] }],
  ])('must not be %s', (_, slots) => {
    expect(check(slots)).toThrow(expect.objectContaining({ code: 'storage-corrupt' }));
  });
});

describe('bits of a mask', () => {
  it('are counted, all and below one', () => {
    expect([0, 1, 0b1011, 2 ** 31 - 1].map(countBits)).toEqual([0, 1, 3, 31]);
    expect([1, 2, 3, 31].map((slot) => rank(2 ** 31 - 1, slotBit(slot)))).toEqual([0, 1, 2, 30]);
  });
});
