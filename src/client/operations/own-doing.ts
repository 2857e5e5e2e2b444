import { verifySpkiSignature } from '../../ca/verify-signature.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { changeMessage, changeRequestCodec } from '../../identity/change-request.ts';
import type { HeldVersion, LinkType } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { spkiSet } from '../../identity/spki-set.ts';
import { CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import type { Operation } from './operation.ts';

/**
 * Returns true if a version of an own label is what its owner asked for, by proof and not only by its own claim. `link`
 * is what the chain of versions since the owner last looked proved about it, if anything.
 */
export type IsMade = (version: HeldVersion, link: LinkType | undefined) => Promise<boolean>;

/**
 * Recognises a change of the keys (docs/spec.md#change-requests): exactly these keys, after exactly this version,
 * signed by the owner's key.
 */
export function changeSignedBy({ trust }: Operation, { label }: Identity, spki: Uint8Array): IsMade {
  return async ({ version, record }) => {
    const { authorization, previousCommitment, pending } = record;
    const isClaimed = authorization.type === 'key' && equalBytes(authorization.signer, sha256(spki));
    if (!isClaimed || pending !== undefined) return false;
    const spkisAfter = await spkiSet(record, CONTINUITY_PORTS);
    const request = { origin: trust.bundle.origin, label, version, previousCommitment, spkisAfter };
    try {
      await verifySpkiSignature(spki, changeMessage(encode(changeRequestCodec, request)), authorization.signature);
      return true;
    } catch (error) {
      if (isGlasskeyError(error) && error.code !== 'platform-unsupported') return false;
      throw error;
    }
  };
}

/**
 * Recognises a first version for the owner's keys alone, named by `keysSha256`, or a renewal that the chain proved to
 * be one.
 */
export function requestedFor(keysSha256: Uint8Array): IsMade {
  return async ({ version, record }, link) => {
    const { authorization } = record;
    if (authorization.type === 'maintenance') return authorization.kind === 'renewal' && link === 'maintenance';
    if (authorization.type !== 'initial' || version !== 0) return false;
    const keys = await spkiSet(record, CONTINUITY_PORTS);
    return keys.length === 1 && keys.every((key) => equalBytes(key, keysSha256));
  };
}
