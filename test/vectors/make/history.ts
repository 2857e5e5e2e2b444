import type { Issuer } from '../../../src/ca/authority.ts';
import { commit } from '../../../src/core/crypto/commitment.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import type { Authorization } from '../../../src/identity/authorization.ts';
import {
  changeMessage,
  type ChangeRequest,
  changeRequestCodec,
  sortedHashSet,
} from '../../../src/identity/change-request.ts';
import type { HeldVersion } from '../../../src/identity/continuity.ts';
import { encodeIdentityRecord, type IdentityRecord, NO_COMMITMENT } from '../../../src/identity/identity-record.ts';
import { KEYS, type KeyName, LABEL, ORIGIN, makeAuthority, makeCertificate, seededBytes, spkiHash } from './keys.ts';

/** A version with what opens its commitment. */
export interface MadeVersion extends HeldVersion {
  readonly opening: Uint8Array;
  readonly value: Uint8Array;
}

/** Every kind of version that a record can have, in the order in which they could happen. */
export interface History {
  readonly issuer: Issuer;
  readonly certificates: Readonly<Record<KeyName, Uint8Array>>;
  /** A second certificate of the laptop's key. */
  readonly renewed: Uint8Array;
  readonly versions: readonly MadeVersion[];
}

/** A record as a version of Alice's label. */
export function versionOf(version: number, record: IdentityRecord): MadeVersion {
  const opening = seededBytes(`opening ${version}`, 16);
  const value = encodeIdentityRecord(record);
  const update = { value, signature: undefined };
  return { version, record, opening, value, commitment: commit({ opening, label: LABEL, version, update }) };
}

/** The record that follows `previous`. */
export function recordAfter(
  previous: HeldVersion | undefined,
  certificates: readonly Uint8Array[],
  authorization: Authorization,
  pending?: IdentityRecord['pending'],
): IdentityRecord {
  return { previousCommitment: previous?.commitment ?? NO_COMMITMENT, certificates, pending, authorization };
}

/** What an owner signs to leave exactly these keys after `previous`. */
export function changeAfter(previous: HeldVersion, keys: readonly KeyName[]): ChangeRequest {
  const { version, commitment: previousCommitment } = previous;
  const spkisAfter = sortedHashSet(keys.map(spkiHash));
  return { origin: ORIGIN, label: LABEL, version: version + 1, previousCommitment, spkisAfter };
}

/** The authorization by a key that signs the change. */
export async function byKey(
  signer: KeyName,
  request: ChangeRequest,
): Promise<Authorization & { readonly type: 'key' }> {
  const message = changeMessage(encode(changeRequestCodec, request));
  return { type: 'key', signer: spkiHash(signer), signature: await KEYS[signer].sign(message) };
}

/** Makes the history: always the same bytes. */
export async function makeHistory(): Promise<History> {
  const issuer = await makeAuthority();
  const [phone, laptop, tablet, mallory] = (await Promise.all(
    (['phone', 'laptop', 'tablet', 'mallory'] as const).map((name) => makeCertificate(issuer, name)),
  )) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const renewed = await makeCertificate(issuer, 'laptop', 1);
  const versions: MadeVersion[] = [];
  const add = (
    certificates: readonly Uint8Array[],
    authorization: Authorization,
    pending?: IdentityRecord['pending'],
  ): MadeVersion => {
    const made = versionOf(versions.length, recordAfter(versions.at(-1), certificates, authorization, pending));
    versions.push(made);
    return made;
  };
  const first = add([phone], { type: 'initial', evidence: { type: 'application' } });
  add([phone, laptop], await byKey('phone', changeAfter(first, ['phone', 'laptop'])));
  add([laptop], { type: 'maintenance', kind: 'revocation', reason: 1 });
  add([laptop, renewed], { type: 'maintenance', kind: 'renewal' });
  add([renewed], { type: 'maintenance', kind: 'expiry' });
  const evidence = { type: 'oidc', issuer: 'https://login.example' } as const;
  add([renewed], { type: 'recovery', phase: 'requested' }, { spkiSha256: spkiHash('tablet'), evidence });
  const [firstPosition, lastPosition] = [40, 2 ** 33];
  add([tablet], { type: 'recovery', phase: 'effective', pendingVersion: 5, firstPosition, lastPosition });
  add([tablet, mallory], { type: 'operator', reason: 'ticket 4711: employee left' });
  add([], { type: 'maintenance', kind: 'erasure' });
  return { issuer, certificates: { phone, laptop, tablet, mallory }, renewed, versions };
}
