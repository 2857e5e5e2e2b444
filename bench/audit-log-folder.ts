import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createKey } from '../src/ca/keys/key-file.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import type { TrustBundle } from '../src/contract/trust-bundle.ts';
import { auditEntryCodec } from '../src/core/audit/audit-entry.ts';
import { signCheckpoint } from '../src/core/audit/checkpoint.ts';
import { encodeEntryBundle } from '../src/core/audit/entry-bundle.ts';
import { noteSigner } from '../src/core/audit/note.ts';
import { leafHash, rfc6962NodeHasher } from '../src/core/audit/rfc6962.ts';
import { formatEntriesPath, formatTilePath, formatUpdatePath } from '../src/core/audit/tile-path.ts';
import { formatVkey } from '../src/core/audit/vkey.ts';
import { HASH_LENGTH, sha256 } from '../src/core/crypto/sha256.ts';
import { compareBytes, encodeUtf8, formatBase64 } from '../src/core/encoding/bytes.ts';
import { encode } from '../src/core/encoding/codec.ts';
import {
  appendAuditorEntry,
  auditorLogRoot,
  auditorUpdateCodec,
  EMPTY_AUDITOR_STATE,
} from '../src/core/keytrans/auditor-update.ts';
import { type Configuration, configurationCodec } from '../src/core/keytrans/configuration.ts';
import { encodeTreeHeadTbs } from '../src/core/keytrans/tree-head.ts';
import { appendLeaves, EMPTY_EDGE, type FullTile, edgeRoot, TILE_WIDTH } from '../src/core/log/tiled-tree.ts';
import { driveTilesSync } from '../src/core/prefix/drive.ts';
import { formatTileName } from '../src/core/prefix/tile-name.ts';
import type { PrefixTile } from '../src/core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves } from '../src/core/prefix/prefix-tree.ts';

/** A log made for an audit. */
export interface AuditLogFolder {
  /** The folder of the log's prefix. */
  readonly folder: string;
  readonly bundle: TrustBundle;
  /** Bytes of all AuditorUpdates before compression. */
  readonly updateBytes: number;
}

const ORIGIN = 'bench.example/audit';

/** Makes a log of `labels` label versions, `batch` in each entry, as the static files that an audit reads. */
export async function writeAuditLog(folder: string, labels: number, batch: number): Promise<AuditLogFolder> {
  const signer = signerFromKey(await createKey('ed25519'));
  const checkpointSigner = noteSigner(ORIGIN, signer);
  const config: Configuration = {
    cipherSuite: 2,
    mode: 'contactMonitoring',
    signaturePublicKey: signer.publicKey,
    vrfPublicKey: signer.publicKey,
    maxAheadMs: 60_000,
    maxBehindMs: 600_000,
    reasonableMonitoringWindowMs: 21_600_000,
    maximumLifetimeMs: undefined,
  };
  const write = async (path: string, bytes: Uint8Array | string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  };
  const configHash = sha256(encode(configurationCodec, config));
  const tiles = new Map<string, PrefixTile>();
  const entries: Uint8Array[] = [];
  let [prefix, auditor, updateBytes] = [EMPTY_PREFIX_ROOT, EMPTY_AUDITOR_STATE, 0];
  for (let made = 0; made < labels; made += batch) {
    const added = Array.from({ length: Math.min(batch, labels - made) }, (_, i) => {
      const vrfOutput = sha256(encodeUtf8(`user${made + i}`));
      return { vrfOutput, commitment: sha256(vrfOutput) };
    }).sort((a, b) => compareBytes(a.vrfOutput, b.vrfOutput));
    const read = new Set<string>();
    const inserted = driveTilesSync(insertPrefixLeaves(prefix, added, entries.length), (name) => {
      read.add(formatTileName(name));
      return tiles.get(formatTileName(name)) as PrefixTile;
    });
    // Every tile that was read lay on a changed path, and has been replaced.
    for (const name of read) tiles.delete(name);
    for (const { name, tile } of inserted.tiles) tiles.set(formatTileName(name), tile);
    prefix = inserted.root;
    const timestampMs = 1_700_000_000_000 + entries.length;
    auditor = appendAuditorEntry(auditor, timestampMs, prefix.hash);
    const update = encode(auditorUpdateCodec, { timestampMs, added, removed: [], proof: inserted.proof });
    updateBytes += update.length;
    await write(formatUpdatePath(entries.length), gzipSync(update, { level: 1 }));
    const updateHash = sha256(update);
    const logRoot = auditorLogRoot(auditor);
    entries.push(
      encode(auditEntryCodec, { format: 1, timestampMs, prefixRoot: prefix.hash, logRoot, configHash, updateHash }),
    );
  }
  const size = entries.length;
  const { edge, tiles: full } = appendLeaves(EMPTY_EDGE, entries.map(leafHash), rfc6962NodeHasher);
  const partial: FullTile[] = edge.partials.flatMap((data, level) =>
    data.length === 0 ? [] : [{ level, index: Math.floor(size / TILE_WIDTH ** (level + 1)), data }],
  );
  for (const tile of [...full, ...partial])
    await write(formatTilePath(tile, tile.data.length / HASH_LENGTH), tile.data);
  for (let i = 0; i < size; i += TILE_WIDTH) {
    const bundle = entries.slice(i, i + TILE_WIDTH);
    await write(formatEntriesPath(i / TILE_WIDTH, bundle.length), encodeEntryBundle(bundle));
  }
  const signature = await signer.sign(encodeTreeHeadTbs(config, size, auditorLogRoot(auditor)));
  await write(`head/${size}`, JSON.stringify({ size, signature: formatBase64(signature) }));
  const rootHash = edgeRoot(edge, rfc6962NodeHasher) as Uint8Array;
  await write(
    'checkpoint',
    await signCheckpoint({ origin: ORIGIN, size, rootHash, extensions: [] }, [checkpointSigner]),
  );
  const bundle: TrustBundle = {
    format: 1,
    sequence: 1,
    origin: ORIGIN,
    roots: [],
    issuers: [],
    keytransConfiguration: formatBase64(encode(configurationCodec, config)),
    auditLogVkeys: [formatVkey(checkpointSigner.vkey)],
    witnessPolicy: 'quorum none\n',
    recoveryDelayMs: 0,
    identityRules: { localPart: 'fold-lower-case', uriSchemes: [] },
    bundleKey: formatBase64(new Uint8Array(32)),
  };
  return { folder, bundle, updateBytes };
}
