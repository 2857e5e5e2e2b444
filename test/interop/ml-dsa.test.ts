import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIssuingCa, createRoot } from '../../src/ca/authority.ts';
import { signCsr } from '../../src/ca/csr/sign-csr.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { mlDsaCaSigner } from '../../src/ca/keys/ml-dsa-ca-signer.ts';
import { verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { generateKey, importKey } from '../../src/client/client-key.ts';
import { ML_DSA_SETS } from '../../src/core/crypto/ml-dsa-sets.ts';
import { formatBase64, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { leafRequest, NOW_MS } from '../ca/support.ts';
import { programMissing } from '../support/openssl.ts';
import { pythonWithPackages } from './python-packages.ts';

const missing = programMissing('python3');
const title = missing === undefined ? 'ML-DSA by OpenSSL' : `ML-DSA by OpenSSL (${missing})`;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const MESSAGE = Uint8Array.of(1, 2, 3);

interface Answer {
  readonly holds?: boolean;
  readonly spki: string;
  readonly pem: string;
  readonly signature: string;
}

/** Flips a bit in the signature, which ends a certificate, a request, and itself. */
function damaged(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 500] = (copy.at(-500) ?? 0) ^ 1;
  return copy;
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-ml-dsa-'));
  let python = '';
  beforeAll(() => {
    python = pythonWithPackages(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const ask = (...questions: readonly object[]): readonly Answer[] => {
    const program = join(import.meta.dirname, 'python/ml_dsa.py');
    const input = JSON.stringify(questions);
    return JSON.parse(execFileSync(python, [program], { input, encoding: 'utf8' })) as readonly Answer[];
  };

  it('is OpenSSL 3.5 or newer', () => {
    const program = 'from cryptography.hazmat.backends.openssl import backend; print(backend.openssl_version_text())';
    const [, major = '', minor = ''] =
      /^OpenSSL (\d+)\.(\d+)/.exec(execFileSync(python, ['-c', program], { encoding: 'utf8' })) ?? [];
    expect(Number(major) * 100 + Number(minor)).toBeGreaterThanOrEqual(305);
  });

  it.each(ML_DSA_SETS)('%s: requests, certificates and CAs verify there, and damaged ones do not', async (set) => {
    const shared = { nowMs: NOW_MS, random };
    const root = await createRoot({ ...shared, signer: mlDsaCaSigner(set, random(32), random), commonName: 'Root' });
    const signer = mlDsaCaSigner(set, random(32), random);
    const issuing = await createIssuingCa({ ...shared, root, signer, commonName: 'Issuing' });
    const key = await generateKey({ type: set });
    const leaf = await issueLeaf(issuing, leafRequest(issuing, key.spki));
    const csr = await signCsr({ ...key, algorithm: set }, { kind: 'email', value: 'alice@example.com' });
    const certificate = (der: Uint8Array, by: Uint8Array): object => {
      return { kind: 'certificate', pem: formatPem('CERTIFICATE', der), issuer: formatPem('CERTIFICATE', by) };
    };
    const request = (der: Uint8Array): object => ({ kind: 'request', pem: formatPem('CERTIFICATE REQUEST', der) });
    const [self, ca, end, wrong, asked, forged] = ask(
      certificate(root.certificate.der, root.certificate.der),
      certificate(issuing.certificate.der, root.certificate.der),
      certificate(leaf, issuing.certificate.der),
      certificate(damaged(leaf), issuing.certificate.der),
      request(csr),
      request(damaged(csr)),
    );
    expect([self, ca, end, asked].map((one) => one?.holds)).toEqual([true, true, true, true]);
    expect([wrong, forged].map((one) => one?.holds)).toEqual([false, false]);
    expect([end?.spki, asked?.spki]).toEqual([formatBase64(key.spki), formatBase64(key.spki)]);
  });

  it.each(ML_DSA_SETS)('%s: private keys go there and back, and each verifies what the other signed', async (set) => {
    const key = await generateKey({ type: set });
    const ours = await key.sign(MESSAGE);
    const spki = formatBase64(key.spki);
    const message = formatBase64(MESSAGE);
    const [read, holds, refused] = ask(
      { kind: 'key', pem: await key.exportPem(), message },
      { kind: 'signature', spki, message, signature: formatBase64(ours) },
      { kind: 'signature', spki, message, signature: formatBase64(damaged(ours)) },
    );
    expect(read?.spki).toBe(spki);
    expect([holds?.holds, refused?.holds]).toEqual([true, false]);
    const theirs = parseBase64(read?.signature ?? '');
    await verifySpkiSignature(key.spki, MESSAGE, theirs);
    await expect(verifySpkiSignature(key.spki, MESSAGE, damaged(theirs))).rejects.toMatchObject({
      code: 'bad-signature',
    });
    const back = await importKey(read?.pem ?? '');
    expect(await back.exportPkcs8()).toEqual(await key.exportPkcs8());
  });
});
