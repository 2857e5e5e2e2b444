import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Certificate, CertificateRevocationList } from 'pkijs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Issuer } from '../../src/ca/authority.ts';
import { createCrl } from '../../src/ca/crl.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { lintLeaf } from '../../src/ca/lint.ts';
import { PurposeOid } from '../../src/ca/oids.ts';
import { formatPem } from '../../src/ca/pem.ts';
import { verifyChain } from '../../src/ca/verify-chain.ts';
import { equalBytes, parseHex } from '../../src/core/encoding/bytes.ts';
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
