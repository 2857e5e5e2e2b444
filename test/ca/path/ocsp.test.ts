import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Issuer } from '../../../src/ca/authority.ts';
import type { ParsedCertificate } from '../../../src/ca/certificate.ts';
import { issueLeaf } from '../../../src/ca/issue.ts';
import { createKey } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { encodeCertId } from '../../../src/ca/ocsp/cert-id.ts';
import { createOcspFailure, createOcspResponse, type OcspContent } from '../../../src/ca/ocsp/create-ocsp-response.ts';
import { createOcspResponder, type OcspResponder } from '../../../src/ca/ocsp/responder-certificate.ts';
import { checkOcsp, type OcspRequirements } from '../../../src/ca/path/check-ocsp.ts';
import { parsePathCertificate, type PathCertificate } from '../../../src/ca/path/path-certificate.ts';
import { formatPem } from '../../../src/ca/der/pem.ts';
import { newSerial } from '../../../src/ca/serial.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import type { GlasskeyError } from '../../../src/core/errors.ts';
import { createHierarchy, leafRequest, openssl, spkiOf, temporaryFolder } from '../support.ts';

const HOUR_MS = 3_600_000;
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const folder = temporaryFolder();
afterAll(folder.remove);

let issuing: Issuer;
let other: Issuer;
let responder: OcspResponder;
let serial: string;
let path: readonly PathCertificate[];

const newResponder = async (issuer: Issuer, notBeforeMs: number, notAfterMs: number): Promise<OcspResponder> => {
  const signer = signerFromKey(await createKey('p256'));
  return createOcspResponder(issuer, { signer, serial: newSerial(randomBytes), notBeforeMs, notAfterMs });
};

beforeAll(async () => {
  ({ issuing } = await createHierarchy('p256', nowMs));
  ({ issuing: other } = await createHierarchy('p256', nowMs));
  responder = await newResponder(issuing, nowMs - HOUR_MS, nowMs + 24 * HOUR_MS);
  const request = leafRequest(issuing, spkiOf(generateKeyPairSync('ed25519').publicKey));
  serial = formatHex(request.serial);
  const leaf = await issueLeaf(issuing, request);
  path = [leaf, issuing.certificate.der].map((der) => parsePathCertificate(der));
  writeFileSync(join(folder.path, 'issuing.pem'), formatPem('CERTIFICATE', issuing.certificate.der));
  writeFileSync(join(folder.path, 'leaf.pem'), formatPem('CERTIFICATE', leaf));
});

const good = (of: Issuer = issuing, serialOf = serial) => ({
  certId: encodeCertId(of.certificate, serialOf),
  status: { type: 'good' } as const,
});
const answer = (content: Partial<OcspContent> = {}, by: OcspResponder = responder): Promise<Uint8Array> =>
  createOcspResponse(by, {
    answers: [good()],
    thisUpdateMs: nowMs - 60_000,
    nextUpdateMs: nowMs + HOUR_MS,
    ...content,
  });
const judged = (responses: readonly Uint8Array[], more: Partial<OcspRequirements> = {}): Promise<string> =>
  checkOcsp(path, responses, { atMs: nowMs, ...more }).then(
    () => 'good',
    (error: unknown) => (error as GlasskeyError).code,
  );

describe('an OCSP response of ours', () => {
  it('is believed for what it says', async () => {
    const status = { type: 'revoked', revokedAtMs: nowMs, reason: 'superseded' } as const;
    const unknown = { ...good(), status: { type: 'unknown' } as const };
    expect(await judged([await answer()])).toBe('good');
    expect(await judged([await answer({ answers: [{ ...good(), status }] })])).toBe('certificate-revoked');
    expect(await judged([await answer(), await answer({ answers: [{ ...good(), status }] })])).toBe(
      'certificate-revoked',
    );
    expect(await judged([await answer({ answers: [unknown] })])).toBe('bad-certificate');
    expect(await judged([await answer({ answers: [good(issuing, '41'), good()] })])).toBe('good');
    // Of two answers about one certificate, the worse one counts.
    expect(await judged([await answer({ answers: [good(), { ...good(), status }] })])).toBe('certificate-revoked');
    expect(await judged([await answer({ answers: [good(), unknown] })])).toBe('bad-certificate');
  });

  it('is about this certificate of this issuer, now', async () => {
    expect(await judged([])).toBe('bad-certificate');
    expect(await judged([await answer({ answers: [good(issuing, '41')] })])).toBe('bad-certificate');
    expect(await judged([await answer({ answers: [good(other)] })])).toBe('bad-certificate');
    const response = await answer();
    // A clock may be slow by five minutes.
    expect(await judged([response], { atMs: nowMs - 6 * 60_000 })).toBe('good');
    expect(await judged([response], { atMs: nowMs - 6 * 60_000 - 1000 })).toBe('bad-certificate');
    expect(await judged([response], { atMs: nowMs + HOUR_MS })).toBe('good');
    expect(await judged([response], { atMs: nowMs + 2 * HOUR_MS })).toBe('bad-certificate');
  });

  it('answers the question that was asked', async () => {
    const nonce = new Uint8Array(32).fill(3);
    expect(await judged([await answer({ nonce })], { nonce })).toBe('good');
    expect(await judged([await answer({ nonce })])).toBe('good');
    expect(await judged([await answer({ nonce: new Uint8Array(32) })], { nonce })).toBe('bad-certificate');
    expect(await judged([await answer()], { nonce })).toBe('bad-certificate');
  });

  it('is by a responder that the issuer certified, whose time has not passed', async () => {
    const strange = await newResponder(other, nowMs - HOUR_MS, nowMs + 24 * HOUR_MS);
    expect(await judged([await answer({}, strange)])).toBe('bad-certificate');
    const expired = await newResponder(issuing, nowMs - 2 * HOUR_MS, nowMs - HOUR_MS);
    const late = { ...expired, certificate: { ...expired.certificate, notAfterMs: nowMs + 24 * HOUR_MS } };
    expect(await judged([await answer({}, late)])).toBe('bad-certificate');
    const early = await answer({ thisUpdateMs: nowMs - 2 * HOUR_MS }, late);
    expect(await judged([early], { atMs: nowMs - 2 * HOUR_MS })).toBe('good');
    // A leaf of the issuer may not answer: it is not certified for that.
    const signer = signerFromKey(await createKey('p256'));
    const leaf = parsePathCertificate(await issueLeaf(issuing, leafRequest(issuing, signer.spki)));
    const always = { notBeforeMs: 0, notAfterMs: nowMs + 24 * HOUR_MS };
    const certificate = { ...(leaf.signed as ParsedCertificate), ...always };
    expect(await judged([await answer({}, { certificate, signer })])).toBe('bad-certificate');
    // Nor a responder's certificate with another key.
    expect(await judged([await answer({}, { certificate: responder.certificate, signer })])).toBe('bad-certificate');
  });

  it('is an answer', async () => {
    expect(await judged([createOcspFailure('tryLater')])).toBe('bad-certificate');
    const response = await answer();
    expect(await judged([new Uint8Array([...response, 0])])).toBe('bad-certificate');
    expect(await judged([new Uint8Array(70_000)])).toBe('bad-certificate');
  });

  it('is refused with any byte changed, but where it says nothing of this', async () => {
    const response = await answer();
    const certificateAt = Buffer.from(response).indexOf(responder.certificate.der);
    const accepted: number[] = [];
    for (let i = 0; i < response.length; i += 1) {
      const damaged = response.slice();
      damaged[i] = (damaged[i] ?? 0) ^ (1 + (i % 255));
      if ((await judged([damaged])) === 'good') accepted.push(i);
    }
    expect(accepted.filter((i) => i < certificateAt)).toEqual([]);
    expect(accepted).toEqual([]);
  });
});

describe('an OCSP response of openssl', () => {
  const signed = (index: string, signer: readonly string[], hash = '-sha1'): Uint8Array => {
    writeFileSync(join(folder.path, 'index.txt'), index);
    writeFileSync(join(folder.path, 'index.txt.attr'), '');
    openssl(
      ['ocsp', hash, '-issuer', 'issuing.pem', '-cert', 'leaf.pem', '-no_nonce', '-reqout', 'request.der'],
      folder.path,
    );
    const made = ['ocsp', '-index', 'index.txt', '-CA', 'issuing.pem', '-reqin', 'request.der', '-respout', 'r.der'];
    openssl([...made, '-ndays', '1', ...signer], folder.path);
    return new Uint8Array(readFileSync(join(folder.path, 'r.der')));
  };
  const line = (status: string, revoked: string) =>
    `${status}\t491231235959Z\t${revoked}\t${serial.toUpperCase()}\tunknown\t/CN=x\n`;
  /** Certifies a responder's key with these extensions. */
  const delegate = (name: string, extensions: string, days = '2'): readonly string[] => {
    const at = (file: string): string => join(folder.path, file);
    writeFileSync(at(`${name}.ext`), extensions);
    openssl(
      [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-subj',
        '/CN=r',
        '-out',
        `${name}.csr`,
      ],
      folder.path,
    );
    openssl(
      [
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-days',
        days,
        '-extfile',
        `${name}.ext`,
        '-out',
        `${name}.pem`,
      ],
      folder.path,
    );
    return ['-rsigner', `${name}.pem`, '-rkey', `${name}.key`];
  };

  beforeAll(async () => {
    // An issuer whose key openssl has, too.
    writeFileSync(join(folder.path, 'l.ext'), 'keyUsage=digitalSignature\n');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(join(folder.path, 'ca.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    openssl(
      [
        'req',
        '-x509',
        '-new',
        '-key',
        'ca.key',
        '-subj',
        '/CN=CA',
        '-days',
        '30',
        '-out',
        'ca.pem',
        '-addext',
        'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
      ],
      folder.path,
    );
    openssl(
      [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        'l.key',
        '-subj',
        '/CN=leaf',
        '-out',
        'l.csr',
      ],
      folder.path,
    );
    openssl(
      [
        'x509',
        '-req',
        '-in',
        'l.csr',
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-days',
        '3',
        '-extfile',
        'l.ext',
        '-set_serial',
        `0x${serial}`,
        '-out',
        'leaf.pem',
      ],
      folder.path,
    );
    openssl(['x509', '-in', 'ca.pem', '-out', 'issuing.pem'], folder.path);
    const der = (name: string): Uint8Array => {
      openssl(['x509', '-in', `${name}.pem`, '-outform', 'DER', '-out', `${name}.der`], folder.path);
      return new Uint8Array(readFileSync(join(folder.path, `${name}.der`)));
    };
    path = [der('leaf'), der('issuing')].map((one) => parsePathCertificate(one));
  });

  const atMs = (): number => Date.now();
  const PURPOSE = 'extendedKeyUsage=OCSPSigning\nkeyUsage=digitalSignature\n';

  it('is read, by the CA itself and by its responder', async () => {
    const ca = ['-rsigner', 'ca.pem', '-rkey', 'ca.key'];
    const own = delegate('responder', `${PURPOSE}noCheck=ignored\n`);
    for (const signer of [ca, own, [...own, '-resp_key_id']]) {
      expect(await judged([signed(line('V', ''), signer)], { atMs: atMs() })).toBe('good');
      expect(await judged([signed(line('R', '260101000000Z,keyCompromise'), signer)], { atMs: atMs() })).toBe(
        'certificate-revoked',
      );
      expect(await judged([signed('', signer)], { atMs: atMs() })).toBe('bad-certificate');
    }
    expect(await judged([signed(line('V', ''), ca, '-sha256')], { atMs: atMs() })).toBe('good');
    // Nobody knows SHA-512 by name here: it is an answer about nothing.
    expect(await judged([signed(line('V', ''), ca, '-sha512')], { atMs: atMs() })).toBe('bad-certificate');
  });

  it('is not believed by a certificate that is not for it, or that would have to be looked up itself', async () => {
    for (const [name, extensions] of [
      ['nopurpose', 'keyUsage=digitalSignature\nnoCheck=ignored\n'],
      ['otherpurpose', 'extendedKeyUsage=clientAuth\nnoCheck=ignored\n'],
      ['checked', PURPOSE],
      ['nousage', 'extendedKeyUsage=OCSPSigning\nkeyUsage=keyAgreement\nnoCheck=ignored\n'],
      ['critical', `${PURPOSE}noCheck=ignored\n1.2.3.4=critical,ASN1:NULL\n`],
    ] as const) {
      const response = signed(line('V', ''), delegate(name, extensions));
      expect([name, await judged([response], { atMs: atMs() })]).toEqual([name, 'bad-certificate']);
    }
  });
});
