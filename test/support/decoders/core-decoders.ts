import fc from 'fast-check';
import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { signedLogEndCodec } from '../../../src/core/audit/log-end.ts';
import { formatCheckpoint, parseCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { decodeEntryBundle, encodeEntryBundle } from '../../../src/core/audit/entry-bundle.ts';
import { decodeUpdateBundle, encodeUpdateBundle } from '../../../src/core/audit/update-bundle.ts';
import { formatNote, formatSignatureLines, parseNote, parseSignatureLines } from '../../../src/core/audit/note.ts';
import {
  formatEntriesPath,
  formatTileIndex,
  formatTilePath,
  formatUpdateBundlePath,
  parseTileIndex,
  parseTilePath,
} from '../../../src/core/audit/tile-path.ts';
import { formatTlogProof, parseTlogProof } from '../../../src/core/audit/tlog-proof.ts';
import { ed25519Vkey, formatVkey, parseVkey } from '../../../src/core/audit/vkey.ts';
import { vrfPublicKey } from '../../../src/core/crypto/vrf-ed25519.ts';
import {
  decodeUtf8,
  encodeUtf8,
  formatBase64,
  formatBase64Url,
  formatHex,
  parseBase64,
  parseBase64Url,
  parseHex,
} from '../../../src/core/encoding/bytes.ts';
import { decodeTreeEdge, encodeTreeEdge } from '../../../src/core/log/tiled-tree.ts';
import { decodePrefixTile, encodePrefixTile } from '../../../src/core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT } from '../../../src/core/prefix/prefix-tree.ts';
import { positions } from '../../core/keytrans/message-arbitraries.ts';
import { leavesArbitrary } from '../../core/prefix/arbitraries.ts';
import { TileStore } from '../../core/prefix/tile-store.ts';
import { type Decoder, ofCodec, ofText, present, reading } from './decoder.ts';
import { fixed, hashes } from './arbitraries.ts';

const names = fc.stringMatching(/^[a-z0-9./-]{1,20}$/);
const checkpoints = fc.record({
  origin: names,
  size: positions,
  rootHash: hashes,
  extensions: fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { maxLength: 2 }),
});
const notes = fc.record({
  text: checkpoints.map(formatCheckpoint),
  signatures: fc.array(
    fc.record({
      name: names,
      keyId: fc.nat({ max: 2 ** 32 - 1 }),
      signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
const widths = fc.integer({ min: 1, max: 256 });
const tilePaths = fc.oneof(
  fc
    .tuple(fc.nat({ max: 63 }), positions, widths)
    .map(([level, index, width]) => formatTilePath({ level, index }, width)),
  fc.tuple(positions, widths).map(([index, width]) => formatEntriesPath(index, width)),
);
const vkeys = fc.tuple(names, fixed(32)).map(([name, secret]) => formatVkey(ed25519Vkey(name, vrfPublicKey(secret))));
const tlogProofs = fc.record({
  extra: fc.option(fc.uint8Array({ maxLength: 140 }), { nil: undefined }),
  index: positions,
  inclusion: fc.array(hashes, { maxLength: 5 }),
  checkpoint: notes.map(formatNote),
});
const edges = fc.nat({ max: 70_000 }).chain((size) => {
  const rests: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) rests.push(32 * (rest % 256));
  return fc.integer({ min: 0, max: 255 }).map((byte) => {
    return encodeTreeEdge({ size, partials: rests.map((length) => new Uint8Array(length).fill(byte)) });
  });
});
const tiles = fc.tuple(leavesArbitrary(20, 1), fc.nat()).map(([leaves, chosen]) => {
  const made = new TileStore().insert(EMPTY_PREFIX_ROOT, leaves, 5).tiles;
  return encodePrefixTile(made[chosen % made.length]!.tile);
});

/** Entries of a bundle that is expected to hold three. */
const BUNDLED = 3;

const ascii = (minLength: number, maxLength: number) => fc.string({ unit: 'grapheme-ascii', minLength, maxLength });
const signedEnds = fc.record({
  end: fc.record({
    format: fc.constant(1 as const),
    origin: ascii(1, 40),
    position: positions,
    reason: ascii(0, 40),
    successor: fc.option(
      fc.record({ origin: ascii(1, 40), url: ascii(0, 40), fingerprint: hashes, bundleKey: hashes }),
      { nil: undefined },
    ),
  }),
  signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
});

/** What reads bytes and texts in the core, but for the messages of KEYTRANS. */
export const CORE_DECODERS: readonly Decoder[] = [
  ofText({
    name: 'parseHex',
    texts: fc.uint8Array({ maxLength: 50 }).map(formatHex),
    read: parseHex,
    write: formatHex,
    refusals: ['RangeError'],
    canonical: false,
  }),
  ofText({
    name: 'parseBase64',
    texts: fc.uint8Array({ maxLength: 50 }).map(formatBase64),
    read: parseBase64,
    write: formatBase64,
    refusals: ['RangeError'],
    canonical: true,
  }),
  ofText({
    name: 'parseBase64Url',
    texts: fc.uint8Array({ maxLength: 50 }).map(formatBase64Url),
    read: parseBase64Url,
    write: formatBase64Url,
    refusals: ['RangeError'],
    canonical: true,
  }),
  {
    name: 'decodeUtf8',
    inputs: fc.string({ unit: 'binary' }).map(encodeUtf8),
    read: reading(decodeUtf8, encodeUtf8),
    refusals: ['TypeError'],
    canonical: true,
    selfDelimiting: false,
  },
  ofCodec(
    'auditEntryCodec',
    auditEntryCodec,
    fc.record({
      format: fc.constant(1 as const),
      timestampMs: positions,
      prefixRoot: hashes,
      logRoot: hashes,
      configHash: hashes,
      updateHash: hashes,
    }),
  ),
  ofCodec('signedLogEndCodec', signedLogEndCodec, signedEnds),
  ofText({
    name: 'parseCheckpoint',
    texts: checkpoints.map(formatCheckpoint),
    read: parseCheckpoint,
    write: formatCheckpoint,
    refusals: ['bad-checkpoint'],
    canonical: true,
  }),
  {
    name: 'parseNote',
    inputs: notes.map((note) => encodeUtf8(formatNote(note))),
    read: reading(parseNote, (note) => encodeUtf8(formatNote(note))),
    refusals: ['bad-note'],
    canonical: true,
    selfDelimiting: false,
  },
  ofText({
    name: 'parseSignatureLines',
    texts: notes.map(({ signatures }) => formatSignatureLines(signatures)),
    read: parseSignatureLines,
    write: formatSignatureLines,
    refusals: ['bad-note'],
    canonical: true,
  }),
  ofText({
    name: 'parseTlogProof',
    texts: tlogProofs.map(formatTlogProof),
    read: parseTlogProof,
    write: formatTlogProof,
    refusals: ['bad-tlog-proof'],
    canonical: true,
  }),
  ofText({
    name: 'parseVkey',
    texts: vkeys,
    read: parseVkey,
    write: formatVkey,
    refusals: ['bad-key'],
    canonical: true,
  }),
  ofText({
    name: 'parseTileIndex',
    texts: positions.map(formatTileIndex),
    read: (text) => present(parseTileIndex(text)),
    write: formatTileIndex,
    refusals: ['Refused'],
    canonical: true,
  }),
  ofText({
    name: 'parseTilePath',
    texts: tilePaths.map((path) => path.slice('tile/'.length)),
    read: (text) => present(parseTilePath(text)),
    write: (resource) => {
      const path =
        resource.kind === 'hashes'
          ? formatTilePath(resource.tile, resource.width)
          : resource.kind === 'entries'
            ? formatEntriesPath(resource.index, resource.width)
            : formatUpdateBundlePath(resource.index);
      return path.slice('tile/'.length);
    },
    refusals: ['Refused'],
    canonical: true,
  }),
  {
    name: 'decodeUpdateBundle',
    inputs: fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 256, maxLength: 256 }).map(encodeUpdateBundle),
    read: reading(decodeUpdateBundle, encodeUpdateBundle),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  {
    name: 'decodeEntryBundle',
    inputs: fc
      .array(fc.uint8Array({ maxLength: 150 }), { minLength: BUNDLED, maxLength: BUNDLED })
      .map(encodeEntryBundle),
    read: reading((input) => decodeEntryBundle(input, BUNDLED), encodeEntryBundle),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  {
    name: 'decodeTreeEdge',
    inputs: edges,
    read: reading(decodeTreeEdge, encodeTreeEdge),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  {
    name: 'decodePrefixTile',
    inputs: tiles,
    read: reading(decodePrefixTile, encodePrefixTile),
    refusals: ['storage-corrupt'],
    canonical: true,
    selfDelimiting: true,
  },
];
