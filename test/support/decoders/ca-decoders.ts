import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import { createIssuingCa, createRoot } from '../../../src/ca/authority.ts';
import { encodeAlternativeName, parseAlternativeNames } from '../../../src/ca/alternative-names.ts';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { parseCertificateExtensions, parseRawExtensions } from '../../../src/ca/certificate-extensions.ts';
import { encodeCompanionKeys, parseCompanionKeys } from '../../../src/ca/companion-keys.ts';
import { decodeCsrPem } from '../../../src/ca/csr/csr.ts';
import { DerReader } from '../../../src/ca/der/der-reader.ts';
import { parseDistinguishedName } from '../../../src/ca/distinguished-name.ts';
import { parsePrivateKey } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { formatPem, parsePem, parsePemBlocks } from '../../../src/ca/der/pem.ts';
import { parsePublicKey, parseVerificationKey } from '../../../src/ca/public-key.ts';
import {
  encodeSignatureAlgorithm,
  parseSignatureAlgorithm,
  parseVerifiedAlgorithm,
} from '../../../src/ca/signature-algorithm.ts';
import type { SignerAlgorithm } from '../../../src/core/crypto/signer.ts';
import { companionsOf } from '../companions.ts';
import { type Decoder, ofText } from './decoder.ts';

function newKey(algorithm: SignerAlgorithm): KeyObject {
  if (algorithm === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  return generateKeyPairSync('ec', { namedCurve: algorithm === 'p256' ? 'P-256' : 'P-384' }).privateKey;
}

const ALGORITHMS: readonly SignerAlgorithm[] = ['p256', 'p384', 'ed25519'];
const keys = ALGORITHMS.map(newKey);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const common = { nowMs: Date.UTC(2026, 10, 23), random: (length: number) => new Uint8Array(randomBytes(length)) };
const root = await createRoot({ ...common, signer: signerFromKey(newKey('p256')), commonName: 'Root' });
const issuing = await createIssuingCa({
  ...common,
  root,
  signer: signerFromKey(newKey('ed25519')),
  commonName: 'Issuing',
  urls: { crl: 'http://ca.example/1.crl', caIssuers: 'http://ca.example/1.der' },
});
const certificates = [root.certificate, issuing.certificate];

/** The encoded extensions of a certificate: what stands in `[3]` at the end of its signed part. */
function extensionsOf(tbs: Uint8Array): Uint8Array {
  const reader = new DerReader(tbs).read(0x30).values;
  for (;;) {
    const { tag, values } = reader.read();
    if (tag === 0xa3) return values.read(0x30).raw;
  }
}

/** What reads DER keeps the bytes that it has read: only how it refuses is looked at. */
export function ofDer(
  name: string,
  inputs: readonly Uint8Array[],
  read: (der: Uint8Array) => unknown,
  code: string,
): Decoder {
  return {
    name,
    inputs: fc.constantFrom(...inputs),
    read: (input) => {
      const value = read(input);
      return () => (value === undefined ? new Uint8Array() : input);
    },
    refusals: [code, 'weak-key'],
    canonical: true,
    selfDelimiting: true,
  };
}

const MALFORMED = 'malformed-encoding';
/** RSASSA-PSS with SHA-384 and a salt of 48 bytes. */
const PSS_SHA384 = parseHex(
  '304106092a864886f70d01010a3034a00f300d06096086480165030402020500' +
    'a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130',
);
const spkis = [...keys.map((key) => signerFromKey(key).spki), rsa.publicKey.export({ format: 'der', type: 'spki' })];
const names = [
  encodeAlternativeName({ kind: 'email', value: 'alice@example.com' }),
  encodeAlternativeName({ kind: 'email', value: 'jürgen@example.com' }),
  encodeAlternativeName({ kind: 'uri', value: 'tel:+15551234567' }),
];
const both = companionsOf(1);
const pems = fc.uint8Array({ minLength: 1, maxLength: 120 });
const keyPems = keys.map((key) => key.export({ format: 'pem', type: 'pkcs8' }) as string);

/** What reads DER and PEM of certificates, requests and keys. */
export const CA_DECODERS: readonly Decoder[] = [
  ofDer(
    'parsePublicKey',
    spkis.map((spki) => new Uint8Array(spki)),
    parsePublicKey,
    'bad-key',
  ),
  ofDer(
    'parseVerificationKey',
    spkis.map((spki) => new Uint8Array(spki)),
    (spki) => parseVerificationKey(spki),
    'bad-key',
  ),
  ofDer(
    'parseCertificate',
    certificates.map(({ der }) => der),
    parseCertificate,
    'bad-certificate',
  ),
  ofDer(
    'parseRawExtensions',
    certificates.map(({ tbs }) => extensionsOf(tbs)),
    parseRawExtensions,
    MALFORMED,
  ),
  ofDer(
    'parseCertificateExtensions',
    certificates.map(({ tbs }) => extensionsOf(tbs)),
    (der) => parseCertificateExtensions(parseRawExtensions(der)),
    MALFORMED,
  ),
  ofDer(
    'parseCompanionKeys',
    [both, { x25519: both.x25519 }, { mlKem768: both.mlKem768 }].map(encodeCompanionKeys),
    parseCompanionKeys,
    MALFORMED,
  ),
  ofDer('parseAlternativeNames', names, parseAlternativeNames, MALFORMED),
  ofDer(
    'parseDistinguishedName',
    certificates.map(({ subject }) => subject.der),
    parseDistinguishedName,
    MALFORMED,
  ),
  ofDer(
    'parseSignatureAlgorithm',
    ALGORITHMS.map((algorithm) => encodeSignatureAlgorithm(algorithm)),
    parseSignatureAlgorithm,
    MALFORMED,
  ),
  ofDer('parseVerifiedAlgorithm', [PSS_SHA384], parseVerifiedAlgorithm, MALFORMED),
  ofText({
    name: 'parsePem',
    texts: pems.map((der) => formatPem('CERTIFICATE', der)),
    read: (text) => parsePem('CERTIFICATE', text),
    write: (der) => formatPem('CERTIFICATE', der),
    refusals: [MALFORMED],
    canonical: false,
  }),
  ofText({
    name: 'parsePemBlocks',
    texts: fc.array(pems, { maxLength: 3 }).map((ders) => ders.map((der) => formatPem('CERTIFICATE', der)).join('x\n')),
    read: (text) => parsePemBlocks('CERTIFICATE', text),
    write: (ders) => ders.map((der) => formatPem('CERTIFICATE', der)).join(''),
    refusals: [MALFORMED],
    canonical: false,
  }),
  ofText({
    name: 'decodeCsrPem',
    texts: pems.map((der) => formatPem('NEW CERTIFICATE REQUEST', der)),
    read: decodeCsrPem,
    write: (der) => formatPem('CERTIFICATE REQUEST', der),
    refusals: ['bad-csr'],
    canonical: false,
  }),
  ofText({
    name: 'parsePrivateKey',
    texts: fc.constantFrom(...keyPems),
    read: (text) => parsePrivateKey(text, 'passphrase'),
    write: (key) => key.export({ format: 'pem', type: 'pkcs8' }) as string,
    refusals: ['bad-key-file'],
    canonical: false,
  }),
];
