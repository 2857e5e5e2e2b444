import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CRL_REASONS, type CrlEntry, encodeCrlEntries } from '../../src/ca/crl-entries.ts';
import { der, derSequence, derTime, derUnsigned } from '../../src/ca/der/der-writer.ts';
import { encodeExtension } from '../../src/ca/extension-writer.ts';
import { ExtensionOid } from '../../src/ca/der/oids.ts';
import { formatHex, parseHex } from '../../src/core/encoding/bytes.ts';

const CODES: Readonly<Record<CrlEntry['reason'], number>> = { ...CRL_REASONS, removeFromCRL: 8 };
const REASONS = Object.keys(CODES) as CrlEntry['reason'][];

const entries: fc.Arbitrary<CrlEntry> = fc.record({
  serial: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => formatHex(bytes)),
    fc.constantFrom('00', '0000', '7f', '80', '0080', 'ff'.repeat(20)),
  ),
  revokedAtMs: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
  reason: fc.constantFrom(...REASONS),
});

/** An entry value by value. */
function encoded({ serial, revokedAtMs, reason }: CrlEntry): Uint8Array {
  const code = CODES[reason];
  const extension = encodeExtension(ExtensionOid.crlReason, false, der(0x0a, Uint8Array.of(code)));
  const extensions = code === 0 ? [] : [derSequence(extension)];
  return derSequence(derUnsigned(parseHex(serial)), derTime(revokedAtMs), ...extensions);
}

describe('the entries of a CRL', () => {
  it('are written as DER says, in the order of their serials', () => {
    fc.assert(
      fc.property(fc.uniqueArray(entries, { selector: ({ serial }) => serial }), (some) => {
        const sorted = some.toSorted((a, b) => (a.serial < b.serial ? -1 : 1));
        const expected = derSequence(...sorted.map((entry) => encoded(entry)));
        expect(formatHex(encodeCrlEntries(some))).toBe(formatHex(expected));
      }),
    );
  });

  it('have serials of at most 20 octets', () => {
    const entry = { serial: '01'.repeat(21), revokedAtMs: 0, reason: 'unspecified' } as const;
    expect(() => encodeCrlEntries([entry])).toThrow(expect.objectContaining({ code: 'value-out-of-range' }));
  });
});
