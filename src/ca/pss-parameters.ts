import { decodeError } from '../core/errors.ts';
import { type DerReader, DerTag } from './der/der-reader.ts';
import { readOid, readSmallUnsigned } from './der/der-values.ts';

/** Accepted hash functions of signatures. Ed25519 has its own. */
export type SignatureHash = 'SHA-256' | 'SHA-384' | 'SHA-512';

/** Parameters of RSASSA-PSS (RFC 4055 §3.1): the mask's hash is the message's. */
export interface PssParameters {
  readonly hash: SignatureHash;
  readonly saltLength: number;
}

const HASHES: ReadonlyMap<string, SignatureHash> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
]);
const MGF1_OID = '1.2.840.113549.1.1.8';
/** The longest salt that a modulus of 4,096 bits has room for. */
const MAX_SALT = 512;

/**
 * Reads RSASSA-PSS-params (untrusted): SHA-2, and MGF1 with the same hash. The defaults of the fields are SHA-1, so
 * that all but the salt's length must be there. Throws `malformed-encoding`.
 */
export function readPssParameters(reader: DerReader): PssParameters {
  const fields = reader.enter();
  const hash = readHash(single(fields, 0xa0));
  const mask = single(fields, 0xa1);
  if (readOid(mask) !== MGF1_OID) throw decodeError('a mask generation function other than MGF1');
  if (readHash(mask) !== hash) throw decodeError('MGF1 with a hash other than that of the message');
  const salt = fields.optional(0xa2)?.values;
  const saltLength = salt === undefined ? 20 : readSmallUnsigned(salt);
  const trailer = fields.optional(0xa3)?.values;
  const isKnownTrailer = trailer === undefined || readSmallUnsigned(trailer) === 1;
  fields.end();
  if (saltLength > MAX_SALT || !isKnownTrailer) throw decodeError('RSASSA-PSS with a wrong salt or trailer');
  return { hash, saltLength };
}

/** Enters the AlgorithmIdentifier in `[n] EXPLICIT`. */
function single(fields: DerReader, tag: number): DerReader {
  const wrapper = fields.enter(tag);
  const algorithm = wrapper.enter();
  wrapper.end();
  return algorithm;
}

/** Reads a hash's AlgorithmIdentifier; `reader` is inside it, or before one. */
function readHash(reader: DerReader): SignatureHash {
  const algorithm = reader.nextTag === DerTag.sequence ? reader.enter() : reader;
  const hash = HASHES.get(readOid(algorithm));
  if (hash === undefined) throw decodeError('RSASSA-PSS with a hash that is not accepted');
  const parameters = algorithm.optional(0x05);
  if (parameters !== undefined && parameters.content.length > 0) throw decodeError('bad NULL');
  algorithm.end();
  reader.end();
  return hash;
}
