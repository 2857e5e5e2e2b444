import type { Hono } from 'hono';
import { CERTIFICATE_MEDIA_TYPE, CRL_MEDIA_TYPE, JSON_MEDIA_TYPE, PEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { formatPem } from '../ca/der/pem.ts';
import { CA_PREFIX, CRL_PREFIX, PATHS } from '../contract/paths.ts';
import { ensure } from '../core/errors.ts';
import type { SignedCrl } from '../service/revocation/crl-service.ts';
import type { LogService } from '../service/log-service.ts';
import type { ReadTurns } from './read-turns.ts';
import { createResponse, holdsTag } from './responses.ts';

const CA_CACHE = 'public, max-age=3600';
const CRL_CACHE = 'public, max-age=60';
const CRL_PATH = /^(?:issuers\/(issuer-[0-9]{1,9})|(issuer))(?:\/(0|[1-9][0-9]{0,9})(-delta)?)?\.crl$/;

/** Documents for X.509 programs and new clients: CA certificates (DER) and the signed trust bundle (JSON). */
export interface PublicDocuments {
  readonly root: Uint8Array;
  readonly issuer: Uint8Array;
  readonly trustBundle: string;
}

/** Serves CA certificates, CRLs and the trust bundle. Clients take turns at CRLs, which may have to be signed. */
export function caRoutes(app: Hono, service: LogService, documents: PublicDocuments, turns: ReadTurns): void {
  const certificates: [string, string, Uint8Array][] = [
    [PATHS.rootPem, PATHS.rootDer, documents.root],
    [PATHS.issuerPem, PATHS.issuerDer, documents.issuer],
  ];
  for (const [pemPath, derPath, der] of certificates) {
    app.get(pemPath, () => createResponse(formatPem('CERTIFICATE', der), PEM_MEDIA_TYPE, CA_CACHE));
    app.get(derPath, () => createResponse(der, CERTIFICATE_MEDIA_TYPE, CA_CACHE));
  }
  for (const path of [PATHS.issuerCrl, `${CRL_PREFIX}issuer/*`, `${CRL_PREFIX}issuers/*`]) {
    app.get(path, async (c) => {
      const crl = await turns.run('crls', c, () => findCrl(service, c.req.path.slice(CRL_PREFIX.length)));
      return respondCrl(crl, c.req.header('if-none-match'));
    });
  }
  app.get(`${CA_PREFIX}*`, (c) => {
    const [, name, form] = /^(.*)\.(der|pem)$/.exec(c.req.path.slice(CA_PREFIX.length)) ?? [];
    const ca = service.context.reloadable.issuingCas.all.find((one) => one.name === name);
    ensure(ca !== undefined, 'not-found', 'there is no such issuing CA');
    const { der } = ca.issuer.certificate;
    if (form === 'der') return createResponse(der, CERTIFICATE_MEDIA_TYPE, CA_CACHE);
    return createResponse(formatPem('CERTIFICATE', der), PEM_MEDIA_TYPE, CA_CACHE);
  });
  app.get(PATHS.trustBundle, () => createResponse(documents.trustBundle, JSON_MEDIA_TYPE, 'no-cache'));
}

/**
 * Finds the CRL of an untrusted path. `<name>.crl` covers all certificates, `<name>/<N>.crl` one shard, and
 * `<name>/<N>-delta.crl` is that shard's delta. Throws `not-found`.
 */
async function findCrl({ crls }: LogService, path: string): Promise<SignedCrl> {
  const [, later, first, shard, delta] = CRL_PATH.exec(path) ?? [];
  const name = later ?? first;
  ensure(name !== undefined, 'not-found', 'there is no such CRL');
  const crl = shard === undefined ? crls.ofAll(name) : await crls.ofShard(name, Number(shard));
  ensure(crl !== undefined, 'not-found', 'there is no such CRL');
  return delta === undefined ? crl.current() : crl.delta();
}

/**
 * Answers 304 if the client already holds this CRL, by its untrusted `If-None-Match` (RFC 9110 §13.1.2): a CRL has half
 * a MB.
 */
function respondCrl({ der, digest, thisUpdateMs }: SignedCrl, ifNoneMatch: string | undefined): Response {
  const etag = `"${digest}"`;
  const headers = { etag, 'last-modified': new Date(thisUpdateMs).toUTCString() };
  if (holdsTag(ifNoneMatch, etag)) return createResponse(null, CRL_MEDIA_TYPE, CRL_CACHE, { status: 304, headers });
  return createResponse(der, CRL_MEDIA_TYPE, CRL_CACHE, { headers });
}
