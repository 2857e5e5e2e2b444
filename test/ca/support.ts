import { execFileSync } from 'node:child_process';
import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIssuingCa, createRoot, type Issuer } from '../../src/ca/authority.ts';
import type { LeafRequest } from '../../src/ca/issue.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { DEFAULT_PROFILE, leafValidity } from '../../src/ca/profile.ts';
import { newSerial } from '../../src/ca/serial.ts';
import type { SignerAlgorithm } from '../../src/core/crypto/signer.ts';

export const NOW_MS = Date.UTC(2026, 10, 23, 12, 0, 0, 345);
const URLS = { crl: 'http://ca.example/crl/1.crl', caIssuers: 'http://ca.example/ca/issuing.der' };
export const CA_ALGORITHMS: readonly SignerAlgorithm[] = ['p256', 'p384', 'ed25519'];

/** A folder that is removed by `remove`. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'glasskey-ca-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs openssl and returns what it wrote, stderr included; throws where it fails. */
export function openssl(args: readonly string[], folder?: string): string {
  return execFileSync('openssl', args, {
    encoding: 'utf8',
    stdio: 'pipe',
    ...(folder === undefined ? {} : { cwd: folder }),
  });
}

/** A root and an issuing CA below it, both of one algorithm. */
export async function createHierarchy(
  algorithm: SignerAlgorithm,
  nowMs = NOW_MS,
): Promise<{ root: Issuer; issuing: Issuer }> {
  const rootSigner = signerFromKey(await createKey(algorithm));
  const root = await createRoot({ signer: rootSigner, commonName: 'Test Root', nowMs, random: randomBytes });
  const signer = signerFromKey(await createKey(algorithm));
  const urls = { crl: 'http://ca.example/crl/root.crl', caIssuers: 'http://ca.example/ca/root.der' };
  const issuing = await createIssuingCa({ root, signer, commonName: 'Test Issuing', nowMs, random: randomBytes, urls });
  return { root, issuing };
}

/** The DER SubjectPublicKeyInfo of a key. */
export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
}

/** A leaf request for alice under the default profile. */
export function leafRequest(issuer: Issuer, spki: Uint8Array, changes: Partial<LeafRequest> = {}): LeafRequest {
  const nowMs = Math.max(NOW_MS, issuer.certificate.notBeforeMs);
  return {
    spki,
    san: { kind: 'email', value: 'alice@example.com' },
    serial: newSerial(randomBytes),
    ...leafValidity(DEFAULT_PROFILE, issuer.certificate, nowMs),
    profile: DEFAULT_PROFILE,
    urls: URLS,
    ...changes,
  };
}
