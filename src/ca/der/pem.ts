import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';

const DEFAULT_MAX_BLOCKS = 64;
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\s]*?)-----END ([A-Z0-9 ]{1,40})-----/g;

/** Formats `der` as PEM text (RFC 7468) under `label`, such as `CERTIFICATE`. */
export function formatPem(label: string, der: Uint8Array): string {
  const lines = formatBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/**
 * Returns the contents of every block under `label` in PEM text (RFC 7468, untrusted), in order. Skips text between
 * blocks, and blocks under other labels. Accepts at most `maxBlocks`. Throws `malformed-encoding`.
 */
export function parsePemBlocks(label: string, text: string, maxBlocks: number = DEFAULT_MAX_BLOCKS): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const [, begin, body = '', end] of text.matchAll(BLOCK)) {
    if (begin !== end) throw decodeError('PEM block whose end has another label');
    if (begin !== label) continue;
    if (found.length === maxBlocks) throw decodeError(`more than ${maxBlocks} PEM blocks`);
    found.push(decodeBody(body));
  }
  return found;
}

/** Returns the contents of the only block under `label` in PEM text (untrusted). Throws `malformed-encoding`. */
export function parsePem(label: string, text: string): Uint8Array {
  const [block, ...more] = parsePemBlocks(label, text);
  if (block === undefined || more.length > 0) throw decodeError(`not exactly one PEM block "${label}"`);
  return block;
}

function decodeBody(body: string): Uint8Array {
  try {
    return parseBase64(body.replace(/\s+/g, ''));
  } catch (error) {
    throw decodeError('PEM block that is not base64', error);
  }
}
