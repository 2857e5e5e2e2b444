import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Certificate, CertificateRevocationList } from 'pkijs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Issuer } from '../../src/ca/authority.ts';
import { createCrl } from '../../src/ca/crl.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { lintLeaf } from '../../src/ca/lint.ts';
import { PurposeOid } from '../../src/ca/der/oids.ts';
import { checkRevocation } from '../../src/ca/path/check-revocation.ts';
import { parsePathCertificate } from '../../src/ca/path/path-certificate.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { verifyChain } from '../../src/ca/verify-chain.ts';
import { equalBytes, parseHex } from '../../src/core/encoding/bytes.ts';
import type { GlasskeyError } from '../../src/core/errors.ts';
import { CA_ALGORITHMS, createHierarchy, leafRequest, NOW_MS, openssl, spkiOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const LEAF_KEYS: Readonly<Record<string, () => { publicKey: KeyObject }>> = {
  p256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed25519: () => generateKeyPairSync('ed25519'),
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

const NAMES = [
  { kind: 'email', value: 'alice@example.com' },
  { kind: 'email', value: 'älice@example.com' },
  { kind: 'uri', value: 'acct:alice@chat.example' },
  { kind: 'uri', value: 'tel:+15551234567' },
] as const;

/** What `openssl verify -x509_strict` says about a chain at NOW_MS. */
function strictVerify(root: Issuer, issuing: Issuer, leaf: Uint8Array, more: readonly string[] = []): string {
  const write = (name: string, der: Uint8Array): string => {
    const path = join(folder.path, name);
    writeFileSync(path, formatPem('CERTIFICATE', der));
    return path;
  };
  const at = String(Math.floor(NOW_MS / 1000));
  const rootFile = write('root.pem', root.certificate.der);
  const issuingFile = write('issuing.pem', issuing.certificate.der);
  const leafFile = write('leaf.pem', leaf);
  const files = ['-CAfile', rootFile, '-untrusted', issuingFile, leafFile];
  return openssl(['verify', '-x509_strict', '-check_ss_sig', '-attime', at, ...more, ...files]);
}

describe.each(CA_ALGORITHMS)('a chain of %s CAs', (algorithm) => {
  let root: Issuer;
  let issuing: Issuer;
  beforeAll(async () => {
    ({ root, issuing } = await createHierarchy(algorithm));
  });

  it.each(Object.keys(LEAF_KEYS))('issues %s leaves that OpenSSL, pkijs and we accept', async (keyType) => {
    const spki = spkiOf((LEAF_KEYS[keyType] as () => { publicKey: KeyObject })().publicKey);
    for (const san of NAMES) {
      const request = leafRequest(issuing, spki, { san });
      const leaf = await issueLeaf(issuing, request);
      expect(lintLeaf(leaf, issuing, request).keyType).toBe(keyType);
      expect(strictVerify(root, issuing, leaf, ['-purpose', 'sslclient'])).toMatch(/: OK/);
      expect(strictVerify(root, issuing, leaf, ['-purpose', 'smimesign'])).toMatch(/: OK/);
      const chain = { certificate: leaf, intermediates: [issuing.certificate.der], roots: [root.certificate.der] };
      const { path } = await verifyChain({ ...chain, atMs: NOW_MS, purpose: PurposeOid.clientAuth });
      expect(path).toHaveLength(3);
      const read = Certificate.fromBER(new Uint8Array(leaf));
      expect(new Uint8Array(read.toSchema(true).toBER())).toEqual(leaf);
    }
  });

  it('writes the root and the issuing CA with the constraints of their place', () => {
    for (const [{ certificate }, pathLength] of [
      [root, 1],
      [issuing, 0],
    ] as const) {
      expect(certificate).toMatchObject({ isCa: true, pathLength, basicConstraintsCritical: true });
      expect(certificate).toMatchObject({ keyUsageCritical: true, unknownCritical: [] });
      expect([...(certificate.keyUsage ?? [])]).toEqual(['keyCertSign', 'cRLSign']);
    }
    expect(issuing.certificate.authorityKeyId).toEqual(root.keyId);
    expect(issuing.certificate.crlUrls).toEqual(['http://ca.example/crl/root.crl']);
    expect(issuing.certificate.caIssuersUrls).toEqual(['http://ca.example/ca/root.der']);
    expect(issuing.chain).toHaveLength(1);
  });

  it('signs CRLs that OpenSSL checks', async () => {
    const spki = spkiOf(generateKeyPairSync('ed25519').publicKey);
    const good = leafRequest(issuing, spki);
    const revoked = leafRequest(issuing, spki);
    const times = { thisUpdateMs: NOW_MS - 1000, nextUpdateMs: NOW_MS + 86_400_000 };
    const serial = Buffer.from(revoked.serial).toString('hex');
    const entry = { serial, revokedAtMs: NOW_MS - 5000, reason: 'keyCompromise' } as const;
    const other = { serial: '0080', revokedAtMs: NOW_MS - 5000, reason: 'unspecified' } as const;
    const crl = await createCrl(issuing, { number: 200, ...times, entries: [entry, other] });
    const empty = await createCrl(root, { number: 0, ...times, entries: [] });
    writeFileSync(join(folder.path, 'crls.pem'), formatPem('X509 CRL', crl) + formatPem('X509 CRL', empty));
    const check = ['-crl_check_all', '-CRLfile', join(folder.path, 'crls.pem')];
    expect(strictVerify(root, issuing, await issueLeaf(issuing, good), check)).toMatch(/: OK/);
    const leaf = await issueLeaf(issuing, revoked);
    expect(() => strictVerify(root, issuing, leaf, check)).toThrow(/certificate revoked/);
    const read = CertificateRevocationList.fromBER(new Uint8Array(crl));
    expect(read.revokedCertificates).toHaveLength(2);
    const [, second] = read.revokedCertificates ?? [];
    expect(equalBytes(new Uint8Array(second?.userCertificate.valueBlock.valueHexView ?? []), parseHex(serial))).toBe(
      true,
    );
  });
});

describe('a CRL of a part', () => {
  const scopeOf = (name: string) => ({
    url: `http://ca.example/${name}.crl`,
    deltaUrl: `http://ca.example/${name}-delta.crl`,
  });
  const spki = spkiOf(generateKeyPairSync('ed25519').publicKey);
  const times = { thisUpdateMs: NOW_MS - 1000, nextUpdateMs: NOW_MS + 86_400_000 };

  it('tells OpenSSL, and us, of those certificates alone, with its delta', async () => {
    const { root, issuing } = await createHierarchy('p256');
    const request = leafRequest(issuing, spki, { urls: { crl: scopeOf('7').url, caIssuers: undefined } });
    const leaf = await issueLeaf(issuing, request);
    const entries = [
      {
        serial: Buffer.from(request.serial).toString('hex'),
        revokedAtMs: NOW_MS - 5000,
        reason: 'superseded' as const,
      },
    ];
    const none = { ...times, entries: [] };
    const crls = {
      own: await createCrl(issuing, { ...none, number: 5, scope: scopeOf('7') }),
      other: await createCrl(issuing, { ...none, number: 5, scope: scopeOf('8') }),
      revoked: await createCrl(issuing, { ...times, entries, number: 6, scope: scopeOf('7') }),
      delta: await createCrl(issuing, { ...times, entries, number: 6, baseNumber: 4, scope: scopeOf('7') }),
      deltaOfOther: await createCrl(issuing, { ...times, entries, number: 6, baseNumber: 4, scope: scopeOf('8') }),
      deltaOfNewer: await createCrl(issuing, { ...times, entries, number: 7, baseNumber: 6, scope: scopeOf('7') }),
      removing: await createCrl(issuing, {
        ...times,
        entries: entries.map((entry) => ({ ...entry, reason: 'removeFromCRL' as const })),
        number: 7,
        baseNumber: 4,
        scope: scopeOf('7'),
      }),
      olderDelta: await createCrl(issuing, { ...times, entries, number: 5, baseNumber: 4, scope: scopeOf('7') }),
    };
    const path = [leaf, issuing.certificate.der].map((der) => parsePathCertificate(der));
    const judged = async (...names: (keyof typeof crls)[]): Promise<string> => {
      const pems = names.map((name) => formatPem('X509 CRL', crls[name])).join('');
      writeFileSync(join(folder.path, 'crls.pem'), pems);
      const checks = ['-crl_check', '-extended_crl', '-use_deltas', '-CRLfile', join(folder.path, 'crls.pem')];
      let theirs = 'fine';
      try {
        strictVerify(root, issuing, leaf, checks);
      } catch (error) {
        theirs = /certificate revoked/.test(String(error)) ? 'certificate-revoked' : 'bad-certificate';
      }
      const ours = await checkRevocation(
        path,
        names.map((name) => crls[name]),
        NOW_MS,
      ).then(
        () => 'fine',
        (error: unknown) => (error as GlasskeyError).code,
      );
      expect([names, ours]).toEqual([names, theirs]);
      return ours;
    };
    expect(await judged('own')).toBe('fine');
    expect(await judged('other')).toBe('bad-certificate');
    expect(await judged('revoked')).toBe('certificate-revoked');
    expect(await judged('own', 'delta')).toBe('certificate-revoked');
    expect(await judged('own', 'deltaOfOther')).toBe('fine');
    expect(await judged('own', 'deltaOfNewer')).toBe('fine');
    expect(await judged('own', 'olderDelta')).toBe('fine');
    expect(await judged('revoked', 'removing')).toBe('fine');
    expect(await judged('delta')).toBe('bad-certificate');
    // A clock may be slow by five minutes.
    const { thisUpdateMs } = times;
    await checkRevocation(path, [crls.own], thisUpdateMs - 300_000);
    const tooEarly = checkRevocation(path, [crls.own], thisUpdateMs - 301_000);
    await expect(tooEarly).rejects.toMatchObject({ code: 'bad-certificate' });
  });

  it('has no delta that is older than its base, and takes entries off in a delta alone', async () => {
    const { issuing } = await createHierarchy('p256');
    const content = { ...times, entries: [], number: 5, baseNumber: 6, scope: scopeOf('7') };
    await expect(createCrl(issuing, content)).rejects.toMatchObject({ code: 'value-out-of-range' });
    const removing = [{ serial: '41', revokedAtMs: NOW_MS - 5000, reason: 'removeFromCRL' as const }];
    const complete = { ...content, entries: removing, baseNumber: undefined };
    await expect(createCrl(issuing, complete)).rejects.toMatchObject({ code: 'value-out-of-range' });
  });
});

describe('a large CRL', () => {
  it('is made without a limit that a busy CA would meet', async () => {
    const { issuing } = await createHierarchy('p256');
    const revoked = (serial: string) => ({ serial, revokedAtMs: NOW_MS, reason: 'superseded' as const });
    const entries = Array.from({ length: 150_000 }, (_, i) => revoked(`41${i.toString(16).padStart(6, '0')}`));
    const crl = await createCrl(issuing, { number: 1, thisUpdateMs: NOW_MS, nextUpdateMs: NOW_MS + 1000, entries });
    writeFileSync(join(folder.path, 'large.crl'), crl);
    const text = openssl(
      ['crl', '-inform', 'DER', '-in', 'large.crl', '-noout', '-crlnumber', '-lastupdate'],
      folder.path,
    );
    expect(text).toMatch(/crlNumber=0x01/);
  });
});
