import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib';
import type { Context } from 'hono';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { concatBytes } from '../core/encoding/bytes.ts';
import { NO_STORE, createResponse } from './responses.ts';

/** Shorter answers fit into one packet, and stay as they are. */
const LEAST_PACKED_BYTES = 1_024;
/** Longer answers are compressed in Node's threads. Below, a thread's turn costs more than the compression. */
const MAX_BYTES_AT_ONCE = 64 * 1024;

/** Level 1: proofs of neighbouring entries repeat whole hashes, which it finds. Each part ends at a byte. */
const OPTIONS = { level: 1, memLevel: 9, finishFlush: constants.Z_SYNC_FLUSH } as const;
const deflateLater = promisify(deflateRaw);

/** gzip (RFC 1952 §2.3) without name or time, written by the fastest level on no particular system. */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff);
/** An empty last block (RFC 1951 §3.2.6). */
const LAST_BLOCK = Uint8Array.of(3, 0);

/** Returns true if `header`, an untrusted Accept-Encoding, admits gzip (RFC 9110 §12.5.3). */
export function acceptsGzip(header: string | undefined): boolean {
  return /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(header ?? '');
}

/**
 * Creates a KEYTRANS answer out of `parts`, compressed if the asker accepts gzip and it gets shorter. Each part is
 * about one name at most and has a compression window of its own (`docs/spec.md#compressed-answers`).
 */
export async function createPackedResponse(c: Context, parts: readonly Uint8Array[]): Promise<Response> {
  const plain = concatBytes(...parts);
  const headers = { vary: 'accept-encoding' };
  if (plain.length >= LEAST_PACKED_BYTES && acceptsGzip(c.req.header('accept-encoding'))) {
    const packed = await packParts(plain, parts);
    if (packed.length < plain.length) {
      const packedHeaders = { ...headers, 'content-encoding': 'gzip' };
      return createResponse(packed, KEYTRANS_MEDIA_TYPE, NO_STORE, { headers: packedHeaders });
    }
  }
  return createResponse(plain, KEYTRANS_MEDIA_TYPE, NO_STORE, { headers });
}

/**
 * Compresses `parts`, which together are `plain`, as one gzip member. Browsers ignore all members after the first. No
 * part refers to bytes of another: each is compressed by a compressor that has seen nothing else.
 */
async function packParts(plain: Uint8Array, parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  const isShort = plain.length <= MAX_BYTES_AT_ONCE;
  for (const part of parts) blocks.push(isShort ? deflateRawSync(part, OPTIONS) : await deflateLater(part, OPTIONS));
  const trailer = new Uint8Array(8);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, crc32(plain), true);
  view.setUint32(4, plain.length, true);
  return concatBytes(GZIP_HEADER, ...blocks, LAST_BLOCK, trailer);
}
