import type { Hono } from 'hono';
import { CERTIFICATE_MEDIA_TYPE, CRL_MEDIA_TYPE, JSON_MEDIA_TYPE, PEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { formatPem } from '../ca/pem.ts';
import { CA_PREFIX, CRL_PREFIX, PATHS } from '../contract/paths.ts';
import { ensure } from '../core/errors.ts';
import type { CrlService } from '../service/crl-service.ts';
import type { LogService } from '../service/log-service.ts';
import { respond } from './responses.ts';

const CA_CACHE = 'public, max-age=3600';
const CRL_CACHE = 'public, max-age=60';

/** What X.509 programs and new clients fetch: CA certificates (DER) and the signed trust bundle (JSON). */
export interface PublicDocuments {
  readonly root: Uint8Array;
  readonly issuer: Uint8Array;
  readonly trustBundle: string;
}

/** CA certificates, the CRL, and the trust bundle. */
export function caRoutes(app: Hono, service: LogService, documents: PublicDocuments): void {
  const certificates: [string, string, Uint8Array][] = [
    [PATHS.rootPem, PATHS.rootDer, documents.root],
    [PATHS.issuerPem, PATHS.issuerDer, documents.issuer],
  ];
  for (const [pemPath, derPath, der] of certificates) {
    app.get(pemPath, () => respond(formatPem('CERTIFICATE', der), PEM_MEDIA_TYPE, CA_CACHE));
    app.get(derPath, () => respond(der, CERTIFICATE_MEDIA_TYPE, CA_CACHE));
  }
  app.get(PATHS.issuerCrl, () => respondCrl(service.crl));
  app.get(`${CRL_PREFIX}*`, (c) => {
    const [, name] = /^(.*)\.crl$/.exec(c.req.path.slice(CRL_PREFIX.length)) ?? [];
    return respondCrl(name === undefined ? undefined : service.crlOf(name));
  });
  app.get(`${CA_PREFIX}*`, (c) => {
    const [, name, form] = /^(.*)\.(der|pem)$/.exec(c.req.path.slice(CA_PREFIX.length)) ?? [];
    const ca = service.context.issuingCas.all.find((one) => one.name === name);
    ensure(ca !== undefined, 'not-found', 'there is no such issuing CA');
    const { der } = ca.issuer.certificate;
    if (form === 'der') return respond(der, CERTIFICATE_MEDIA_TYPE, CA_CACHE);
    return respond(formatPem('CERTIFICATE', der), PEM_MEDIA_TYPE, CA_CACHE);
  });
  app.get(PATHS.trustBundle, () => respond(documents.trustBundle, JSON_MEDIA_TYPE, 'no-cache'));
}

async function respondCrl(crl: CrlService | undefined): Promise<Response> {
  ensure(crl !== undefined, 'not-found', 'there is no such issuing CA');
  return respond((await crl.current()).der, CRL_MEDIA_TYPE, CRL_CACHE);
}
