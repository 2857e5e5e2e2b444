import { gzipSync } from 'node:zlib';
import { ed25519 } from '@noble/curves/ed25519.js';
import { auditEntryCodec } from '../../src/core/audit/audit-entry.ts';
import { signCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { encodeEntryBundle } from '../../src/core/audit/entry-bundle.ts';
import { encodeUpdateBundle } from '../../src/core/audit/update-bundle.ts';
import { type LogEnd, logEndLeaf, signedLogEndCodec, signLogEnd } from '../../src/core/audit/log-end.ts';
import { noteSigner } from '../../src/core/audit/note.ts';
import { emptyRoot, leafHash, rfc6962NodeHasher } from '../../src/core/audit/rfc6962.ts';
import { parseTileIndex, parseTilePath } from '../../src/core/audit/tile-path.ts';
import { formatVkey } from '../../src/core/audit/vkey.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { encodeUtf8, formatBase64 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { auditorUpdateCodec, type AuditorUpdate } from '../../src/core/keytrans/auditor-update.ts';
import { configurationCodec, type Configuration } from '../../src/core/keytrans/configuration.ts';
import type { PrefixLeaf } from '../../src/core/keytrans/proofs.ts';
import { encodeTreeHeadTbs } from '../../src/core/keytrans/tree-head.ts';
import { logLeaf } from '../../src/core/log/log-tree.ts';
import { appendLeaf, EMPTY_RANGE, rangeRoot } from '../../src/core/log/compact-range.ts';
import { keytransNodeHasher } from '../../src/core/log/node-hasher.ts';
import { appendLeaves, EMPTY_EDGE, edgeRoot, tileWidth } from '../../src/core/log/tiled-tree.ts';
import { driveTilesSync } from '../../src/core/prefix/drive.ts';
import { formatTileName } from '../../src/core/prefix/tile-name.ts';
import type { PrefixTile } from '../../src/core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves } from '../../src/core/prefix/prefix-tree.ts';
import type { TrustBundle } from '../../src/contract/trust-bundle.ts';

/** What a log serves for a path: a body, perhaps compressed. */
export interface ServedFile {
  readonly body: Uint8Array;
  readonly gzip: boolean;
}

/**
 * A log of both trees in memory, made with the core alone, that serves itself as static files. Tests give it entries, and
 * then lie by changing what it holds.
 */
export class StaticLog {
  readonly origin: string;
  config: Configuration;
  readonly vkey: string;
  /** Encoded AuditEntries: what the audit log holds. */
  readonly entries: Uint8Array[] = [];
  /** Encoded AuditorUpdates. */
  readonly updates: Uint8Array[] = [];
  /** Size that is released: see {@link release}. */
  releasedSize = 0;
  checkpoint = '';
  head: Uint8Array = new Uint8Array();
  /** What `end` serves, where the log has ended. */
  logEnd: Uint8Array | undefined;
  /** Paths asked for. */
  readonly requests: string[] = [];
  /** Changes what is served, after everything else. */
  lie: (path: string, file: ServedFile | undefined) => ServedFile | undefined = (_path, file) => file;

  readonly #secret: Uint8Array;
  readonly #tiles = new Map<string, PrefixTile>();
  /** Tree heads of earlier releases. */
  readonly #heads = new Map<string, Uint8Array>();
  readonly #fullTiles = new Map<string, Uint8Array>();
  #prefix = EMPTY_PREFIX_ROOT;
  #range = EMPTY_RANGE;
  #edge = EMPTY_EDGE;

  constructor(origin = 'log.example/test', seed = 7) {
    this.origin = origin;
    this.#secret = new Uint8Array(32).fill(seed);
    const publicKey = ed25519.getPublicKey(this.#secret);
    this.config = {
      cipherSuite: 2,
      mode: 'contactMonitoring',
      signaturePublicKey: publicKey,
      vrfPublicKey: publicKey,
      maxAheadMs: 60_000,
      maxBehindMs: 600_000,
      reasonableMonitoringWindowMs: 21_600_000,
      maximumLifetimeMs: undefined,
    };
    this.vkey = formatVkey(this.#signer.vkey);
  }

  get #signer(): ReturnType<typeof noteSigner> {
    const sign = (message: Uint8Array): Promise<Uint8Array> => Promise.resolve(ed25519.sign(message, this.#secret));
    const publicKey = ed25519.getPublicKey(this.#secret);
    return noteSigner(this.origin, { algorithm: 'ed25519', spki: new Uint8Array(), publicKey, sign });
  }

  /** The bundle of this log, as far as an audit looks at it. */
  get bundle(): TrustBundle {
    return {
      format: 1,
      sequence: 1,
      origin: this.origin,
      roots: [],
      issuers: [],
      keytransConfiguration: formatBase64(encode(configurationCodec, this.config)),
      auditLogVkeys: [this.vkey],
      witnessPolicy: 'quorum none\n',
      recoveryDelayMs: 0,
      identityRules: { localPart: 'fold-lower-case', uriSchemes: [] },
      bundleKey: formatBase64(ed25519.getPublicKey(this.#secret)),
    };
  }

  /** Adds one log entry with these leaves (in any order). `change` can falsify the AuditorUpdate or the AuditEntry. */
  append(
    leaves: readonly PrefixLeaf[],
    timestampMs: number,
    change: {
      readonly update?: (update: AuditorUpdate) => AuditorUpdate;
      readonly entry?: (entry: Uint8Array) => Uint8Array;
    } = {},
  ): void {
    const added = leaves.toSorted((a, b) => Buffer.compare(a.vrfOutput, b.vrfOutput));
    const position = this.entries.length;
    const inserted = driveTilesSync(
      insertPrefixLeaves(this.#prefix, added, position),
      (name) => this.#tiles.get(formatTileName(name)) as PrefixTile,
    );
    for (const { name, tile } of inserted.tiles) this.#tiles.set(formatTileName(name), tile);
    this.#prefix = inserted.root;
    this.#range = appendLeaf(this.#range, logLeaf(timestampMs, this.#prefix.hash), keytransNodeHasher);
    const honest: AuditorUpdate = { timestampMs, added, removed: [], proof: inserted.proof };
    const update = encode(auditorUpdateCodec, change.update?.(honest) ?? honest);
    const entry = encode(auditEntryCodec, {
      format: 1,
      timestampMs,
      prefixRoot: this.#prefix.hash,
      logRoot: this.logRoot,
      configHash: sha256(encode(configurationCodec, this.config)),
      updateHash: sha256(update),
    });
    this.updates.push(update);
    this.entries.push(change.entry?.(entry) ?? entry);
    const step = appendLeaves(this.#edge, [leafHash(this.entries[position] as Uint8Array)], rfc6962NodeHasher);
    this.#edge = step.edge;
    for (const { level, index, data } of step.tiles) this.#fullTiles.set(`${level}/${index}`, data);
  }

  get logRoot(): Uint8Array {
    return rangeRoot(this.#range, keytransNodeHasher) ?? new Uint8Array(32);
  }

  get rootHash(): Uint8Array {
    return edgeRoot(this.#edge, rfc6962NodeHasher) ?? emptyRoot();
  }

  /** Adds the entry that ends the log, signed by the bundle key. `change` can falsify what is served of it. */
  async end(timestampMs: number, change: Partial<LogEnd> = {}): Promise<void> {
    const end: LogEnd = {
      format: 1,
      origin: this.origin,
      position: this.entries.length,
      reason: 'moved',
      successor: undefined,
    };
    this.append([logEndLeaf(end)], timestampMs);
    const signed = await signLogEnd({ ...end, ...change }, async (message) => ed25519.sign(message, this.#secret));
    this.logEnd = encode(signedLogEndCodec, signed);
  }

  /** Signs checkpoint and tree head of everything appended so far. */
  async release(): Promise<void> {
    const size = this.entries.length;
    const rootHash = this.rootHash;
    this.checkpoint = await signCheckpoint({ origin: this.origin, size, rootHash, extensions: [] }, [this.#signer]);
    this.head = ed25519.sign(encodeTreeHeadTbs(this.config, size, this.logRoot), this.#secret);
    this.releasedSize = size;
    this.#heads.set(`head/${size}`, this.head);
  }

  /** Names another Configuration from the next entry on, as a log does whose auditor changed. */
  changeConfiguration(change: Partial<Configuration>): void {
    this.config = { ...this.config, ...change } as Configuration;
  }

  /** What is served at a path below `/log/`; undefined for nothing. */
  serve(path: string): ServedFile | undefined {
    this.requests.push(path);
    return this.lie(path, this.#find(path));
  }

  #find(path: string): ServedFile | undefined {
    const plain = (body: Uint8Array | undefined): ServedFile | undefined => body && { body, gzip: false };
    if (path === 'checkpoint') return plain(encodeUtf8(this.checkpoint));
    if (path === `head/${this.releasedSize}`) {
      return plain(encodeUtf8(JSON.stringify({ size: this.releasedSize, signature: formatBase64(this.head) })));
    }
    const earlier = this.#heads.get(path);
    if (earlier !== undefined) {
      return plain(encodeUtf8(JSON.stringify({ size: Number(path.slice(5)), signature: formatBase64(earlier) })));
    }
    if (path === 'end') return plain(this.logEnd);
    if (path.startsWith('updates/')) {
      const update = this.updates[parseTileIndex(path.slice(8)) ?? -1];
      return update && { body: gzipSync(update), gzip: true };
    }
    const resource = path.startsWith('tile/') ? parseTilePath(path.slice(5)) : undefined;
    if (resource === undefined) return undefined;
    if (resource.kind === 'updates') {
      const updates = this.updates.slice(resource.index * 256, resource.index * 256 + 256);
      const isWhole = resource.index * 256 + 256 <= this.releasedSize;
      return isWhole ? { body: gzipSync(encodeUpdateBundle(updates)), gzip: true } : undefined;
    }
    const tile = resource.kind === 'hashes' ? resource.tile : { level: 0, index: resource.index };
    if (resource.width > tileWidth(tile, this.releasedSize)) return undefined;
    if (resource.kind === 'entries') {
      const start = resource.index * 256;
      return plain(encodeEntryBundle(this.entries.slice(start, start + resource.width)));
    }
    const data = this.#fullTiles.get(`${tile.level}/${tile.index}`) ?? this.#edge.partials[tile.level];
    return plain(data?.slice(0, resource.width * 32));
  }

  /** A `fetch` that reaches this log at `http://log.test/log/`, and undoes compression as the platform's does. */
  readonly fetch = async (url: string): Promise<Response> => {
    const file = this.serve(new URL(url).pathname.replace(/^\/log\//, ''));
    if (file === undefined) return new Response('not found', { status: 404 });
    const body = new Response(file.body.slice()).body as ReadableStream<Uint8Array>;
    return new Response(file.gzip ? body.pipeThrough(new DecompressionStream('gzip')) : body);
  };
}

/** A leaf that depends on `seed` alone. */
export function testLeaf(seed: number): PrefixLeaf {
  const vrfOutput = sha256(encodeUtf8(`key ${seed}`));
  return { vrfOutput, commitment: sha256(vrfOutput) };
}
