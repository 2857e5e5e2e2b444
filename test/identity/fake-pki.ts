import { ed25519 } from '@noble/curves/ed25519.js';
import { verifyEd25519 } from '../../src/core/crypto/ed25519-strict.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { concatBytes, encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { ensure } from '../../src/core/errors.ts';
import type { Authorization } from '../../src/identity/authorization.ts';
import {
  changeMessage,
  type ChangeRequest,
  changeRequestCodec,
  sortedHashSet,
} from '../../src/identity/change-request.ts';
import type { HeldVersion } from '../../src/identity/continuity.ts';
import { encodeIdentityRecord, type IdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import type { ContinuityPorts } from '../../src/identity/spki-set.ts';

export const ORIGIN = 'log.example';
export const LABEL = encodeUtf8('mailto:alice@example.com');

/** A key pair whose "SPKI" is the raw Ed25519 key. */
export interface FakeKey {
  readonly secret: Uint8Array;
  readonly spki: Uint8Array;
  readonly hash: Uint8Array;
}

export function fakeKey(seed: number): FakeKey {
  const secret = new Uint8Array(32).fill(seed);
  const spki = ed25519.getPublicKey(secret);
  return { secret, spki, hash: sha256(spki) };
}

/** Length of a "certificate" with companion keys. */
const COMPANION_LENGTH = 65;

/** A "certificate": the key, then a serial, then 32 bytes for companion keys if there are any. */
export function fakeCertificate(key: FakeKey, serial: number, companions?: Uint8Array): Uint8Array {
  return concatBytes(key.spki, Uint8Array.of(serial), companions ?? new Uint8Array());
}

export const PORTS: ContinuityPorts = {
  certificateSpki: (certificate) => {
    ensure(
      certificate.length === 33 || certificate.length === COMPANION_LENGTH,
      'bad-certificate',
      'not a fake certificate',
    );
    return certificate.slice(0, 32);
  },
  certificateCompanions: (certificate) => (certificate.length === COMPANION_LENGTH ? certificate.slice(33) : undefined),
  verifySignature: verifyEd25519,
};

export function changeRequest(
  previous: HeldVersion,
  keys: readonly FakeKey[],
  but?: Partial<ChangeRequest>,
): ChangeRequest {
  return {
    origin: ORIGIN,
    label: LABEL,
    version: previous.version + 1,
    previousCommitment: previous.commitment,
    spkisAfter: sortedHashSet(keys.map((key) => key.hash)),
    ...but,
  };
}

/** A key authorization by `signer`, signed over `request`. */
export function byKey(signer: FakeKey, request: ChangeRequest): Authorization & { readonly type: 'key' } {
  const message = changeMessage(encode(changeRequestCodec, request));
  return { type: 'key', signer: signer.hash, signature: ed25519.sign(message, signer.secret) };
}

export function record(
  previous: HeldVersion | undefined,
  certificates: readonly Uint8Array[],
  authorization: Authorization,
  but?: Partial<IdentityRecord>,
): IdentityRecord {
  return {
    previousCommitment: previous?.commitment ?? NO_COMMITMENT,
    certificates,
    pending: undefined,
    authorization,
    ...but,
  };
}

/** A record as a version of LABEL in a log; the opening is made of the version number. */
export function held(version: number, identityRecord: IdentityRecord): HeldVersion {
  return { version, commitment: commitTo(version, identityRecord), record: identityRecord };
}

export function openingOf(version: number): Uint8Array {
  return new Uint8Array(16).fill(version + 1);
}

function commitTo(version: number, identityRecord: IdentityRecord): Uint8Array {
  const value = encodeIdentityRecord(identityRecord);
  return commit({ opening: openingOf(version), label: LABEL, version, update: { value, signature: undefined } });
}
