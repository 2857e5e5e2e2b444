import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditEntryCodec, AUDIT_ENTRY_LENGTH } from '../../../src/core/audit/audit-entry.ts';
import { decodeEntryBundle, encodeEntryBundle } from '../../../src/core/audit/entry-bundle.ts';
import {
  formatEntriesPath,
  formatTileIndex,
  formatTilePath,
  formatUpdateBundlePath,
  formatUpdatePath,
  parseTileIndex,
  parseTilePath,
} from '../../../src/core/audit/tile-path.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });

describe('tile paths', () => {
  it('are those of the specification', () => {
    expect(formatTileIndex(1234067)).toBe('x001/x234/067');
    expect(formatTilePath({ level: 0, index: 0 }, 256)).toBe('tile/0/000');
    expect(formatTilePath({ level: 1, index: 1000 }, 17)).toBe('tile/1/x001/000.p/17');
    expect(formatEntriesPath(273, 112)).toBe('tile/entries/273.p/112');
    expect(formatUpdatePath(1234067)).toBe('updates/x001/x234/067');
    expect(formatUpdateBundlePath(4820)).toBe('tile/updates/x004/820');
  });

  it('are parsed as they are formatted', () => {
    const width = fc.integer({ min: 1, max: 256 });
    fc.assert(
      fc.property(fc.nat(63), fc.maxSafeNat(), width, (level, index, hashes) => {
        expect(parseTileIndex(formatTileIndex(index))).toBe(index);
        expect(parseTilePath(formatTilePath({ level, index }, hashes).slice(5))).toEqual({
          kind: 'hashes',
          tile: { level, index },
          width: hashes,
        });
        expect(parseTilePath(formatEntriesPath(index, hashes).slice(5))).toEqual({
          kind: 'entries',
          index,
          width: hashes,
        });
        expect(parseTilePath(formatUpdateBundlePath(index).slice(5))).toEqual({ kind: 'updates', index });
      }),
    );
  });

  it.each([
    '',
    '0',
    '0/0',
    '00/000',
    '64/000',
    '0/x000/001',
    '0/001/002',
    '0/x001/x002',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/01',
    '0/000.p/',
    '0/000/',
    '0/-01',
    'entries/1',
    'updates/1',
    'updates/000.p/17',
    'data/000',
    '0/x999/x999/x999/x999/x999/999',
  ])('%j is not one', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });
});

describe('entry bundles', () => {
  it('are read back, and only with the right count', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (entries) => {
        const bundle = encodeEntryBundle(entries);
        expect(decodeEntryBundle(bundle, entries.length)).toEqual(entries);
        expect(() => decodeEntryBundle(bundle, entries.length + 1)).toThrow(code('malformed-encoding'));
        if (entries.length === 0) return;
        expect(() => decodeEntryBundle(bundle, entries.length - 1)).toThrow(code('malformed-encoding'));
        expect(() => decodeEntryBundle(bundle.slice(0, -1), entries.length)).toThrow(code('malformed-encoding'));
      }),
    );
  });
});

describe('audit entries', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  it('are read back', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        hash,
        hash,
        hash,
        hash,
        (timestampMs, prefixRoot, logRoot, configHash, updateHash) => {
          const entry = { format: 1, timestampMs, prefixRoot, logRoot, configHash, updateHash } as const;
          const bytes = encode(auditEntryCodec, entry);
          expect(bytes).toHaveLength(AUDIT_ENTRY_LENGTH);
          expect(decode(auditEntryCodec, bytes)).toEqual(entry);
          const other = bytes.slice();
          other[0] = 2;
          expect(() => decode(auditEntryCodec, other)).toThrow(code('malformed-encoding'));
          expect(() => decode(auditEntryCodec, bytes.slice(1))).toThrow(code('malformed-encoding'));
        },
      ),
    );
  });
});
