import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes, parseHex } from '../../core/encoding/bytes.ts';
import type { CertificateContents } from '../certificate.ts';
import { DerTag } from '../der/der-reader.ts';
import { der, derOid, derSequence, derUnsigned } from '../der/der-writer.ts';
import type { CertId } from './ocsp-request.ts';

const SHA1_OID = '1.3.14.3.2.26';
const SHA256_OID = '2.16.840.1.101.3.4.2.1';

/** The parts of an issuer's certificate that a CertID names. */
interface IssuerNames extends Pick<CertificateContents, 'subject'> {
  readonly publicKey: Pick<CertificateContents['publicKey'], 'keyBits'>;
}

/** The hashes by which CertIDs name an issuer. */
export interface IssuerHashes {
  readonly nameHash: Uint8Array;
  readonly keyHash: Uint8Array;
}

/** The hashes in CertIDs of an issuer's certificates, by the identifier of the hash function. */
export type IssuerIds = ReadonlyMap<string, IssuerHashes>;

/**
 * Computes the hashes of an issuer by SHA-256 (RFC 6960 §4.1.1) and by SHA-1, which most programs send. SHA-1 only
 * finds the issuer; no security rests on it (RFC 5019 §2.1.1).
 */
export function issuerIds({ subject, publicKey }: IssuerNames): IssuerIds {
  const functions = [
    [SHA1_OID, sha1],
    [SHA256_OID, sha256],
  ] as const;
  return new Map(
    functions.map(([oid, hash]) => [oid, { nameHash: hash(subject.der), keyHash: hash(publicKey.keyBits) }]),
  );
}

/** Returns true if a CertID (untrusted) names a certificate of that issuer. */
export function isCertIdOf(ids: IssuerIds, { hashOid, issuerNameHash, issuerKeyHash }: CertId): boolean {
  const own = ids.get(hashOid);
  if (own === undefined) return false;
  return equalBytes(own.nameHash, issuerNameHash) && equalBytes(own.keyHash, issuerKeyHash);
}

/** SHA-1 of the key's bits: names the key that signed a response (RFC 6960 §4.2.1, KeyHash). */
export function responderKeyHash({ publicKey }: Pick<IssuerNames, 'publicKey'>): Uint8Array {
  return sha1(publicKey.keyBits);
}

/** Encodes a CertID by SHA-1 (RFC 5019 §2.1.1). `serial` is lower-case hex. */
export function encodeCertId(issuer: IssuerNames, serial: string): Uint8Array {
  return derSequence(
    derSequence(derOid(SHA1_OID), der(0x05)),
    der(DerTag.octetString, sha1(issuer.subject.der)),
    der(DerTag.octetString, sha1(issuer.publicKey.keyBits)),
    derUnsigned(parseHex(serial)),
  );
}
