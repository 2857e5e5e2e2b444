import { parseAnchors, parsePemBlocks, type TrustAnchors } from '../../ca/path/index.ts';
import { GlasskeyError } from '../../core/errors.ts';

/** Most CAs that may attest. */
const MAX_ROOTS = 8;

/** Reads the CAs whose attestations count, from PEM. Throws `malformed-encoding`. */
export function attestationRoots(text: string): TrustAnchors {
  return parseAnchors(parsePemBlocks('CERTIFICATE', text, MAX_ROOTS));
}

/** Returns the reason why a file is no list of CAs that may attest; undefined if it is one. */
export function attestationRootsProblem(text: string): string | undefined {
  try {
    const { readable, unreadable } = attestationRoots(text);
    if (unreadable.length > 0) return 'holds a certificate that cannot be read';
    if (readable.length === 0) return 'holds no certificate in PEM';
    const isCa = readable.every(({ contents, flaw }) => flaw === undefined && contents.isCa);
    return isCa ? undefined : 'holds a certificate that is not of a CA';
  } catch (error) {
    if (!(error instanceof GlasskeyError)) throw error;
    return `is not PEM of at most ${MAX_ROOTS} certificates`;
  }
}
