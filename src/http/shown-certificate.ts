import { TLSSocket } from 'node:tls';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { parsePem } from '../ca/der/pem.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import { remoteAddress } from './remote-address.ts';
import { TrustedProxies } from './trusted-proxies.ts';

/** The proxies whose word on client certificates counts. */
export interface CertificateHeader {
  /** Header in which a proxy passes the certificate on; undefined: the server reads none. */
  readonly name: string | undefined;
  /** Addresses and networks of the proxies that the server believes. */
  readonly trustedProxies: readonly string[];
}

/** Longest header with a certificate, in characters. */
const MAX_CHARACTERS = 12_288;

/**
 * Returns the client certificate (DER), after TLS has proved possession of its key: on this connection, or to a proxy
 * that passes it on in a header. Believes trusted proxies only, because a client can write any header. Returns
 * undefined if there is none. Throws `unauthenticated` for a header without a certificate.
 */
export function shownCertificate(c: Context, header: CertificateHeader): Uint8Array | undefined {
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
  const socket = incoming?.socket;
  const own = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (own !== undefined) return new Uint8Array(own.raw);
  if (header.name === undefined || !new TrustedProxies(header.trustedProxies).has(remoteAddress(c))) return undefined;
  const text = c.req.header(header.name)?.trim() ?? '';
  return text === '' ? undefined : readHeader(text);
}

/** Reads the form of RFC 9440 (`:BASE64:`), or the percent-encoded PEM of nginx. */
function readHeader(text: string): Uint8Array {
  try {
    if (text.length > MAX_CHARACTERS) throw new RangeError('too long');
    const [, base64] = /^:([A-Za-z0-9+/=]+):$/.exec(text) ?? [];
    return base64 === undefined ? parsePem('CERTIFICATE', decodeURIComponent(text)) : parseBase64(base64);
  } catch (cause) {
    throw new GlasskeyError('unauthenticated', 'cannot read the client certificate in the proxy’s header', { cause });
  }
}
