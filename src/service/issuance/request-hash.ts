import { createHash } from 'node:crypto';
import type { SignedChange } from '../../identity/change-request.ts';

/**
 * What makes two requests the same: kind, identity, what is asked for, and the change. Each part is preceded by its
 * length, so that no two requests run together.
 */
export function requestHash(
  kind: 'certificate' | 'revocation' | 'erasure' | 'recovery' | 'veto' | 'import',
  label: Uint8Array,
  asked: readonly Uint8Array[],
  change: SignedChange | undefined,
): Uint8Array {
  const hash = createHash('sha256').update(`glasskey ${kind} v1\0`);
  const changeParts = change === undefined ? [] : [change.request, change.signer, change.signature];
  for (const part of [label, ...asked, ...changeParts]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  }
  return new Uint8Array(hash.digest());
}
