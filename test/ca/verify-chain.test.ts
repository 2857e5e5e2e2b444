import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIssuingCa, type Issuer, openIssuer } from '../../src/ca/authority.ts';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { lintLeaf } from '../../src/ca/lint.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { PurposeOid } from '../../src/ca/der/oids.ts';
import { parsePem } from '../../src/ca/der/pem.ts';
import { DEFAULT_PROFILE, type ExtraExtension, leafValidity } from '../../src/ca/profile.ts';
import { MAX_CRL_SHARDS, newSerial, newShardSerial, serialsOfShard, shardOfSerial } from '../../src/ca/serial.ts';
import { type ChainOptions, verifyChain } from '../../src/ca/verify-chain.ts';
import type { ErrorCode } from '../../src/core/error-codes.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { createHierarchy, leafRequest, NOW_MS, openssl, spkiOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const spki = spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const coded = (code: ErrorCode): object => expect.objectContaining({ code });

describe('verifyChain', () => {
  let root: Issuer;
  let issuing: Issuer;
  let leaf: Uint8Array;
  let chain: ChainOptions;
  beforeAll(async () => {
    ({ root, issuing } = await createHierarchy('p256'));
    leaf = await issueLeaf(issuing, leafRequest(issuing, spki));
    const roots = [root.certificate.der];
    chain = { certificate: leaf, intermediates: [issuing.certificate.der], roots, atMs: NOW_MS };
  });
  const refused = async (changes: Partial<ChainOptions>, code: ErrorCode): Promise<void> => {
    await expect(verifyChain({ ...chain, ...changes })).rejects.toEqual(coded(code));
  };

  it('accepts to the last moment of the leaf and not after, nor before the first', async () => {
    const { notBeforeMs, notAfterMs } = parseCertificate(leaf);
    await verifyChain({ ...chain, atMs: notBeforeMs });
    await verifyChain({ ...chain, atMs: notAfterMs + 999 });
    await refused({ atMs: notAfterMs + 1000 }, 'certificate-expired');
    await refused({ atMs: notBeforeMs - 1 }, 'certificate-expired');
    await refused({ atMs: issuing.certificate.notAfterMs + 1000 }, 'certificate-expired');
  });

  it('refuses a missing issuer, a foreign root and no roots', async () => {
    const other = await createHierarchy('p256');
    await refused({ intermediates: [] }, 'untrusted-issuer');
    await refused({ roots: [other.root.certificate.der] }, 'untrusted-issuer');
    await refused({ intermediates: [other.issuing.certificate.der] }, 'untrusted-issuer');
    await refused({ roots: [] }, 'untrusted-issuer');
    await refused({ intermediates: Array.from({ length: 17 }, () => issuing.certificate.der) }, 'bad-certificate');
  });

  it('asks for a purpose of the leaf', async () => {
    await verifyChain({ ...chain, purpose: PurposeOid.emailProtection });
    await refused({ purpose: '1.3.6.1.5.5.7.3.1' }, 'bad-certificate');
  });

  it('refuses CA certificates as leaves and leaves as issuers', async () => {
    await refused({ certificate: issuing.certificate.der }, 'bad-certificate');
    await refused({ certificate: root.certificate.der }, 'bad-certificate');
  });

  it('refuses every flipped bit', async () => {
    for (let bit = 0; bit < leaf.length * 8; bit += 11) {
      const changed = Uint8Array.from(leaf);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(verifyChain({ ...chain, certificate: changed }), `bit ${bit}`).rejects.toMatchObject({
        name: 'GlasskeyError',
      });
    }
  });

  it('refuses a path that is longer than the issuing CA allows', async () => {
    const signer = signerFromKey(await createKey('p256'));
    // The issuing CA (path length 0) signs another CA.
    const below = await createIssuingCa({ root: issuing, signer, commonName: 'Below', nowMs: NOW_MS, random });
    const certificate = await issueLeaf(below, leafRequest(below, spki));
    const intermediates = [below.certificate.der, issuing.certificate.der];
    await refused({ certificate, intermediates }, 'bad-certificate');
  });
});

describe('verifyChain on certificates that openssl made', () => {
  /** A root and a leaf by openssl with the given extensions. */
  function make(rootExtensions: string, leafExtensions: string): ChainOptions {
    const config = `[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=R\n[r]\n${rootExtensions}\n[l]\n${leafExtensions}\n`;
    writeFileSync(join(folder.path, 'c.cnf'), config);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', 'c.cnf'];
    const days = ['-days', '3650'];
    openssl(['req', '-x509', ...key, ...days, '-extensions', 'r', '-keyout', 'r.key', '-out', 'r.pem'], folder.path);
    openssl(['req', '-new', ...key, '-subj', '/CN=L', '-keyout', 'l.key', '-out', 'l.csr'], folder.path);
    const signing = ['x509', '-req', '-in', 'l.csr', '-CA', 'r.pem', '-CAkey', 'r.key', ...days];
    openssl([...signing, '-extfile', 'c.cnf', '-extensions', 'l', '-out', 'l.pem'], folder.path);
    const read = (name: string): Uint8Array => parsePem('CERTIFICATE', readFileSync(join(folder.path, name), 'utf8'));
    const certificate = read('l.pem');
    const atMs = parseCertificate(certificate).notBeforeMs;
    return { certificate, intermediates: [], roots: [read('r.pem')], atMs };
  }
  const ROOT = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash';
  const LEAF = 'keyUsage=digitalSignature\nauthorityKeyIdentifier=keyid';

  const ONLY_EXAMPLE = 'nameConstraints=critical,permitted;email:example.com';

  it('accepts a name inside of name constraints', async () => {
    const chain = make(`${ROOT}\n${ONLY_EXAMPLE}`, `${LEAF}\nsubjectAltName=email:a@example.com`);
    expect((await verifyChain(chain)).path).toHaveLength(2);
  });

  it('accepts a plain one', async () => {
    expect((await verifyChain(make(ROOT, LEAF))).path).toHaveLength(2);
  });

  it.each([
    ['an unknown critical extension in the leaf', ROOT, `${LEAF}\n1.2.3.4=critical,DER:0500`],
    ['an unknown critical extension in the root', `${ROOT}\n1.2.3.4=critical,DER:0500`, LEAF],
    ['name constraints of hosts', `${ROOT}\nnameConstraints=critical,permitted;DNS:example.com`, LEAF],
    ['a name outside of the constraints', `${ROOT}\n${ONLY_EXAMPLE}`, `${LEAF}\nsubjectAltName=email:a@example.org`],
    ['name constraints in a leaf', ROOT, `${LEAF}\n${ONLY_EXAMPLE}`],
    ['a root that is no CA', 'keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash', LEAF],
    [
      'basicConstraints that are not critical',
      'basicConstraints=CA:TRUE\nkeyUsage=keyCertSign',
      'keyUsage=digitalSignature',
    ],
    [
      'a root without keyCertSign',
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign',
      'keyUsage=digitalSignature',
    ],
    ['a root without keyUsage', 'basicConstraints=critical,CA:TRUE', 'keyUsage=digitalSignature'],
    ['a leaf that may sign certificates', ROOT, 'keyUsage=digitalSignature,keyCertSign'],
  ])('refuses %s', async (_, rootExtensions, leafExtensions) => {
    const chain = make(rootExtensions, leafExtensions);
    await expect(verifyChain(chain)).rejects.toEqual(coded('bad-certificate'));
  });
});

describe('issuing', () => {
  it('never exceeds the validity of the issuer and writes dates from 2050 on', async () => {
    const { root, issuing } = await createHierarchy('p256', Date.UTC(2048, 0, 1));
    const { certificate } = issuing;
    expect(certificate.notAfterMs).toBeGreaterThan(Date.UTC(2050, 0, 1));
    const late = certificate.notAfterMs - 5000;
    const validity = leafValidity(DEFAULT_PROFILE, certificate, late);
    expect(validity.notAfterMs).toBe(certificate.notAfterMs);
    const leaf = await issueLeaf(issuing, leafRequest(issuing, spki, validity));
    expect(parseCertificate(leaf)).toMatchObject(validity);
    const roots = [root.certificate.der];
    await verifyChain({ certificate: leaf, intermediates: [certificate.der], roots, atMs: late });
    expect(() => leafValidity(DEFAULT_PROFILE, certificate, certificate.notAfterMs + 1)).toThrow(
      coded('certificate-expired'),
    );
    const beyond = { notBeforeMs: validity.notBeforeMs, notAfterMs: validity.notAfterMs + 1000 };
    await expect(issueLeaf(issuing, leafRequest(issuing, spki, beyond))).rejects.toEqual(coded('value-out-of-range'));
  });

  it('makes serials of exactly 16 bytes, positive', () => {
    for (const fill of [0, 0x7f, 0x80, 0xff]) {
      const serial = newSerial((length) => new Uint8Array(length).fill(fill));
      expect(serial).toHaveLength(16);
      expect((serial[0] as number) >> 6).toBe(1);
    }
  });

  it('makes serials that say of which CRL shard they are', () => {
    for (const shard of [0, 1, 0x1234567, MAX_CRL_SHARDS - 1]) {
      const serial = formatHex(newShardSerial(random, shard));
      const { first, last } = serialsOfShard(shard);
      expect([serial.length, shardOfSerial(serial)]).toEqual([32, shard]);
      expect(first < serial && serial < last).toBe(true);
    }
    for (const none of [-1, 0.5, MAX_CRL_SHARDS]) {
      expect(() => serialsOfShard(none)).toThrow(coded('value-out-of-range'));
    }
    expect(['41', '00'.repeat(16), 'c0'.repeat(16)].map(shardOfSerial)).toEqual([undefined, undefined, undefined]);
  });

  it('refuses the key of another CA, one key for both CAs, bad names and URLs', async () => {
    const { root, issuing } = await createHierarchy('ed25519');
    expect(() => openIssuer(issuing.certificate.der, [], root.signer)).toThrow(coded('bad-key-file'));
    const leaf = await issueLeaf(issuing, leafRequest(issuing, spki));
    expect(() => openIssuer(leaf, [], issuing.signer)).toThrow(coded('bad-certificate'));
    const same = { root, signer: root.signer, commonName: 'x', nowMs: NOW_MS, random };
    await expect(createIssuingCa(same)).rejects.toEqual(coded('value-out-of-range'));
    const signer = signerFromKey(await createKey('p256'));
    await expect(createIssuingCa({ ...same, signer, commonName: '' })).rejects.toEqual(coded('value-out-of-range'));
    for (const san of [
      { kind: 'uri', value: 'acct:ä@b' },
      { kind: 'email', value: 'a b@c\n' },
      { kind: 'uri', value: '' },
    ] as const) {
      await expect(issueLeaf(issuing, leafRequest(issuing, spki, { san }))).rejects.toEqual(
        coded('value-out-of-range'),
      );
    }
    const urls = { crl: 'http://ä/', caIssuers: undefined };
    await expect(issueLeaf(issuing, leafRequest(issuing, spki, { urls }))).rejects.toEqual(coded('value-out-of-range'));
  });

  it('lints what differs from what was meant', async () => {
    const { issuing } = await createHierarchy('p256');
    const request = leafRequest(issuing, spki);
    const leaf = await issueLeaf(issuing, request);
    lintLeaf(leaf, issuing, request);
    const { issuing: other } = await createHierarchy('p256');
    const changes = [
      { serial: newSerial(random) },
      { san: { kind: 'email', value: 'mallory@example.com' } },
      { san: { kind: 'uri', value: 'alice@example.com' } },
      { spki: spkiOf(generateKeyPairSync('ed25519').publicKey) },
      { notAfterMs: request.notAfterMs + 1000 },
      { urls: { ...request.urls, crl: undefined } },
      { profile: { ...DEFAULT_PROFILE, purposes: [PurposeOid.clientAuth] } },
    ] as const;
    for (const change of changes) {
      expect(() => lintLeaf(leaf, issuing, { ...request, ...change })).toThrow(coded('lint-failed'));
    }
    expect(() => lintLeaf(leaf, other, request)).toThrow(coded('lint-failed'));
  });

  it('lints extra extensions', async () => {
    const { issuing } = await createHierarchy('p256');
    const extra = { oid: '1.2.3', value: Uint8Array.of(5, 0) };
    const withExtras = (...extensions: ExtraExtension[]) => ({ profile: { ...DEFAULT_PROFILE, extensions } });
    const request = leafRequest(issuing, spki, withExtras(extra));
    const leaf = await issueLeaf(issuing, request);
    lintLeaf(leaf, issuing, request);
    const others = [[], [{ ...extra, oid: '1.2.4' }], [{ ...extra, value: Uint8Array.of(1, 1, 0) }], [extra, extra]];
    for (const extensions of others) {
      expect(() => lintLeaf(leaf, issuing, { ...request, ...withExtras(...extensions) })).toThrow(coded('lint-failed'));
    }
  });
});
