import { createServer } from 'node:net';
import type { ParsedCertificate } from '../../ca/certificate.ts';
import { derSequence } from '../../ca/der/der-writer.ts';
import { encodeCertId } from '../../ca/ocsp/cert-id.ts';
import { OCSP_RESPONSE_MEDIA_TYPE } from '../../contract/media-types.ts';
import { PATHS } from '../../contract/paths.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { parseNote, verifyNote } from '../../core/audit/note.ts';
import { parseVkey } from '../../core/audit/vkey.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { encodeUtf8, formatBase64, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type ListenAddress, urlOf } from '../listen-address.ts';
import { failing, fine, type Finding, reasonOf, warning } from './finding.ts';
import { probe, type ProbeTools } from './probe.ts';

const PROXY = 'point the public URL at this server: its proxy must pass every path on as it is';

/** Checks that the public URL, which certificates name, leads through every proxy to a server of this log. */
export async function checkPublicUrl(
  publicUrl: string | undefined,
  bundle: TrustBundle,
  issuer: Pick<ParsedCertificate, 'subject' | 'publicKey'>,
  tools: ProbeTools,
): Promise<readonly Finding[]> {
  const check = 'public URL';
  if (publicUrl === undefined)
    return [
      warning(check, 'none: certificates name neither CRL nor OCSP', 'a new log can have one: init --public-url'),
    ];
  try {
    await assertOwnCheckpoint(publicUrl, bundle, tools);
  } catch (error) {
    return [failing(check, `${publicUrl}: ${reasonOf(error)}`, PROXY)];
  }
  return [fine(check, `${publicUrl} serves this log`), await checkOcsp(publicUrl, issuer, tools)];
}

/** Throws unless the server at `base` serves a checkpoint that a key of the bundle has signed. */
async function assertOwnCheckpoint(base: string, bundle: TrustBundle, tools: ProbeTools): Promise<void> {
  const { status, body } = await probe(tools, base + PATHS.checkpoint);
  ensure(status === 200, 'bad-response', `${PATHS.checkpoint} answers ${status}`);
  const note = parseNote(body);
  const isOurs = note.text.startsWith(`${bundle.origin}\n`);
  ensure(isOurs, 'bad-response', `serves another log, ${note.text.slice(0, note.text.indexOf('\n'))}`);
  verifyNote(note, bundle.auditLogVkeys.map(parseVkey));
}

/** OCSP's base64 in a path has slashes, which proxies like to merge or to decode (RFC 6960 appendix A). */
async function checkOcsp(
  publicUrl: string,
  issuer: Parameters<typeof encodeCertId>[0],
  tools: ProbeTools,
): Promise<Finding> {
  const check = 'OCSP by GET';
  const request = formatBase64(requestWithSlashes(issuer));
  for (const path of [request, encodeURIComponent(request)]) {
    const name = path === request ? 'plain slashes' : 'slashes as %2F';
    try {
      const { status, headers, body } = await probe(tools, `${publicUrl}${PATHS.ocsp}/${path}`);
      const isOcsp = status === 200 && headers.get('content-type') === OCSP_RESPONSE_MEDIA_TYPE;
      ensure(isOcsp, 'bad-response', `answers ${status}, and no OCSP response`);
      ensure(isAnswer(body), 'bad-response', 'the request arrived changed');
    } catch (error) {
      return failing(check, `with ${name}: ${reasonOf(error)}`, 'let the proxy merge and decode no slashes');
    }
  }
  return fine(check, 'answers through the public URL');
}

/** Returns an OCSP request whose base64 has two slashes in a row, and ones alone. */
function requestWithSlashes(issuer: Parameters<typeof encodeCertId>[0]): Uint8Array {
  for (let attempt = 0; ; attempt++) {
    const serial = formatHex(sha256(encodeUtf8(`doctor ${attempt}`)).subarray(0, 16));
    const request = derSequence(derSequence(derSequence(derSequence(encodeCertId(issuer, serial)))));
    if (formatBase64(request).includes('//')) return request;
  }
}

/** Returns true for `successful` and `unauthorized` (of a serial that nobody issued), false for `malformedRequest`. */
function isAnswer(response: Uint8Array): boolean {
  return /^30(?:[0-7].|81..|82....)0a010[06]/.test(formatHex(response));
}

/** Checks that `serve` could listen, or that a server of this log does. */
export async function checkPort(address: ListenAddress, bundle: TrustBundle, tools: ProbeTools): Promise<Finding> {
  const check = 'port';
  const name = `${address.host}:${address.port}`;
  const failure = await tryListening(address);
  if (failure === undefined) return fine(check, `${name} is free`);
  if (failure.code === 'EADDRINUSE') {
    try {
      await assertOwnCheckpoint(urlOf(address), bundle, tools);
      return fine(check, `a server of this log listens on ${name}`);
    } catch {
      return failing(check, `another program listens on ${name}`, 'stop it, or give serve another --listen');
    }
  }
  return failing(check, `cannot listen on ${name}: ${failure.message}`, 'give serve another --listen');
}

function tryListening({ host, port }: ListenAddress): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
