import { formatBase64 } from '../core/encoding/bytes.ts';
import type {
  CertificateAnswer,
  CertificateResult,
  EmailChallengeAnswer,
  RevocationAnswer,
  RevocationResult,
} from './bodies.ts';
import { JsonFields } from './json-fields.ts';
import { MAX_SERIALS } from './input-sizes.ts';
import { readChallenge } from './parse-requests.ts';
import { readPem } from './pem-text.ts';

const CODE = 'bad-response';
const MAX_CERTIFICATE_CHARACTERS = 64 * 1024;
const MAX_CHAIN = 8;
const MAX_PROOF_BYTES = 4 * 1024 * 1024;
const HEX = /^(?:[0-9a-f]{2})+$/;

/**
 * Reads a server's answer to `POST /v1/certificates`, already parsed from JSON. Ignores unknown members, because a
 * newer server may send more. Trust nothing in it before its proof is verified. Throws `bad-response`.
 */
export function parseCertificateAnswer(body: unknown): CertificateResult {
  const fields = new JsonFields(body, CODE, 'answer');
  const certificate = fields.string('certificate', MAX_CERTIFICATE_CHARACTERS);
  const chain = fields.strings('chain', { minimum: 1, maximum: MAX_CHAIN }, MAX_CERTIFICATE_CHARACTERS);
  for (const pem of [certificate, ...chain]) {
    if (readPem(pem, ['CERTIFICATE']) === undefined) throw fields.failure('chain', 'holds no CERTIFICATE in PEM');
  }
  return { ...readPlace(fields), serial: readSerial(fields), certificate, chain };
}

/** Reads a server's answer to `POST /v1/revocations`, as {@link parseCertificateAnswer} does. Throws `bad-response`. */
export function parseRevocationAnswer(body: unknown): RevocationResult {
  const fields = new JsonFields(body, CODE, 'answer');
  const revoked = fields.strings('revoked', { minimum: 0, maximum: MAX_SERIALS }, 40);
  if (!revoked.every((serial) => HEX.test(serial))) throw fields.failure('revoked', 'is not lower-case hex');
  return { ...readPlace(fields), revoked };
}

/**
 * Reads the position of a version and its proof, as {@link parseCertificateAnswer} does: the whole answer to a veto.
 * Throws `bad-response`.
 */
export function parsePlacedAnswer(body: unknown): Omit<RevocationResult, 'revoked'> {
  return readPlace(new JsonFields(body, CODE, 'answer'));
}

/** Reads a server's answer to `POST /v1/email-challenges`, already parsed from JSON. Throws `bad-response`. */
export function parseEmailChallengeAnswer(body: unknown): EmailChallengeAnswer {
  const fields = new JsonFields(body, CODE, 'answer');
  return { challenge: readChallenge(fields), expiresInSeconds: fields.integer('expiresInSeconds') };
}

/** Formats an answer as JSON, its proof in base64. */
export function formatCertificateAnswer(result: CertificateResult): CertificateAnswer {
  return { ...result, proof: formatBase64(result.proof) };
}

/** Formats an answer as JSON, its proof in base64. */
export function formatRevocationAnswer(result: RevocationResult): RevocationAnswer {
  return { ...result, proof: formatBase64(result.proof) };
}

function readPlace(fields: JsonFields) {
  const version = fields.integer('version');
  if (version > 0xffff_ffff) throw fields.failure('version', 'is not an integer of 0 to 2^32-1');
  return {
    identity: fields.string('identity', 512),
    version,
    position: fields.integer('position'),
    treeSize: fields.integer('treeSize'),
    proof: fields.base64('proof', { minimum: 0, maximum: MAX_PROOF_BYTES }),
  };
}

function readSerial(fields: JsonFields): string {
  const serial = fields.string('serial', 40);
  if (!HEX.test(serial)) throw fields.failure('serial', 'is not lower-case hex');
  return serial;
}
