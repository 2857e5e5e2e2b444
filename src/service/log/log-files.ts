import { encodeEntryBundle } from '../../core/audit/entry-bundle.ts';
import { signedLogEndCodec } from '../../core/audit/log-end.ts';
import { formatTlogProof } from '../../core/audit/tlog-proof.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { HASH_LENGTH } from '../../core/crypto/sha256.ts';
import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { treeHeadCodec } from '../../core/keytrans/tree-head.ts';
import { TILE_WIDTH, type TileCoordinate, tileWidth } from '../../core/log/tiled-tree.ts';
import { AuditorUpdates } from './auditor-updates.ts';
import { AuditProofs } from './audit-proofs.ts';
import type { LogContext } from './log-context.ts';
import { LogNodeReader } from './log-node-reader.ts';
import type { LogProgress } from './log-progress.ts';
import { type BundleAsker, UpdateBundles } from './update-bundles.ts';

/**
 * The static files of the audit log (docs/spec.md#audit-log; c2sp.org/tlog-tiles), for released sizes only. Only the
 * checkpoint ever changes. A file that does not exist, or not yet, throws `not-found`.
 */
export class LogFiles {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  readonly #tiles: LogNodeReader;
  readonly #proofs: AuditProofs;
  readonly #updates: AuditorUpdates;
  readonly #bundles: UpdateBundles;

  constructor(context: LogContext, progress: LogProgress) {
    this.#context = context;
    this.#progress = progress;
    this.#tiles = new LogNodeReader(context.store, 'audit', rfc6962NodeHasher, context.limits.logTileCacheSize);
    this.#proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
    this.#updates = new AuditorUpdates(context.store, context.newUpdates);
    this.#bundles = new UpdateBundles(this.#updates);
    progress.onLoss(() => {
      this.#updates.clear();
      this.#bundles.clear();
      this.#tiles.clear();
      this.#proofs.clear();
    });
  }

  /** Returns the newest released checkpoint: a signed note. */
  async checkpoint(): Promise<string> {
    return (await this.#progress.released()).released.checkpoint;
  }

  /** Returns `width` (1..256) hashes of a tile. */
  async tile(tile: TileCoordinate, width: number): Promise<Uint8Array> {
    const { released, auditEdge } = await this.#progress.released();
    assertThere(width >= 1 && width <= tileWidth(tile, released.size));
    if (tileWidth(tile, auditEdge.size) < TILE_WIDTH) {
      const partial = auditEdge.partials[tile.level];
      assertThere(partial !== undefined && partial.length >= width * HASH_LENGTH);
      return partial.slice(0, width * HASH_LENGTH);
    }
    const [data] = await this.#tiles.readTiles([tile]);
    assertThere(data !== undefined);
    return data.slice(0, width * HASH_LENGTH);
  }

  /** Returns an entry bundle of `width` (1..256) AuditEntries. */
  async entries(index: number, width: number): Promise<Uint8Array> {
    const { released } = await this.#progress.released();
    assertThere(width >= 1 && width <= tileWidth({ level: 0, index }, released.size));
    const start = index * TILE_WIDTH;
    const rows = await this.#context.store.readEntryRange(start, start + width);
    if (rows.length !== width) throw new GlasskeyError('storage-corrupt', 'log entries are missing');
    return encodeEntryBundle(rows.map(({ auditEntry }) => auditEntry));
  }

  /** Returns the gzip-compressed AuditorUpdate of a log entry. */
  async update(position: number): Promise<Uint8Array> {
    await this.#assertReleased(position);
    return this.#updates.read(position);
  }

  /**
   * Returns the gzip-compressed bundle of the AuditorUpdates of 256 entries, if it is not too long. Throws
   * `invalid-request` if everybody who wants it has gone before it is read.
   */
  async updateBundle(index: number, asker?: BundleAsker): Promise<Uint8Array> {
    await this.#assertReleased((index + 1) * TILE_WIDTH - 1);
    const bundle = await this.#bundles.read(index, asker);
    assertThere(bundle !== undefined);
    return bundle;
  }

  /** Returns the SHA-256 of the AuditorUpdate of a log entry, as the entry names it. */
  async updateHash(position: number): Promise<Uint8Array> {
    await this.#assertReleased(position);
    return this.#updates.hash(position);
  }

  /** Returns the encoded KEYTRANS TreeHead of a released size (KT §11.2). */
  async head(size: number): Promise<Uint8Array> {
    assertThere(Number.isSafeInteger(size) && size > 0);
    const released = await this.#context.store.readReleasedAt(size);
    assertThere(released !== undefined);
    return encode(treeHeadCodec, { treeSize: size, signature: released.signature });
  }

  /** Returns the encoded SignedLogEnd of a log whose last entry is released. */
  async end(): Promise<Uint8Array> {
    const { released } = await this.#progress.released();
    const encoded = await this.#context.store.readLogEnd();
    assertThere(encoded !== undefined && decode(signedLogEndCodec, encoded).end.position < released.size);
    return encoded;
  }

  /**
   * Returns the `c2sp.org/tlog-proof@v1` that makes the tree head of a released size a witnessed one
   * (docs/spec.md#audit-log): the last entry of that size in the checkpoint of that size, with the AuditEntry as
   * `extra`.
   */
  async proof(size: number): Promise<string> {
    assertThere(Number.isSafeInteger(size) && size > 0);
    const { store } = this.#context;
    const released = await store.readReleasedAt(size);
    assertThere(released !== undefined);
    let { auditEdge } = await this.#progress.released();
    // Another process may just have released it.
    if (auditEdge.size < size) ({ auditEdge } = await this.#progress.refresh());
    const [row] = await store.readEntries([size - 1]);
    if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${size - 1} is missing`);
    const inclusion = await this.#proofs.inclusion(size - 1, size, auditEdge);
    const { checkpoint } = released;
    return formatTlogProof({ extra: row.auditEntry, index: size - 1, inclusion, checkpoint });
  }

  async #assertReleased(position: number): Promise<void> {
    const { released } = await this.#progress.released();
    assertThere(Number.isSafeInteger(position) && position >= 0 && position < released.size);
  }
}

function assertThere(holds: boolean): asserts holds {
  ensure(holds, 'not-found', 'no such file in the released log');
}
