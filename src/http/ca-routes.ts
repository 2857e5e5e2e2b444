import type { Hono } from 'hono';
import { CERTIFICATE_MEDIA_TYPE, CRL_MEDIA_TYPE, JSON_MEDIA_TYPE, PEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { formatPem } from '../ca/pem.ts';
import { PATHS } from '../contract/paths.ts';
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
  app.get(PATHS.issuerCrl, async () => respond((await service.crl.current()).der, CRL_MEDIA_TYPE, CRL_CACHE));
  app.get(PATHS.trustBundle, () => respond(documents.trustBundle, JSON_MEDIA_TYPE, 'no-cache'));
}
