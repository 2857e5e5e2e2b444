import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Context, Hono } from 'hono';
import { parseTileIndex, parseTilePath } from '../core/audit/tile-path.ts';
import { formatBase64, formatHex } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { GlasskeyError } from '../core/errors.ts';
import { treeHeadCodec } from '../core/keytrans/tree-head.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { HEAD_PREFIX, PATHS, PROOF_PREFIX, TILE_PREFIX, UPDATES_PREFIX } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import { acceptsGzip } from './packed-answer.ts';
import type { ReadTurns } from './read-turns.ts';
import { createResponse, holdsTag, IMMUTABLE } from './responses.ts';
import type { UpdatePace } from './update-pace.ts';

const OCTETS = 'application/octet-stream';
/** Bounds the age of a cached checkpoint, s. */
const CHECKPOINT_CACHE = 'public, max-age=1';

/** In another thread. */
const unpack = promisify(gunzip);

/**
 * Serves the audit log's static resources (c2sp.org/tlog-tiles; `docs/spec.md#audit-log`). Only the checkpoint is in
 * memory; clients take turns at reading the others, and updates have a pace besides.
 */
export function logRoutes(app: Hono, { files }: LogService, turns: ReadTurns, pace: UpdatePace): void {
  app.get(PATHS.checkpoint, async () => {
    return createResponse(await files.checkpoint(), 'text/plain; charset=utf-8', CHECKPOINT_CACHE);
  });
  app.get(PATHS.logEnd, async (c) => createResponse(await turns.run('files', c, () => files.end()), OCTETS, IMMUTABLE));
  app.get(`${TILE_PREFIX}*`, async (c) => {
    const resource = parseTilePath(restOf(c, TILE_PREFIX));
    if (resource === undefined) throw notFound();
    if (resource.kind === 'updates') {
      const { signal } = c.req.raw;
      const bundle = await pace.run(c, (charge) => files.updateBundle(resource.index, { signal, charge }));
      return respondPacked(c, bundle);
    }
    const data = await turns.run('files', c, () =>
      resource.kind === 'hashes'
        ? files.tile(resource.tile, resource.width)
        : files.entries(resource.index, resource.width),
    );
    return createResponse(data, OCTETS, IMMUTABLE);
  });
  app.get(`${UPDATES_PREFIX}*`, async (c) => {
    const position = parseTileIndex(restOf(c, UPDATES_PREFIX));
    if (position === undefined) throw notFound();
    const { data, etag } = await pace.run(c, async (charge) => {
      // Weak: the same update, whether compressed or not.
      const etag = `W/"${formatHex(await files.updateHash(position))}"`;
      if (holdsTag(c.req.header('if-none-match'), etag)) return { etag, data: null };
      const data = await files.update(position);
      charge(data.length);
      return { etag, data };
    });
    return respondPacked(c, data, { etag });
  });
  app.get(`${HEAD_PREFIX}*`, async (c) => {
    const size = sizeOf(c, HEAD_PREFIX);
    const head = decode(treeHeadCodec, await turns.run('files', c, () => files.head(size)));
    const body = JSON.stringify({ size: head.treeSize, signature: formatBase64(head.signature) });
    return createResponse(body, JSON_MEDIA_TYPE, IMMUTABLE);
  });
  app.get(`${PROOF_PREFIX}*`, async (c) => {
    const size = sizeOf(c, PROOF_PREFIX);
    return createResponse(await turns.run('files', c, () => files.proof(size)), 'text/plain; charset=utf-8', IMMUTABLE);
  });
}

/**
 * Answers with gzip-compressed data that never changes, unpacked for a client that does not take gzip. `null` is what
 * the client holds already.
 */
async function respondPacked(
  c: Context,
  data: Uint8Array | null,
  tag: { readonly etag?: string } = {},
): Promise<Response> {
  const headers = { vary: 'accept-encoding', ...tag };
  if (data === null) return createResponse(null, OCTETS, IMMUTABLE, { headers, status: 304 });
  if (!acceptsGzip(c.req.header('accept-encoding'))) {
    return createResponse(new Uint8Array(await unpack(data)), OCTETS, IMMUTABLE, { headers });
  }
  return createResponse(data, OCTETS, IMMUTABLE, { headers: { ...headers, 'content-encoding': 'gzip' } });
}

/** Returns the size that a path ends in. Throws `not-found`. */
function sizeOf(c: Context, prefix: string): number {
  const size = restOf(c, prefix);
  if (!/^[1-9]\d{0,15}$/.test(size) || !Number.isSafeInteger(Number(size))) throw notFound();
  return Number(size);
}

function restOf(c: Context, prefix: string): string {
  return c.req.path.slice(prefix.length);
}

function notFound(): GlasskeyError {
  return new GlasskeyError('not-found', 'the log has no such resource');
}
