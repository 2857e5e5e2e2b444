import { gunzipSync } from 'node:zlib';
import type { Context, Hono } from 'hono';
import { parseTileIndex, parseTilePath } from '../core/audit/tile-path.ts';
import { formatBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { GlasskeyError } from '../core/errors.ts';
import { treeHeadCodec } from '../core/keytrans/tree-head.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { HEAD_PREFIX, PATHS, PROOF_PREFIX, TILE_PREFIX, UPDATES_PREFIX } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import { IMMUTABLE, createResponse } from './responses.ts';

const OCTETS = 'application/octet-stream';
/** Bounds the age of a cached checkpoint, s. */
const CHECKPOINT_CACHE = 'public, max-age=1';

/** Serves the audit log's static resources (c2sp.org/tlog-tiles; `docs/spec.md#audit-log`). */
export function logRoutes(app: Hono, { files }: LogService): void {
  app.get(PATHS.checkpoint, async () => {
    return createResponse(await files.checkpoint(), 'text/plain; charset=utf-8', CHECKPOINT_CACHE);
  });
  app.get(PATHS.logEnd, async () => createResponse(await files.end(), OCTETS, IMMUTABLE));
  app.get(`${TILE_PREFIX}*`, async (c) => {
    const resource = parseTilePath(restOf(c, TILE_PREFIX));
    if (resource === undefined) throw notFound();
    const data =
      resource.kind === 'hashes'
        ? await files.tile(resource.tile, resource.width)
        : await files.entries(resource.index, resource.width);
    return createResponse(data, OCTETS, IMMUTABLE);
  });
  app.get(`${UPDATES_PREFIX}*`, async (c) => {
    const position = parseTileIndex(restOf(c, UPDATES_PREFIX));
    if (position === undefined) throw notFound();
    const data = await files.update(position);
    const accepts = /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i;
    const vary = { vary: 'accept-encoding' };
    if (!accepts.test(c.req.header('accept-encoding') ?? '')) {
      return createResponse(new Uint8Array(gunzipSync(data)), OCTETS, IMMUTABLE, { headers: vary });
    }
    return createResponse(data, OCTETS, IMMUTABLE, { headers: { ...vary, 'content-encoding': 'gzip' } });
  });
  app.get(`${HEAD_PREFIX}*`, async (c) => {
    const head = decode(treeHeadCodec, await files.head(sizeOf(c, HEAD_PREFIX)));
    const body = JSON.stringify({ size: head.treeSize, signature: formatBase64(head.signature) });
    return createResponse(body, JSON_MEDIA_TYPE, IMMUTABLE);
  });
  app.get(`${PROOF_PREFIX}*`, async (c) => {
    return createResponse(await files.proof(sizeOf(c, PROOF_PREFIX)), 'text/plain; charset=utf-8', IMMUTABLE);
  });
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
