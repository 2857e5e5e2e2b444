import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { BitString, Integer, OctetString } from 'asn1js';
import { build } from 'esbuild';
import {
  AlgorithmIdentifier,
  AltName,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CertificationRequest,
  CryptoEngine,
  DistributionPoint,
  Extension,
  ExtKeyUsage,
  CRLDistributionPoints,
  GeneralName,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  setEngine,
  Time,
  TimeType,
} from 'pkijs';
import { createIssuingCa, createRoot, type Issuer } from '../src/ca/authority.ts';
import { parseCertificate } from '../src/ca/certificate.ts';
import { signCsr } from '../src/ca/csr/sign-csr.ts';
import { parseCsr } from '../src/ca/csr/csr.ts';
import { ExtensionOid } from '../src/ca/der/oids.ts';
import { encodeKeyUsage } from '../src/ca/extension-writer.ts';
import { issueLeaf, type LeafRequest } from '../src/ca/issue.ts';
import { createKey } from '../src/ca/keys/key-file.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import { DEFAULT_PROFILE, leafKeyUsage, leafValidity } from '../src/ca/profile.ts';
import { keyIdentifier, parsePublicKey } from '../src/ca/public-key.ts';
import { newSerial } from '../src/ca/serial.ts';
import { equalBytes } from '../src/core/encoding/bytes.ts';
import { round } from './load.ts';
import { describeMachine } from './machine.ts';

const USAGE = `usage: npm run bench:der -- [--runs 400] [--rounds 15]

Compares our DER reader and writer with pkijs and asn1js: reading a leaf certificate, reading a request and verifying its
signature, writing a leaf (with a signature that costs nothing, and with P-256). The two take turns, round by round, in
one process; both write the same bytes. Prints JSON: median microseconds of processor time, all threads,
and pkijs over ours. Bundles are minified, gzip.`;

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const CRL_URL = 'http://ca.example/crl/1.crl';
const URI = 6;
const RFC822_NAME = 1;

/** One thing done twice: by us and by pkijs. */
interface Contest {
  readonly name: string;
  readonly ours: () => unknown;
  readonly pkijs: () => unknown;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '400' },
      rounds: { type: 'string', default: '15' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  setEngine('node', new CryptoEngine({ name: 'node', crypto: globalThis.crypto }));
  const results: Record<string, object> = {};
  for (const contest of await contests()) {
    results[contest.name] = await measure(contest, Number(values.runs), Number(values.rounds));
  }
  const bundles = {
    oursKb: await bundleKb(`export { parseCertificate } from './src/ca/certificate.ts'`),
    pkijsKb: await bundleKb(`export { Certificate } from 'pkijs'`),
  };
  console.log(JSON.stringify({ machine: describeMachine(), ...results, bundles }, undefined, 2));
}

async function contests(): Promise<readonly Contest[]> {
  const issuer = await createIssuer();
  // Signs at no cost, so that what is left is the writing.
  const signature = await issuer.signer.sign(new Uint8Array());
  const free: Issuer = { ...issuer, signer: { ...issuer.signer, sign: () => Promise.resolve(signature) } };
  const key = signerFromKey(await createKey('p256'));
  const san = { kind: 'email', value: 'alice@example.com' } as const;
  const request: LeafRequest = {
    spki: key.spki,
    san,
    serial: newSerial(randomBytes),
    ...leafValidity(DEFAULT_PROFILE, issuer.certificate, Date.now()),
    profile: DEFAULT_PROFILE,
    urls: { crl: CRL_URL, caIssuers: undefined },
  };
  const leaf = await issueLeaf(free, request);
  if (!equalBytes(leaf, await pkijsLeaf(free, request))) throw new Error('the two write different leaves');
  const csr = await signCsr(key, san);
  return [
    { name: 'read a certificate', ours: () => parseCertificate(leaf), pkijs: () => pkijsRead(leaf) },
    { name: 'read and verify a request', ours: () => parseCsr(csr), pkijs: () => pkijsCsr(csr) },
    { name: 'write a leaf', ours: () => issueLeaf(free, request), pkijs: () => pkijsLeaf(free, request) },
    {
      name: 'write and sign a leaf, P-256',
      ours: () => issueLeaf(issuer, request),
      pkijs: () => pkijsLeaf(issuer, request),
    },
  ];
}

async function createIssuer(): Promise<Issuer> {
  const options = { nowMs: Date.now() - 60_000, random: randomBytes };
  const root = await createRoot({ ...options, signer: signerFromKey(await createKey('p256')), commonName: 'Root' });
  const signer = signerFromKey(await createKey('p256'));
  return createIssuingCa({ ...options, root, signer, commonName: 'Issuing' });
}

/** Medians over `rounds` in which each does it `runs` times, after one round that is not counted. */
async function measure({ ours, pkijs }: Contest, runs: number, rounds: number): Promise<object> {
  const times: Record<'ours' | 'pkijs', number[]> = { ours: [], pkijs: [] };
  for (let i = 0; i <= rounds; i++) {
    const both = [await time(ours, runs), await time(pkijs, runs)] as const;
    if (i === 0) continue;
    times.ours.push(both[0]);
    times.pkijs.push(both[1]);
  }
  const [oursMicros, pkijsMicros] = [median(times.ours), median(times.pkijs)];
  const ratio = round(median(times.pkijs.map((micros, i) => micros / (times.ours[i] ?? NaN))), 1);
  return { oursMicros: round(oursMicros, 1), pkijsMicros: round(pkijsMicros, 1), ratio };
}

/** Processor time of one run, µs. */
async function time(work: () => unknown, runs: number): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < runs; i++) await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / runs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Reads what `parseCertificate` reads: the extensions too. Not checked: whether the point is on its curve. */
function pkijsRead(der: Uint8Array): unknown[] {
  const { extensions = [] } = Certificate.fromBER(new Uint8Array(der));
  return extensions.map(({ parsedValue }): unknown => parsedValue);
}

async function pkijsCsr(der: Uint8Array): Promise<unknown> {
  const request = CertificationRequest.fromBER(new Uint8Array(der));
  if (!(await request.verify())) throw new Error('the signature does not verify');
  return request.attributes?.map(({ values }) => values as unknown);
}

async function pkijsLeaf(issuer: Issuer, request: LeafRequest): Promise<Uint8Array> {
  const algorithm = new AlgorithmIdentifier({ algorithmId: ECDSA_WITH_SHA256 });
  const certificate = new Certificate({
    version: 2,
    serialNumber: new Integer({ valueHex: copy(request.serial) }),
    signature: algorithm,
    issuer: RelativeDistinguishedNames.fromBER(copy(issuer.certificate.subject.der)),
    notBefore: new Time({ type: TimeType.UTCTime, value: new Date(request.notBeforeMs) }),
    notAfter: new Time({ type: TimeType.UTCTime, value: new Date(request.notAfterMs) }),
    // Made anew, pkijs writes an empty name as one empty set.
    subject: RelativeDistinguishedNames.fromBER(Uint8Array.of(0x30, 0)),
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(copy(request.spki)),
    extensions: pkijsExtensions(issuer, request),
  });
  certificate.signatureAlgorithm = algorithm;
  certificate.tbsView = new Uint8Array(certificate.encodeTBS().toBER());
  const signature = await issuer.signer.sign(certificate.tbsView);
  certificate.signatureValue = new BitString({ valueHex: copy(signature) });
  return new Uint8Array(certificate.toSchema().toBER());
}

function pkijsExtensions({ keyId }: Issuer, { spki, san, profile }: LeafRequest): Extension[] {
  const key = parsePublicKey(spki);
  const octets = (bytes: Uint8Array) => new OctetString({ valueHex: copy(bytes) });
  const name = new GeneralName({ type: RFC822_NAME, value: san.value });
  const point = new DistributionPoint({ distributionPoint: [new GeneralName({ type: URI, value: CRL_URL })] });
  const values: readonly (readonly [oid: string, critical: boolean, value: ArrayBuffer])[] = [
    [ExtensionOid.basicConstraints, true, new BasicConstraints().toSchema().toBER()],
    [ExtensionOid.keyUsage, true, copy(encodeKeyUsage(leafKeyUsage(key.keyType)))],
    [ExtensionOid.extendedKeyUsage, false, new ExtKeyUsage({ keyPurposes: [...profile.purposes] }).toSchema().toBER()],
    [ExtensionOid.subjectAltName, true, new AltName({ altNames: [name] }).toSchema().toBER()],
    [ExtensionOid.subjectKeyIdentifier, false, octets(keyIdentifier(key)).toBER()],
    [
      ExtensionOid.authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier: octets(keyId) }).toSchema().toBER(),
    ],
    [
      ExtensionOid.crlDistributionPoints,
      false,
      new CRLDistributionPoints({ distributionPoints: [point] }).toSchema().toBER(),
    ],
  ];
  return values.map(([extnID, critical, extnValue]) => new Extension({ extnID, critical, extnValue }));
}

function copy(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

async function bundleKb(code: string): Promise<number> {
  const result = await build({
    stdin: { contents: code, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'warning',
  });
  return round(gzipSync(result.outputFiles[0]?.contents ?? new Uint8Array()).length / 1024, 1);
}

await main();
