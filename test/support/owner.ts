import { parseCertificate } from '../../src/ca/certificate.ts';
import { signCsr } from '../../src/ca/csr/sign-csr.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import type { Signer, SignerAlgorithm } from '../../src/core/crypto/signer.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { type SearchResponse, searchResponseCodec } from '../../src/core/keytrans/messages.ts';
import { canonicalIdentity } from '../../src/identity/canonical-identity.ts';
import {
  changeMessage,
  changeRequestCodec,
  type SignedChange,
  sortedHashSet,
} from '../../src/identity/change-request.ts';
import { DEFAULT_IDENTITY_RULES, type Identity } from '../../src/identity/identity.ts';
import { decodeIdentityRecord, type IdentityRecord } from '../../src/identity/identity-record.ts';

/** A key of some device. */
export interface DeviceKey extends Signer {
  readonly spkiSha256: Uint8Array;
}

/** A new key. */
export async function newDeviceKey(algorithm: SignerAlgorithm = 'ed25519'): Promise<DeviceKey> {
  const signer = signerFromKey(await createKey(algorithm));
  return { ...signer, spkiSha256: sha256(signer.spki) };
}

/** The identity that a text names. */
export function identityOf(text: string): Identity {
  return canonicalIdentity(text, DEFAULT_IDENTITY_RULES);
}

/** A CSR of `key` for an identity. */
export async function csrFor(key: Signer, text: string): Promise<Uint8Array> {
  return signCsr(key, identityOf(text).san);
}

/** A version as its owner sees it in an answer. */
export interface SeenVersion {
  readonly version: number;
  readonly commitment: Uint8Array;
  readonly record: IdentityRecord;
}

/** What an answer says about an identity; not verified. */
export function seenVersion(text: string, { version, opening, value }: SearchResponse): SeenVersion {
  if (version === undefined) throw new Error('an answer without a version');
  const { label } = identityOf(text);
  const commitment = commit({ opening, label, version, update: value });
  return { version, commitment, record: decodeIdentityRecord(value.value) };
}

/** What the encoded search proof of an issuance answer says about an identity; not verified. */
export function provedVersion(
  text: string,
  { proof }: { readonly proof: Uint8Array },
  { context }: { readonly context: { readonly configuration: Configuration } },
): SeenVersion {
  return seenVersion(text, decode(searchResponseCodec(context.configuration, { version: undefined }), proof));
}

/** SHA-256 of the keys that a record certifies. */
export function keysOf(record: IdentityRecord): Uint8Array[] {
  return record.certificates.map((certificate) => parseCertificate(certificate).spkiSha256);
}

/** A change from `seen` to the keys `after`, signed by `signer`. */
export async function signChange(
  text: string,
  seen: SeenVersion,
  signer: DeviceKey,
  after: readonly Uint8Array[],
  origin = 'log.example',
): Promise<SignedChange> {
  const request = encode(changeRequestCodec, {
    origin,
    label: identityOf(text).label,
    version: seen.version + 1,
    previousCommitment: seen.commitment,
    spkisAfter: sortedHashSet(after),
  });
  return { request, signer: signer.spkiSha256, signature: await signer.sign(changeMessage(request)) };
}
