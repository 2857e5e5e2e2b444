import { parseCertificate } from '../../ca/certificate.ts';
import { nodeVerifySpkiSignature } from '../../ca/node-verify-signature.ts';
import { parsePem } from '../../ca/der/pem.ts';
import type { Issuer } from '../../ca/authority.ts';
import { encodeUtf8, formatBase64, formatHex, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { Erasure } from '../issuance/erase-identity.ts';
import { formatTrailHead } from './read-trail.ts';

const DOMAIN = 'glasskey erasure receipt v1';
const MAX_CHARACTERS = 16 * 1024;
const LINE = /^(?:[a-z][a-z-]*: [^\n]{1,2048}\n)+$/;

/** The order of the lines. */
const NAMES = ['log', 'identity', 'label-key', 'version', 'position', 'erased', 'deleted', 'trail', 'issuer'] as const;

/** The lines of a receipt: one text for each name. */
export type ReceiptLines = Readonly<Record<(typeof NAMES)[number], string>>;

/**
 * Makes a receipt for the person whose data was erased: readable lines of text, signed by the issuing CA. It also names
 * the end of the trail, so that its holder can detect a rewritten trail. It is the only place that still has the
 * identity, and the server keeps no copy.
 */
export async function signErasureReceipt(origin: string, issuer: Issuer, erasure: Erasure): Promise<string> {
  const { identity, labelKey, version, position, erasedMs, deleted, trail } = erasure;
  const lines: ReceiptLines = {
    log: origin,
    identity,
    'label-key': formatHex(labelKey),
    version: String(version),
    position: String(position),
    erased: new Date(erasedMs).toISOString(),
    deleted: `${deleted.versions} versions, ${deleted.certificates} certificates`,
    trail: formatTrailHead(trail),
    issuer: issuer.certificate.serial,
  };
  const body = NAMES.map((name) => `${name}: ${lines[name]}\n`).join('');
  return `${DOMAIN}\n${body}signature: ${formatBase64(await issuer.signer.sign(signedBytes(body)))}\n`;
}

/**
 * Verifies that a CA of `issuers` (PEM) signed an untrusted receipt, and returns its lines. Throws `malformed-encoding`
 * for anything but a receipt, `untrusted-issuer`, `bad-signature`.
 */
export async function verifyErasureReceipt(text: string, issuers: readonly string[]): Promise<ReceiptLines> {
  const [, body = '', signature = ''] =
    /^glasskey erasure receipt v1\n((?:[^\n]+\n){9})signature: ([A-Za-z0-9+/=]{1,4416})\n$/.exec(
      text.slice(0, MAX_CHARACTERS),
    ) ?? [];
  ensure(LINE.test(body), 'malformed-encoding', 'this is not an erasure receipt');
  const values = body.split('\n').slice(0, -1);
  const lines = Object.fromEntries(
    NAMES.map((name, i) => {
      const prefix = `${name}: `;
      ensure(
        values[i]?.startsWith(prefix) === true,
        'malformed-encoding',
        `the receipt lacks the line ${name} in its place`,
      );
      return [name, values[i].slice(prefix.length)];
    }),
  ) as ReceiptLines;
  const certificates = issuers.map((pem) => parseCertificate(parsePem('CERTIFICATE', pem)));
  const issuer = certificates.find(({ serial }) => serial === lines.issuer);
  ensure(issuer !== undefined, 'untrusted-issuer', 'the receipt is not signed by a CA of the trust bundle');
  try {
    await nodeVerifySpkiSignature(issuer.spki, signedBytes(body), parseBase64(signature));
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw new GlasskeyError('bad-signature', 'the signature of the receipt is wrong', { cause: error });
  }
  return lines;
}

/**
 * Returns the signed bytes. They cannot be a certificate, a CRL or an OCSP response: those begin with a SEQUENCE tag.
 */
function signedBytes(body: string): Uint8Array {
  return encodeUtf8(`${DOMAIN}\0${body}`);
}
