import type { Hono } from 'hono';
import { formatPem } from '../ca/pem.ts';
import { REVOCATION_REASONS } from '../contract/bodies.ts';
import { MAX_JSON_BODY_BYTES } from '../contract/limits.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { formatCertificateAnswer, formatRevocationAnswer } from '../contract/parse-answers.ts';
import { parseCertificateRequest, parseRevocationRequest } from '../contract/parse-requests.ts';
import { PATHS } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import { bearerToken, readJson } from './read-body.ts';
import { NO_STORE, respond } from './responses.ts';

/** `POST /v1/certificates` and `POST /v1/revocations`: two doors to the one issuance pipeline (DESIGN §8, §15). */
export function issuanceRoutes(app: Hono, service: LogService): void {
  app.post(PATHS.certificates, async (c) => {
    const token = bearerToken(c);
    const request = parseCertificateRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { identity, csr, change, last } = request;
    const usedToken = request.evidence.type === 'application-token' ? token : undefined;
    const issued = await service.issue({ identity, csr, token: usedToken, change, last });
    const answer = formatCertificateAnswer({
      ...issued,
      certificate: formatPem('CERTIFICATE', issued.certificate),
      chain: issued.chain.map((der) => formatPem('CERTIFICATE', der)),
      proof: service.encodeProof(issued.proof),
    });
    return respond(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, { status: 201 });
  });
  app.post(PATHS.revocations, async (c) => {
    const token = bearerToken(c);
    const request = parseRevocationRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const reason = REVOCATION_REASONS[request.reason];
    const revoked = await service.revoke({ ...request, reason, token });
    const answer = formatRevocationAnswer({ ...revoked, proof: service.encodeProof(revoked.proof) });
    return respond(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE);
  });
}
