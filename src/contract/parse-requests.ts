import { formatBase64 } from '../core/encoding/bytes.ts';
import { MAX_SIGNATURE_FORMAT_2 } from '../identity/authorization.ts';
import type { SignedChange } from '../identity/change-request.ts';
import {
  type AcmeKeyRequest,
  type CertificateRequest,
  type CertificateRequestBody,
  type ChangeBody,
  type EmailChallengeRequest,
  type OwnerKnowledge,
  type RegistrationGrantRequest,
  type RequestEvidence,
  REVOCATION_REASONS,
  type RevocationBody,
  type RevocationReason,
  type RevocationRequest,
} from './bodies.ts';
import { JsonFields } from './json-fields.ts';
import {
  MAX_ACME_KEY_SECONDS,
  MAX_CODE_CHARACTERS,
  MAX_CSR_CHARACTERS,
  MAX_GRANT_CHARACTERS,
  MAX_GRANT_SECONDS,
  MAX_ID_TOKEN_CHARACTERS,
  MAX_IDENTITY_CHARACTERS,
  MAX_SERIALS,
} from './input-sizes.ts';
import { readPem } from './pem-text.ts';

const CODE = 'invalid-request';

/** Longest encoding of a ChangeRequest: origin, label, version, commitment and 255 hashes. */
const MAX_CHANGE_BYTES = 2 * 256 + 4 + 32 + 1 + 255 * 32;

const CHALLENGE = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Names of the allowed revocation reasons. */
const REASONS = Object.keys(REVOCATION_REASONS) as readonly RevocationReason[];

/**
 * Reads the JSON of `POST /v1/certificates`, already parsed. Refuses unknown members. Checks that the CSR is one PEM
 * block, but not its content. Throws `invalid-request`; messages never repeat the request.
 */
export function parseCertificateRequest(body: unknown): CertificateRequest {
  const fields = new JsonFields(body, CODE).only(['identity', 'csr', 'evidence', 'change', 'last', 'owner']);
  const change = readChange(fields);
  return {
    identity: fields.string('identity', MAX_IDENTITY_CHARACTERS),
    csr: readCsr(fields),
    evidence: readEvidence(fields, change !== undefined),
    change,
    last: readLast(fields),
    ...readOwner(fields),
  };
}

/** Reads the JSON of `POST /v1/email-challenges`, as {@link parseCertificateRequest} does. Throws `invalid-request`. */
export function parseEmailChallengeRequest(body: unknown): EmailChallengeRequest {
  const fields = new JsonFields(body, CODE).only(['identity', 'csr']);
  return { identity: fields.string('identity', MAX_IDENTITY_CHARACTERS), csr: readCsr(fields) };
}

/**
 * Reads the JSON of `POST /v1/registration-grants`, as {@link parseCertificateRequest} does. Throws `invalid-request`.
 */
export function parseRegistrationGrantRequest(body: unknown): RegistrationGrantRequest {
  const fields = new JsonFields(body, CODE).only(['identity', 'key', 'lifetimeSeconds']);
  return {
    identity: fields.string('identity', MAX_IDENTITY_CHARACTERS),
    spkiSha256: fields.has('key') ? fields.base64('key', { minimum: 32, maximum: 32 }) : undefined,
    lifetimeMs: readLifetime(fields, MAX_GRANT_SECONDS),
  };
}

/** Reads the JSON of `POST /v1/acme-keys`, as {@link parseCertificateRequest} does. Throws `invalid-request`. */
export function parseAcmeKeyRequest(body: unknown): AcmeKeyRequest {
  const fields = new JsonFields(body, CODE).only(['identity', 'lifetimeSeconds', 'vouches']);
  return {
    vouches: fields.has('vouches') ? fields.boolean('vouches') : undefined,
    identity: fields.has('identity') ? fields.string('identity', MAX_IDENTITY_CHARACTERS) : undefined,
    lifetimeMs: readLifetime(fields, MAX_ACME_KEY_SECONDS),
  };
}

/** Reads a lifetime in seconds; returns ms. */
function readLifetime(fields: JsonFields, maximum: number): number | undefined {
  if (!fields.has('lifetimeSeconds')) return undefined;
  const seconds = fields.integer('lifetimeSeconds');
  if (seconds < 1 || seconds > maximum) throw fields.failure('lifetimeSeconds', `is not an integer of 1 to ${maximum}`);
  return seconds * 1000;
}

/** Reads the JSON of `POST /v1/revocations`, already parsed. Throws `invalid-request`. */
export function parseRevocationRequest(body: unknown): RevocationRequest {
  const fields = new JsonFields(body, CODE).only(['identity', 'serials', 'all', 'reason', 'change', 'last', 'owner']);
  return {
    identity: fields.string('identity', MAX_IDENTITY_CHARACTERS),
    serials: readSerials(fields),
    reason: fields.has('reason') ? fields.oneOf('reason', REASONS) : 'unspecified',
    change: readChange(fields),
    last: readLast(fields),
    ...readOwner(fields),
  };
}

/** Reads the members of a veto, which must include a change. Throws as `fields` does. */
export function readVetoFields(
  fields: JsonFields,
): Pick<RevocationRequest, 'identity' | 'last' | 'owner'> & { readonly change: SignedChange } {
  const change = readChange(fields);
  if (change === undefined) throw fields.failure('change', 'is missing');
  const identity = fields.string('identity', MAX_IDENTITY_CHARACTERS);
  return { identity, change, last: readLast(fields), ...readOwner(fields) };
}

/** Formats a certificate request as JSON. */
export function formatCertificateRequest(request: CertificateRequest): CertificateRequestBody {
  const { identity, csr, evidence } = request;
  return { identity, csr, evidence, ...formatOptional(request) };
}

/** Formats a veto as JSON. */
export function formatVetoRequest(request: Omit<CertificateRequest, 'csr' | 'evidence'>) {
  return { identity: request.identity, ...formatOptional(request) };
}

/** Formats a revocation as JSON. */
export function formatRevocationRequest(request: RevocationRequest): RevocationBody {
  const { identity, serials, reason } = request;
  const which = serials === 'all' ? { all: true as const } : { serials };
  return { identity, ...which, reason, ...formatOptional(request) };
}

function formatOptional({ change, last, owner }: Pick<CertificateRequest, 'change' | 'last' | 'owner'>) {
  return {
    ...(change === undefined ? {} : { change: formatChange(change) }),
    ...(last === undefined ? {} : { last }),
    ...(owner === undefined ? {} : { owner: formatOwner(owner) }),
  };
}

function formatOwner({ greatestVersion }: OwnerKnowledge): OwnerKnowledge {
  return greatestVersion === undefined ? {} : { greatestVersion };
}

function formatChange({ request, signer, signature }: SignedChange): ChangeBody {
  return { request: formatBase64(request), signer: formatBase64(signer), signature: formatBase64(signature) };
}

function readChange(fields: JsonFields): SignedChange | undefined {
  if (!fields.has('change')) return undefined;
  const change = fields.object('change').only(['request', 'signer', 'signature']);
  return {
    request: change.base64('request', { minimum: 1, maximum: MAX_CHANGE_BYTES }),
    signer: change.base64('signer', { minimum: 32, maximum: 32 }),
    signature: change.base64('signature', { minimum: 1, maximum: MAX_SIGNATURE_FORMAT_2 }),
  };
}

function readCsr(fields: JsonFields): string {
  const csr = fields.string('csr', MAX_CSR_CHARACTERS);
  if (readPem(csr, ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']) === undefined) {
    throw fields.failure('csr', 'is not one CERTIFICATE REQUEST in PEM');
  }
  return csr;
}

/** A first registration comes with evidence, a later one with a change. */
function readEvidence(fields: JsonFields, isChange: boolean): RequestEvidence {
  if (!fields.has('evidence')) return { type: isChange ? 'key' : 'application-token' };
  const evidence = fields.object('evidence');
  const type = evidence.oneOf('type', ['application-token', 'key', 'oidc', 'grant', 'email']);
  if (type === 'application-token' || type === 'key') return { type: evidence.only(['type']) && type };
  if (isChange) throw fields.failure('evidence', 'is not allowed beside a change');
  if (type === 'oidc') {
    return { type, token: evidence.only(['type', 'token']).string('token', MAX_ID_TOKEN_CHARACTERS) };
  }
  if (type === 'grant') {
    return { type, grant: evidence.only(['type', 'grant']).string('grant', MAX_GRANT_CHARACTERS) };
  }
  const challenge = readChallenge(evidence.only(['type', 'challenge', 'code']));
  return { type, challenge, code: evidence.string('code', MAX_CODE_CHARACTERS) };
}

/** Reads the name of a challenge: 16 bytes in canonical base64url. Throws as `fields` does. */
export function readChallenge(fields: JsonFields): string {
  const challenge = fields.string('challenge', 22);
  if (!CHALLENGE.test(challenge)) throw fields.failure('challenge', 'is not the name of a challenge');
  return challenge;
}

function readLast(fields: JsonFields): number | undefined {
  return fields.has('last') ? fields.integer('last') : undefined;
}

function readOwner(fields: JsonFields): { readonly owner?: OwnerKnowledge } {
  if (!fields.has('owner')) return {};
  const owner = fields.object('owner').only(['greatestVersion']);
  if (!owner.has('greatestVersion')) return { owner: {} };
  const greatestVersion = owner.integer('greatestVersion');
  if (greatestVersion > 0xffff_ffff) throw owner.failure('greatestVersion', 'is not an integer of 0 to 2^32-1');
  return { owner: { greatestVersion } };
}

function readSerials(fields: JsonFields): readonly string[] | 'all' {
  if (fields.has('serials') === fields.has('all')) throw fields.failure('serials', 'and all exclude each other');
  if (fields.has('all')) return fields.true('all') && 'all';
  const serials = fields.strings('serials', { minimum: 1, maximum: MAX_SERIALS }, 40);
  if (!serials.every((serial) => /^(?:[0-9a-f]{2})+$/.test(serial))) {
    throw fields.failure('serials', 'are not lower-case hex');
  }
  if (new Set(serials).size !== serials.length) throw fields.failure('serials', 'name one serial twice');
  return serials;
}
