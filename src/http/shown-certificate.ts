import { TLSSocket } from 'node:tls';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { parsePem } from '../ca/der/pem.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import { plainAddress, remoteAddress } from './remote-address.ts';

/** Whose word on client certificates counts. */
export interface CertificateHeader {
  /** The header in which a proxy passes the certificate; undefined: none is read. */
  readonly name: string | undefined;
  /** Proxies that are believed, by the address of the connection. */
  readonly trustedProxies: readonly string[];
}

/** Most characters of a certificate in a header. */
const MAX_CHARACTERS = 12_288;

/**
 * The certificate (DER) of which TLS has shown that the client has its key: of this very connection, or passed on by a proxy in a header. Nobody but a
 * trusted proxy is believed: a client can write any header. undefined: none. Throws `unauthenticated` for a header that holds no certificate.
 */
export function shownCertificate(c: Context, header: CertificateHeader): Uint8Array | undefined {
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
  const socket = incoming?.socket;
  const own = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (own !== undefined) return new Uint8Array(own.raw);
  if (header.name === undefined || !header.trustedProxies.includes(plainAddress(remoteAddress(c)))) return undefined;
  const text = c.req.header(header.name)?.trim() ?? '';
  return text === '' ? undefined : readHeader(text);
}

/** RFC 9440 (`:BASE64:`), or the percent-encoded PEM of nginx. */
function readHeader(text: string): Uint8Array {
  try {
    if (text.length > MAX_CHARACTERS) throw new RangeError('too long');
    const [, base64] = /^:([A-Za-z0-9+/=]+):$/.exec(text) ?? [];
    return base64 === undefined ? parsePem('CERTIFICATE', decodeURIComponent(text)) : parseBase64(base64);
  } catch (cause) {
    throw new GlasskeyError('unauthenticated', 'the client certificate of the proxy cannot be read', { cause });
  }
}
