import { parseBase64 } from '../core/encoding/bytes.ts';

/** Known labels (RFC 7468 §5, §7). Old tools write `NEW CERTIFICATE REQUEST`. */
export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'NEW CERTIFICATE REQUEST';

/**
 * Reads one PEM block (RFC 7468, lax in line length and line ends), with only white space around it. Returns undefined
 * for anything else.
 */
export function readPem(text: string, labels: readonly PemLabel[]): Uint8Array | undefined {
  const match = /^-----BEGIN ([A-Z ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END ([A-Z ]{1,40})-----$/.exec(
    text.trim(),
  );
  const [, begin, body, end] = match ?? [];
  if (begin === undefined || body === undefined || begin !== end) return undefined;
  if (!labels.some((label) => label === begin)) return undefined;
  try {
    const bytes = parseBase64(body.replaceAll(/[\r\n]/g, ''));
    return bytes.length === 0 ? undefined : bytes;
  } catch {
    return undefined;
  }
}
