import type { Context, Hono } from 'hono';
import { formatPem } from '../ca/der/pem.ts';
import {
  type EmailChallengeAnswer,
  type OwnerKnowledge,
  type RegistrationGrantAnswer,
  type RequestEvidence,
  REVOCATION_REASONS,
} from '../contract/bodies.ts';
import { MAX_JSON_BODY_BYTES } from '../contract/input-sizes.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { formatCertificateAnswer, formatRevocationAnswer } from '../contract/parse-answers.ts';
import {
  parseCertificateRequest,
  parseEmailChallengeRequest,
  parseRegistrationGrantRequest,
  parseRevocationRequest,
} from '../contract/parse-requests.ts';
import { PATHS } from '../contract/paths.ts';
import {
  formatRecoveryAnswer,
  formatVetoAnswer,
  parseRecoveryRequest,
  parseVetoRequest,
  type RecoveryAnswer,
} from '../contract/recovery-bodies.ts';
import type { CertificateOrder } from '../service/issuance/requests.ts';
import type { LogService } from '../service/log-service.ts';
import type { RecoveryOutcome } from '../service/recovery/recovery-orders.ts';
import type { RateLimits } from './rate-limits.ts';
import type { LookupAccess } from './lookup-access.ts';
import { bearerToken, readJson } from './read-body.ts';
import { requestIdOf } from './request-id.ts';
import { NO_STORE, createResponse } from './responses.ts';

/**
 * Serves `POST /v1/certificates`, `/v1/email-challenges`, `/v1/registration-grants` and `/v1/revocations`
 * (`docs/architecture.md#one-registration`).
 */
export function issuanceRoutes(app: Hono, service: LogService, limits: RateLimits, access: LookupAccess): void {
  app.post(PATHS.certificates, async (c) => {
    const token = bearerToken(c);
    await limits.admit(c, token);
    const request = parseCertificateRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { identity, csr, change, last, owner } = request;
    const { evidence } = request;
    const requestId = requestIdOf(c);
    const shows = shown(evidence, token);
    const proveFirst = await mustProveFirst(c, service, access, { identity, change, ...shows });
    const proof = proofOf(owner);
    const issued = await service.issue({ identity, csr, ...shows, proveFirst, change, last, proof, requestId });
    const answer = formatCertificateAnswer({
      ...issued,
      certificate: formatPem('CERTIFICATE', issued.certificate),
      chain: issued.chain.map((der) => formatPem('CERTIFICATE', der)),
    });
    return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, {
      status: 201,
      headers: { 'x-request-id': requestId },
    });
  });
  app.post(PATHS.emailChallenges, async (c) => {
    await limits.admit(c, bearerToken(c));
    const request = parseEmailChallengeRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { challengeId, expiresInMs } = await service.challengeEmail(request);
    const challenge = Buffer.from(challengeId).toString('base64url');
    const answer: EmailChallengeAnswer = { challenge, expiresInSeconds: Math.floor(expiresInMs / 1000) };
    return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, { status: 202 });
  });
  app.post(PATHS.registrationGrants, async (c) => {
    const token = bearerToken(c);
    await limits.admit(c, token);
    const request = parseRegistrationGrantRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { grant, expiresInMs } = await service.grantRegistration({ ...request, token });
    const answer: RegistrationGrantAnswer = { grant, expiresInSeconds: Math.floor(expiresInMs / 1000) };
    return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, { status: 201 });
  });
  app.post(PATHS.revocations, async (c) => {
    const token = bearerToken(c);
    await limits.admit(c, token);
    const request = parseRevocationRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    if (token === undefined) await assertMayAsk(c, service, access, request.identity);
    const reason = REVOCATION_REASONS[request.reason];
    const requestId = requestIdOf(c);
    const proof = proofOf(request.owner);
    const revoked = await service.revoke({ ...request, reason, token, proof, requestId });
    const answer = formatRevocationAnswer(revoked);
    return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, {
      headers: { 'x-request-id': requestId },
    });
  });
}

/**
 * Serves `POST /v1/recoveries` and `POST /v1/vetoes`, for identities whose keys are lost
 * (`docs/spec.md#identity-record`).
 */
export function recoveryRoutes(app: Hono, service: LogService, limits: RateLimits, access: LookupAccess): void {
  app.post(PATHS.recoveries, async (c) => {
    const token = bearerToken(c);
    await limits.admit(c, token);
    const request = parseRecoveryRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { identity, csr, evidence, last } = request;
    const requestId = requestIdOf(c);
    const shows = shown(evidence, token);
    const proveFirst = await mustProveFirst(c, service, access, { identity, change: undefined, ...shows });
    const outcome = await service.recover({ identity, csr, ...shows, proveFirst, last, requestId });
    const status = outcome.state === 'effective' ? 201 : 202;
    const headers = { 'x-request-id': requestId };
    return createResponse(JSON.stringify(recoveryAnswer(outcome)), JSON_MEDIA_TYPE, NO_STORE, { status, headers });
  });
  app.post(PATHS.vetoes, async (c) => {
    await limits.admit(c, bearerToken(c));
    const request = parseVetoRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    await assertMayAsk(c, service, access, request.identity);
    const requestId = requestIdOf(c);
    const answer = formatVetoAnswer(await service.veto({ ...request, proof: proofOf(request.owner), requestId }));
    return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, {
      headers: { 'x-request-id': requestId },
    });
  });
}

function recoveryAnswer(outcome: RecoveryOutcome): RecoveryAnswer {
  if (outcome.state === 'undecided') return outcome;
  if (outcome.state === 'pending') {
    const { effectiveMs: effectiveAt, ...rest } = outcome;
    return formatRecoveryAnswer({ ...rest, effectiveAt });
  }
  const certificate = formatPem('CERTIFICATE', outcome.certificate);
  const chain = outcome.chain.map((der) => formatPem('CERTIFICATE', der));
  return formatRecoveryAnswer({ ...outcome, certificate, chain });
}

/**
 * Returns true if the evidence must be verified before anything is looked up, because the name is private. A client
 * with only a key, or with a change that anybody can have written, learns from the answer whether the log has the name:
 * it must be allowed to look it up. Throws `unauthenticated`, `rate-limited`, `invalid-identity`.
 */
async function mustProveFirst(
  c: Context,
  service: LogService,
  access: LookupAccess,
  { identity, token, evidence, change }: Pick<CertificateOrder, 'identity' | 'token' | 'evidence' | 'change'>,
): Promise<boolean> {
  if (token !== undefined) return false;
  if (evidence !== undefined && change === undefined) return access.isPrivate(service.labelOf(identity));
  await assertMayAsk(c, service, access, identity);
  return false;
}

async function assertMayAsk(c: Context, service: LogService, access: LookupAccess, identity: string): Promise<void> {
  const { assertMayAsk: assertLabel } = await access.asking(c);
  assertLabel(service.labelOf(identity));
}

/** Selects the evidence for the pipeline. A token beside other evidence counts for limits only. */
function shown(evidence: RequestEvidence, token: string | undefined): Pick<CertificateOrder, 'token' | 'evidence'> {
  if (evidence.type === 'application-token') return { token };
  if (evidence.type !== 'email') return { token: undefined, evidence: evidence.type === 'key' ? undefined : evidence };
  const { type, challenge, code } = evidence;
  return { token: undefined, evidence: { type, challengeId: Buffer.from(challenge, 'base64url'), code } };
}

/** Returns the proof that a client wants: one for an owner if it names itself owner. */
function proofOf(owner: OwnerKnowledge | undefined): CertificateOrder['proof'] {
  return owner === undefined ? 'search' : { owner };
}
