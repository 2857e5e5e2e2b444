import { decodeError, ensure } from '../../core/errors.ts';
import { assertNoneCritical, type CertId, readCertId, readNonce } from './ocsp-request.ts';
import { type DerReader, DerTag, readSingle } from '../der/der-reader.ts';
import { readGeneralizedTime, readOctetAlignedBits, readOid, readSmallUnsigned } from '../der/der-values.ts';
import { OCSP_BASIC_OID } from '../der/oids.ts';
import { parseVerifiedAlgorithm, type VerifiedAlgorithm } from '../signature-algorithm.ts';
import { withCode } from '../der/with-code.ts';

/** The status that one answer states. */
export type OcspStatus = 'good' | 'revoked' | 'unknown';

/** The answer about one certificate (RFC 6960 §4.2.1). */
export interface ParsedAnswer {
  readonly certId: CertId;
  readonly status: OcspStatus;
  readonly thisUpdateMs: number;
  /** undefined: newer information is always available. */
  readonly nextUpdateMs: number | undefined;
}

/** The name by which a response identifies its signer. */
export type ResponderId =
  | { readonly type: 'name'; readonly name: Uint8Array }
  | { readonly type: 'key'; readonly hash: Uint8Array };

/** A parsed basic OCSP response. Nothing in it is verified. */
export interface ParsedOcspResponse {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: VerifiedAlgorithm;
  readonly signature: Uint8Array;
  readonly responder: ResponderId;
  readonly producedAtMs: number;
  readonly answers: readonly ParsedAnswer[];
  readonly nonce: Uint8Array | undefined;
  /** DER certificates, not checked. The responder's own is among them unless the CA itself signed. */
  readonly certificates: readonly Uint8Array[];
}

const MAX_RESPONSE_BYTES = 65_536;
const MAX_ANSWERS = 64;
const MAX_CERTIFICATES = 8;
const SUCCESSFUL = 0;
const ENUMERATED = 0x0a;

/**
 * Reads a DER OCSP response (RFC 6960 §4.2.1; untrusted): successful, basic, version 1. Throws `bad-certificate`, also
 * for critical extensions and for a response that only says why there is no answer.
 */
export function parseOcspResponse(der: Uint8Array): ParsedOcspResponse {
  return withCode('bad-certificate', 'OCSP response', () => {
    ensure(der.length <= MAX_RESPONSE_BYTES, 'bad-certificate', 'OCSP response too large');
    const outer = readSingle(der).values;
    const status = outer.read(ENUMERATED).content;
    if (status.length !== 1) throw decodeError('a status of a wrong length');
    if (status[0] !== SUCCESSFUL) throw decodeError(`the responder does not answer: status ${status[0]}`);
    const bytes = outer.enter(0xa0);
    outer.end();
    const typed = bytes.enter();
    bytes.end();
    if (readOid(typed) !== OCSP_BASIC_OID) throw decodeError('not a basic response');
    const basic = readSingle(typed.read(DerTag.octetString).content).values;
    typed.end();
    const tbs = basic.read();
    const signatureAlgorithm = parseVerifiedAlgorithm(basic.read().raw);
    const signature = readOctetAlignedBits(basic);
    const certificates = basic.optional(0xa0);
    basic.end();
    return {
      tbs: tbs.raw,
      signatureAlgorithm,
      signature,
      certificates: certificates === undefined ? [] : readCertificates(certificates.values),
      ...readData(readSingle(tbs.raw).values),
    };
  });
}

type ResponseData = Pick<ParsedOcspResponse, 'responder' | 'producedAtMs' | 'answers' | 'nonce'>;

function readData(data: DerReader): ResponseData {
  const version = data.optional(0xa0);
  if (version !== undefined && readSmallUnsigned(version.values) !== 0) throw decodeError('not version 1');
  const responder = readResponder(data);
  const producedAtMs = readGeneralizedTime(data);
  const list = data.enter();
  const answers: ParsedAnswer[] = [];
  while (!list.done) {
    if (answers.length === MAX_ANSWERS) throw decodeError('too many answers');
    answers.push(readAnswer(list.enter()));
  }
  const extensions = data.optional(0xa1);
  data.end();
  return { responder, producedAtMs, answers, nonce: extensions && readNonce(extensions.values) };
}

function readResponder(data: DerReader): ResponderId {
  const byName = data.optional(0xa1);
  if (byName !== undefined) return { type: 'name', name: readSingle(byName.content).raw };
  const byKey = data.enter(0xa2);
  const hash = byKey.read(DerTag.octetString).content;
  byKey.end();
  return { type: 'key', hash };
}

const STATUS: ReadonlyMap<number, OcspStatus> = new Map([
  [0x80, 'good'],
  [0xa1, 'revoked'],
  [0x82, 'unknown'],
]);

function readAnswer(reader: DerReader): ParsedAnswer {
  const certId = readCertId(reader);
  const { tag, content } = reader.read();
  const status = STATUS.get(tag);
  if (status === undefined || (status !== 'revoked' && content.length > 0))
    throw decodeError('a status of an unknown form');
  const thisUpdateMs = readGeneralizedTime(reader);
  const next = reader.optional(0xa0)?.values;
  const nextUpdateMs = next && readGeneralizedTime(next);
  next?.end();
  const extensions = reader.optional(0xa1);
  reader.end();
  if (extensions !== undefined) assertNoneCritical(extensions.content);
  return { certId, status, thisUpdateMs, nextUpdateMs };
}

function readCertificates(outer: DerReader): Uint8Array[] {
  const list = outer.enter();
  outer.end();
  const certificates: Uint8Array[] = [];
  while (!list.done) {
    if (certificates.length === MAX_CERTIFICATES) throw decodeError('too many certificates');
    certificates.push(list.read(DerTag.sequence).raw);
  }
  return certificates;
}
