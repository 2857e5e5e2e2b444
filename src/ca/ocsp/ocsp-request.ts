import { formatHex } from '../../core/encoding/bytes.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { parseRawExtensions } from '../certificate-extensions.ts';
import { type DerReader, DerTag, readSingle } from '../der/der-reader.ts';
import { readOid, readSmallUnsigned, readUnsigned } from '../der/der-values.ts';
import { OCSP_NONCE_OID } from '../der/oids.ts';

/** Names the certificate of a question or an answer (RFC 6960 §4.1.1). */
export interface CertId {
  /** The original encoding: an answer repeats it. */
  readonly raw: Uint8Array;
  /** The object identifier of the hash function. */
  readonly hashOid: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Lower-case hex, as in `ParsedCertificate.serial`. */
  readonly serial: string;
}

/** A parsed OCSP request. Its signature, if any, is ignored (RFC 5019 §2.1.1). */
export interface OcspRequest {
  readonly certIds: readonly CertId[];
  /** RFC 9654; undefined if the client sent none. */
  readonly nonce: Uint8Array | undefined;
}

/** The longest accepted request; HTTP has the same bound. */
const MAX_REQUEST_BYTES = 4_096;
/** Questions in one request. */
const MAX_QUESTIONS = 16;
/** RFC 9654 §2.1. */
const MAX_NONCE_BYTES = 128;
const MAX_SERIAL_BYTES = 20;
const MAX_HASH_BYTES = 64;

/**
 * Reads a DER OCSP request (RFC 6960 §4.1.1, RFC 9654; untrusted) of 1 to 16 questions. Ignores unknown extensions
 * unless they are critical. Throws `malformed-encoding`.
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  ensure(der.length <= MAX_REQUEST_BYTES, 'malformed-encoding', 'OCSP request too large');
  const outer = readSingle(der).values;
  const tbs = outer.enter();
  outer.optional(0xa0);
  outer.end();
  const version = tbs.optional(0xa0);
  if (version !== undefined && readSmallUnsigned(version.values) !== 0) throw decodeError('not an OCSP v1 request');
  tbs.optional(0xa1);
  const questions = tbs.enter();
  const certIds: CertId[] = [];
  do {
    if (certIds.length === MAX_QUESTIONS) throw decodeError('too many questions');
    certIds.push(readQuestion(questions.enter()));
  } while (!questions.done);
  const extensions = tbs.optional(0xa2);
  tbs.end();
  return { certIds, nonce: extensions === undefined ? undefined : readNonce(extensions.values) };
}

function readQuestion(question: DerReader): CertId {
  const certId = readCertId(question);
  const extensions = question.optional(0xa0);
  question.end();
  if (extensions !== undefined) assertNoneCritical(extensions.content);
  return certId;
}

/** Reads one CertID (untrusted). Throws `malformed-encoding`. */
export function readCertId(reader: DerReader): CertId {
  const element = reader.read(DerTag.sequence);
  const fields = element.values;
  const hashOid = readOid(fields.enter());
  const issuerNameHash = fields.read(DerTag.octetString).content;
  const issuerKeyHash = fields.read(DerTag.octetString).content;
  const tooLong = issuerNameHash.length > MAX_HASH_BYTES || issuerKeyHash.length > MAX_HASH_BYTES;
  if (tooLong) throw decodeError('a hash too long');
  const serial = formatHex(readUnsigned(fields, MAX_SERIAL_BYTES));
  fields.end();
  return { raw: element.raw, hashOid, issuerNameHash, issuerKeyHash, serial };
}

/** Refuses every critical extension except the nonce. Throws `malformed-encoding`. */
export function assertNoneCritical(extensions: Uint8Array): void {
  const critical = parseRawExtensions(extensions).find((one) => one.critical && one.oid !== OCSP_NONCE_OID);
  if (critical !== undefined) throw decodeError(`critical OCSP extension ${critical.oid} is not processed`);
}

/**
 * Finds the nonce among extensions (RFC 9654 §2.1: 1 to 128 bytes); undefined if there is none. Throws
 * `malformed-encoding`.
 */
export function readNonce(reader: DerReader): Uint8Array | undefined {
  const list = reader.read(DerTag.sequence).raw;
  reader.end();
  assertNoneCritical(list);
  const found = parseRawExtensions(list).find(({ oid }) => oid === OCSP_NONCE_OID);
  if (found === undefined) return undefined;
  const nonce = readSingle(found.value, DerTag.octetString).content;
  if (nonce.length === 0 || nonce.length > MAX_NONCE_BYTES) throw decodeError('a nonce of a wrong length');
  return nonce;
}
