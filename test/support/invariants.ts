import { gunzipSync } from 'node:zlib';
import { auditEntryCodec } from '../../src/core/audit/audit-entry.ts';
import { verifyCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { leafHash, rfc6962NodeHasher } from '../../src/core/audit/rfc6962.ts';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { verifyCommitment } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { equalBytes, formatHex } from '../../src/core/encoding/bytes.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import {
  auditorLogRoot,
  auditorUpdateCodec,
  EMPTY_AUDITOR_STATE,
  verifyAuditorUpdate,
} from '../../src/core/keytrans/auditor-update.ts';
import { verifyTreeHead } from '../../src/core/keytrans/tree-head.ts';
import { appendLeaf, type CompactRange, EMPTY_RANGE, rangeRoot } from '../../src/core/log/compact-range.ts';
import { logLeaf } from '../../src/core/log/log-tree.ts';
import { keytransNodeHasher, type NodeHasher } from '../../src/core/log/node-hasher.ts';
import { TILE_LENGTH, TILE_WIDTH } from '../../src/core/log/tiled-tree.ts';
import type { TileReference } from '../../src/core/prefix/prefix-tile.ts';
import { cachedTileReader, PrefixTileCache } from '../../src/core/prefix/tile-cache.ts';
import { LAST_SLOT } from '../../src/core/prefix/tile-shape.ts';
import { ownersRecordBefore } from '../../src/service/sequencing/owners-record-before.ts';
import { checkTransition, type HeldVersion } from '../../src/identity/continuity.ts';
import { decodeIdentityRecord } from '../../src/identity/identity-record.ts';
import { continuityPorts } from '../../src/service/sequencing/continuity-ports.ts';
import { AuditorUpdates } from '../../src/service/log/auditor-updates.ts';
import { IssuedCertificates } from '../../src/service/log/issued-certificates.ts';
import type { LogContext } from '../../src/service/log/log-context.ts';
import { isCertificateOf } from '../../src/service/log/stored-certificate.ts';
import { tileHead } from '../../src/service/log/log-node-reader.ts';
import { checkLog } from '../../src/service/sequencing/self-check.ts';
import type { HeadRow, TreeKind } from '../../src/store/ports.ts';

/** Every certificate is parsed. */
const NO_MEMORY = continuityPorts(new IssuedCertificates(0));

/** Counts of what was checked. */
export interface CheckedLog {
  readonly size: number;
  readonly leaves: number;
  readonly released: number;
}

/**
 * Checks everything that must hold of a stored log, from nothing but its rows: every entry and update of both logs, every
 * log tile, the whole newest prefix tree, every released head, and all versions of the `labels`, which must be all there
 * are. Throws an Error that says what does not hold.
 */
export async function checkInvariants(context: LogContext, labels: readonly Uint8Array[]): Promise<CheckedLog> {
  const head = await context.store.readHead();
  const leaves = await replay(context, head);
  await checkPrefixTree(context, head, leaves);
  const released = await checkReleases(context, head);
  await checkLog(context, head, await context.store.readReleased());
  let versions = 0;
  for (const label of labels) versions += await checkLabel(context, label, head.size, leaves);
  must(versions === leaves.size, `${leaves.size} leaves in the log, ${versions} versions of the labels`);
  return { size: head.size, leaves: leaves.size, released };
}

/** A leaf: its commitment and the entry that added it. */
interface AddedLeaf {
  readonly commitment: Uint8Array;
  readonly position: number;
}

/** Replays every entry as an auditor does; returns all leaves that were added. */
async function replay(context: LogContext, head: HeadRow): Promise<ReadonlyMap<string, AddedLeaf>> {
  const { store } = context;
  const leaves = new Map<string, AddedLeaf>();
  const hashes: { [K in TreeKind]: Uint8Array[] } = { keytrans: [], audit: [] };
  let auditRange: CompactRange = EMPTY_RANGE;
  const updates = new AuditorUpdates(store);
  let state = EMPTY_AUDITOR_STATE;
  for (let start = 0; start < head.size; start += 1024) {
    const rows = await store.readEntryRange(start, Math.min(start + 1024, head.size));
    for (const { position, auditEntry } of rows) {
      must(position === state.size, `entry ${position} where ${state.size} was expected`);
      const entry = decode(auditEntryCodec, auditEntry);
      const gzipped = await updates.read(position);
      const encoded = gunzipSync(gzipped);
      must(equalBytes(sha256(encoded), entry.updateHash), `update hash of ${position}`);
      const update = decode(auditorUpdateCodec, new Uint8Array(encoded));
      state = verifyAuditorUpdate(state, update);
      must(update.timestampMs === entry.timestampMs, `timestamp of ${position}`);
      must(equalBytes(state.prefixRoot, entry.prefixRoot), `prefix root of ${position}`);
      must(equalBytes(auditorLogRoot(state), entry.logRoot), `log root of ${position}`);
      must(equalBytes(entry.configHash, context.configHash), `config hash of ${position}`);
      for (const { vrfOutput, commitment } of update.added) {
        const key = formatHex(vrfOutput);
        must(!leaves.has(key), `leaf ${key} was added twice`);
        leaves.set(key, { commitment, position });
      }
      hashes.keytrans.push(logLeaf(entry.timestampMs, entry.prefixRoot));
      hashes.audit.push(leafHash(auditEntry));
      auditRange = appendLeaf(auditRange, leafHash(auditEntry), rfc6962NodeHasher);
    }
  }
  must(state.size === head.size && state.timestampMs === head.timestampMs, 'the head is not the last entry');
  must(equalBytes(state.prefixRoot, head.prefixRoot), 'prefix root of the head');
  must(equalBytes(auditorLogRoot(state), head.logRoot), 'log root of the head');
  must(
    equalBytes(rangeRoot(auditRange, rfc6962NodeHasher) ?? new Uint8Array(), head.auditRoot),
    'audit root of the head',
  );
  await checkTiles(context, 'keytrans', hashes.keytrans, keytransNodeHasher);
  await checkTiles(context, 'audit', hashes.audit, rfc6962NodeHasher);
  return leaves;
}

/** Every full tile of a tree exists and holds the right hashes; the next one does not exist. */
async function checkTiles(
  context: LogContext,
  tree: TreeKind,
  leaves: Uint8Array[],
  hasher: NodeHasher,
): Promise<void> {
  let row = leaves;
  for (let level = 0; row.length > 0; level++) {
    const count = Math.floor(row.length / TILE_WIDTH);
    const above: Uint8Array[] = [];
    for (let index = 0; index <= count; index++) {
      const [data] = await context.store.readLogTiles([{ tree, level, index }]);
      if (index === count) {
        must(data === undefined, `${tree} tile ${level}/${index} exists too early`);
        continue;
      }
      must(data !== undefined && data.length === TILE_LENGTH, `${tree} tile ${level}/${index}`);
      const expected = row.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH);
      expected.forEach((hash, i) => {
        must(equalBytes(data.subarray(32 * i, 32 * (i + 1)), hash), `${tree} tile ${level}/${index} hash ${i}`);
      });
      above.push(tileHead({ level, index }, data, hasher));
    }
    row = above;
  }
}

/** The newest prefix tree holds exactly the leaves that were added. */
async function checkPrefixTree(
  context: LogContext,
  head: HeadRow,
  leaves: ReadonlyMap<string, AddedLeaf>,
): Promise<void> {
  if (head.prefixTile === undefined) return must(leaves.size === 0, 'an empty prefix tree with leaves');
  const readTiles = cachedTileReader(new PrefixTileCache(0), (names) => context.store.readPrefixTiles(names));
  let count = 0;
  let pending: TileReference[] = [{ hash: head.prefixRoot, tile: head.prefixTile }];
  while (pending.length > 0) {
    const tiles = await readTiles(pending.map(({ tile }) => tile));
    const next: TileReference[] = [];
    tiles.forEach((tile, i) => {
      const { hash, tile: name } = pending[i] as TileReference;
      must(equalBytes(tile.headHash, hash), `head of prefix tile ${name.position}/${name.counter}`);
      for (let slot = 1; slot <= LAST_SLOT; slot++) {
        const kind = tile.kind(slot);
        if (kind === 'reference') next.push(tile.reference(slot));
        if (kind !== 'leaf') continue;
        const { vrfOutput, commitment } = tile.leaf(slot);
        const added = leaves.get(formatHex(vrfOutput));
        must(added !== undefined && equalBytes(added.commitment, commitment), 'a leaf that no entry added');
        count++;
      }
    });
    pending = next;
  }
  must(count === leaves.size, `the prefix tree has ${count} leaves, the log added ${leaves.size}`);
}

/** Every released head is signed for the roots of its size. */
async function checkReleases(context: LogContext, head: HeadRow): Promise<number> {
  const { store, configuration, origin, noteSigner } = context;
  let range: CompactRange = EMPTY_RANGE;
  let count = 0;
  for (let start = 0; start < head.size; start += 1024) {
    for (const { position, auditEntry } of await store.readEntryRange(start, Math.min(start + 1024, head.size))) {
      range = appendLeaf(range, leafHash(auditEntry), rfc6962NodeHasher);
      const released = await store.readReleasedAt(position + 1);
      if (released === undefined) continue;
      count++;
      const { size, signature, checkpoint } = released;
      verifyTreeHead(configuration, { treeSize: size, signature }, decode(auditEntryCodec, auditEntry).logRoot);
      const verified = verifyCheckpoint(checkpoint, { origin, vkeys: [noteSigner.vkey] });
      const root = rangeRoot(range, rfc6962NodeHasher) ?? new Uint8Array();
      must(verified.size === size && equalBytes(verified.rootHash, root), `checkpoint of ${size}`);
    }
  }
  const last = await store.readReleased();
  must(last === undefined || last.size <= head.size, 'released beyond the head');
  return count;
}

/** All versions of a label: in the tree, opening their commitments, each following the one before. Returns how many. */
async function checkLabel(
  context: LogContext,
  label: Uint8Array,
  size: number,
  leaves: ReadonlyMap<string, AddedLeaf>,
): Promise<number> {
  const labelKey = await context.vrf.labelKey(label);
  const found = await context.store.readLabelAt(labelKey, size);
  if (found === undefined) return 0;
  must(equalBytes(found.label.label ?? new Uint8Array(), label), 'a label under the key of another');
  const { greatestVersion } = found.label;
  const rows = await context.store.readVersions(labelKey, 0, greatestVersion);
  must(rows.length === greatestVersion + 1, 'a version is missing');
  let previous: HeldVersion | undefined;
  const head = await context.store.readHead();
  const ownersRecord = ownersRecordBefore(context, head, { label, labelKey });
  for (const [version, row] of rows.entries()) {
    const { opening, value, commitment, position } = row;
    must(row.version === version && found.positions[version] === position, `version ${version} out of order`);
    const [vrf] = await context.vrf.evaluate(label, [version]);
    must(
      vrf !== undefined && equalBytes(vrf.output, row.vrfOutput) && equalBytes(vrf.proof, row.vrfProof),
      'VRF result',
    );
    const leaf = leaves.get(formatHex(row.vrfOutput));
    must(leaf !== undefined && leaf.position === position, `version ${version} is not in its entry`);
    must(equalBytes(leaf.commitment, commitment), `commitment of version ${version}`);
    must(opening !== undefined && value !== undefined, `version ${version} has no value`);
    verifyCommitment(commitment, { opening, label, version, update: { value, signature: undefined } });
    const record = decodeIdentityRecord(value);
    const step = { origin: context.origin, label, version, previous, next: record, ports: NO_MEMORY, ownersRecord };
    await checkTransition(step);
    await checkCertificates(context, labelKey, record.certificates);
    previous = { version, commitment, record };
  }
  return rows.length;
}

async function checkCertificates(
  context: LogContext,
  labelKey: Uint8Array,
  certificates: readonly Uint8Array[],
): Promise<void> {
  for (const der of certificates) {
    const row = await context.store.findCertificate(parseCertificate(der).serial);
    must(row !== undefined && isCertificateOf(row, der), 'a certificate of a record has no row');
    must(equalBytes(row.labelKey, labelKey), 'a certificate of another label');
  }
}

function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(`invariant: ${message}`);
}
