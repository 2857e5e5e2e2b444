import type { Context, Hono } from 'hono';
import { MAX_CSR_CHARACTERS } from '../contract/input-sizes.ts';
import { CERTS_ONLY_MEDIA_TYPE, CSR_ATTRIBUTES_MEDIA_TYPE, CSR_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import { decodeUtf8, formatBase64, parseBase64 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { EstService } from '../service/est/est-service.ts';
import type { LogService } from '../service/log-service.ts';
import type { RateLimits } from './rate-limits.ts';
import { readBody } from './read-body.ts';
import { requestIdOf } from './request-id.ts';
import { NO_STORE, createResponse, respondProblem } from './responses.ts';
import { type CertificateHeader, shownCertificate } from './shown-certificate.ts';

/** Seconds after which a client asks again for a certificate that is not released yet. */
const RETRY_SECONDS = 2;

/**
 * Serves EST (RFC 7030): `cacerts`, `csrattrs`, `simpleenroll`, `simplereenroll`. Credentials are HTTP Basic or a
 * client certificate.
 */
export function estRoutes(app: Hono, service: LogService, limits: RateLimits, header: () => CertificateHeader): void {
  const est = new EstService(service);
  app.get(PATHS.estCaCerts, () => respondBase64(est.caCertificates(), CERTS_ONLY_MEDIA_TYPE));
  app.get(PATHS.estCsrAttributes, () => respondBase64(est.csrAttributes(), CSR_ATTRIBUTES_MEDIA_TYPE));
  const enroll = (path: string, work: (...order: Parameters<EstService['enroll']>) => Promise<Uint8Array>): void => {
    app.post(path, (c) =>
      answered(requestIdOf(c), async () => {
        const token = basicToken(c);
        await limits.admit(c, token);
        const clientCertificate = shownCertificate(c, header());
        const csr = readCsr(await readBody(c, CSR_MEDIA_TYPE, MAX_CSR_CHARACTERS));
        const made = await work({ csr, token, clientCertificate, requestId: requestIdOf(c) });
        return respondBase64(made, CERTS_ONLY_MEDIA_TYPE, { 'x-request-id': requestIdOf(c) });
      }),
    );
  };
  enroll(PATHS.estEnroll, (order) => est.enroll(order));
  enroll(PATHS.estReenroll, (order) => est.reenroll(order));
}

/**
 * Answers 202 if the certificate is not released yet (RFC 7030 §4.2.3), and asks for HTTP Basic if credentials are
 * missing (§3.2.3).
 */
async function answered(requestId: string, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (isGlasskeyError(error, 'timed-out')) {
      const headers = { 'retry-after': String(RETRY_SECONDS), 'x-request-id': requestId };
      const text = 'The certificate is not released yet: send the same request again.\n';
      return createResponse(text, 'text/plain', NO_STORE, { status: 202, headers });
    }
    if (!isGlasskeyError(error, 'unauthenticated')) throw error;
    const response = respondProblem(error, requestId);
    response.headers.set('www-authenticate', 'Basic realm="glasskey", charset="UTF-8"');
    return response;
  }
}

/** Responds with base64 in lines (RFC 7030 §4, RFC 8951 §3.1). Some clients still read `content-transfer-encoding`. */
function respondBase64(der: Uint8Array, type: string, headers: Readonly<Record<string, string>> = {}): Response {
  const lines = formatBase64(der).replaceAll(/.{64}/g, '$&\r\n').trimEnd();
  return createResponse(`${lines}\r\n`, type, NO_STORE, {
    headers: { 'content-transfer-encoding': 'base64', ...headers },
  });
}

/**
 * Reads base64 of DER, with line ends or without (RFC 8951 §3.1), or PEM. Ignores Content-Transfer-Encoding. Throws
 * `bad-csr`.
 */
function readCsr(body: Uint8Array): Uint8Array | string {
  try {
    const text = decodeUtf8(body);
    return text.startsWith('-----BEGIN ') ? text : parseBase64(text.replaceAll(/[ \t\r\n]/g, ''));
  } catch (cause) {
    throw new GlasskeyError('bad-csr', 'the body is not a PKCS #10 request in base64', { cause });
  }
}

/**
 * Returns the application token: the password of HTTP Basic (RFC 7617), whatever the user's name; undefined if there is
 * no Authorization header. Throws `unauthenticated` for any other Authorization header.
 */
function basicToken(c: Context): string | undefined {
  const header = c.req.header('authorization');
  if (header === undefined) return undefined;
  const [, encoded] = /^Basic ([A-Za-z0-9+/]{1,1024}={0,2})$/i.exec(header) ?? [];
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('latin1');
  const [, token] = /^[^:]*:([A-Za-z0-9._~+/=-]{1,512})$/.exec(text) ?? [];
  ensure(
    token !== undefined,
    'unauthenticated',
    'the Authorization header is not HTTP Basic with an application token',
  );
  return token;
}
