import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AkdConfiguration,
  experimentalConfiguration,
  whatsAppConfiguration,
} from '../../src/akd/akd-configuration.ts';
import { verifyAppendOnly } from '../../src/akd/verify-append-only.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { type Domain, encodeProof, leafOf, objectOf, referenceRoot, type TestNode } from '../support/akd-proofs.ts';
import { runs } from '../support/random-histories.ts';

const CONFIGURATIONS: readonly [string, AkdConfiguration, Domain][] = [
  ['whatsapp', whatsAppConfiguration(), undefined],
  ['experimental', experimentalConfiguration('a label'), 'a label'],
  ['experimental with an empty label', experimentalConfiguration(''), ''],
  ['experimental with a long label', experimentalConfiguration('l'.repeat(256)), 'l'.repeat(256)],
];

/** Nodes whose labels share long beginnings, none above or below another: of each pair the later one is left out. */
const nodes: fc.Arbitrary<TestNode[]> = fc
  .array(
    fc.record({
      start: fc.uint8Array({ minLength: 2, maxLength: 2 }),
      // Few different bytes, so that labels differ late.
      rest: fc.array(fc.constantFrom(0x00, 0x01, 0x80), { minLength: 30, maxLength: 30 }),
      near: fc.boolean(),
      bits: fc.oneof(fc.constant(256), fc.integer({ min: 1, max: 256 })),
      value: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    }),
    { maxLength: 40 },
  )
  .map((drawn) => {
    const kept: TestNode[] = [];
    for (const { start, rest, near, bits, value } of drawn) {
      const whole = Uint8Array.from([...(near ? [7, 7] : start), ...rest]);
      const node = { bits, label: prefix(whole, bits), value };
      if (kept.every((other) => areApart(node, other))) kept.push(node);
    }
    return kept;
  });

function prefix(label: Uint8Array, bits: number): Uint8Array {
  return label.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff);
}

function areApart(a: TestNode, b: TestNode): boolean {
  const bits = Math.min(a.bits, b.bits);
  return formatHex(prefix(a.label, bits)) !== formatHex(prefix(b.label, bits));
}

describe.each(CONFIGURATIONS)('the root of a tree: %s', (_, configuration, domain) => {
  it('is that of a second implementation, whatever the order of the nodes', () => {
    fc.assert(
      fc.property(nodes, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (drawn, epoch) => {
        const proof = {
          inserted: drawn.filter(({ bits }) => bits === 256),
          unchanged: drawn.filter(({ bits }) => bits < 256),
        };
        const object = objectOf(domain, epoch, proof);
        const backwards = encodeProof({
          inserted: proof.inserted.toReversed(),
          unchanged: proof.unchanged.toReversed(),
        });
        for (const bytes of [object.bytes, backwards]) {
          const size = verifyAppendOnly(configuration, { ...object, endEpoch: epoch }, bytes, 100);
          expect(size).toEqual({ inserted: proof.inserted.length, unchanged: proof.unchanged.length });
        }
      }),
      runs(60),
    );
  });

  it('of no nodes is that of the empty tree', () => {
    expect(formatHex(configuration.emptyRoot)).toBe(formatHex(referenceRoot(domain, [])));
  });

  it('is right for a path of 256 nodes, the deepest tree there is', () => {
    const label = Uint8Array.from({ length: 32 }, (__, i) => i * 37);
    const inserted = Array.from({ length: 256 }, (__, bit): TestNode => {
      const sibling = prefix(label, bit + 1).map((byte, i) => (i === bit >> 3 ? byte ^ (0x80 >> (bit % 8)) : byte));
      return { bits: 256, label: sibling, value: new Uint8Array(32).fill(bit) };
    });
    const object = objectOf(
      domain,
      3,
      { inserted, unchanged: [] },
      [],
      inserted.map((node) => leafOf(domain, node, 3)),
    );
    const claimed = { ...object, endEpoch: 3 };
    expect(verifyAppendOnly(configuration, claimed, object.bytes, 256)).toEqual({ inserted: 256, unchanged: 0 });
  });
});

describe('a domain label', () => {
  it('has at most 256 bytes', () => {
    expect(() => experimentalConfiguration('l'.repeat(257))).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
