import { ensure, GlasskeyError } from '../../core/errors.ts';
import { parsePathAnchor, type PathCertificate } from './path-certificate.ts';

/** Trust anchors, read once for many validations. */
export interface TrustAnchors {
  readonly readable: readonly PathCertificate[];
  readonly unreadable: readonly UnreadableAnchor[];
}

/** A trust anchor that cannot be read. */
export interface UnreadableAnchor {
  /** Its place in the list, from 0. */
  readonly index: number;
  readonly error: GlasskeyError;
}

/** The most trust anchors; systems have fewer than 200. */
export const MAX_ANCHORS = 1_024;

/** Reads trusted certificates (DER), and lists those that cannot be read. Throws `value-out-of-range` for too many. */
export function parseAnchors(ders: readonly Uint8Array[]): TrustAnchors {
  ensure(ders.length <= MAX_ANCHORS, 'value-out-of-range', `more than ${MAX_ANCHORS} trust anchors`);
  const readable: PathCertificate[] = [];
  const unreadable: UnreadableAnchor[] = [];
  for (const [index, der] of ders.entries()) {
    try {
      readable.push(parsePathAnchor(der));
    } catch (error) {
      if (!(error instanceof GlasskeyError)) throw error;
      unreadable.push({ index, error });
    }
  }
  return { readable, unreadable };
}
