import { randomBytes } from 'node:crypto';
import { createIssuingCa, createRoot } from '../src/ca/authority.ts';
import { signCsr } from '../src/ca/csr/sign-csr.ts';
import { issueLeaf } from '../src/ca/issue.ts';
import { createKey } from '../src/ca/keys/key-file.ts';
import { mlDsaCaSigner } from '../src/ca/keys/ml-dsa-ca-signer.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import { nodeVerifySpkiSignature } from '../src/ca/node-verify-signature.ts';
import { DEFAULT_PROFILE, leafValidity } from '../src/ca/profile.ts';
import { newSerial } from '../src/ca/serial.ts';
import { verifySpkiSignature } from '../src/ca/verify-signature.ts';
import { generateKey } from '../src/client/client-key.ts';
import type { CaAlgorithm, CaSigner } from '../src/core/crypto/signer.ts';

/*
 * Sizes and times of keys and signatures by kind, for docs/performance.md: `npm run bench:signatures`. Times are the
 * process's processor time for one operation in ms, median of ROUNDS: other work on the machine hardly changes it.
 */

const ROUNDS = 60;
const KINDS = ['p256', 'ed25519', 'ml-dsa-44', 'ml-dsa-65'] as const;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

async function caSigner(kind: CaAlgorithm): Promise<CaSigner> {
  if (kind === 'ml-dsa-44' || kind === 'ml-dsa-65') return mlDsaCaSigner(kind, random(32), random);
  return signerFromKey(await createKey(kind));
}

async function medianMs(work: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const start = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
  }
  return (times.sort((a, b) => a - b)[ROUNDS / 2] ?? 0).toFixed(2);
}

/** Bytes of a leaf certificate of a key below an issuing CA of a kind, with the URLs that a server writes. */
async function leafBytes(spki: Uint8Array, kind: CaAlgorithm): Promise<number> {
  const shared = { nowMs: Date.now(), random };
  const root = await createRoot({ ...shared, signer: await caSigner('p256'), commonName: 'Root' });
  const issuer = await createIssuingCa({ ...shared, root, signer: await caSigner(kind), commonName: 'Issuing CA' });
  const name = 'http://keys.example/crl/issuer/0.crl';
  const leaf = await issueLeaf(issuer, {
    ...leafValidity(DEFAULT_PROFILE, issuer.certificate, Date.now()),
    spki,
    san: { kind: 'email', value: 'alice@example.com' },
    serial: newSerial(random),
    profile: DEFAULT_PROFILE,
    urls: { crl: name, caIssuers: 'http://keys.example/ca/issuer.der', ocsp: 'http://keys.example/ocsp' },
  });
  return leaf.length;
}

for (const type of KINDS) {
  const message = random(200);
  const key = await generateKey({ type });
  const signature = await key.sign(message);
  const csr = await signCsr({ ...key, algorithm: type }, { kind: 'email', value: 'alice@example.com' });
  const row = {
    kind: type,
    key: key.spki.length,
    signature: signature.length,
    request: csr.length,
    leaf: await leafBytes(key.spki, 'p256'),
    leafOfSameKind: await leafBytes(key.spki, type),
    makeMs: await medianMs(() => generateKey({ type })),
    signMs: await medianMs(() => key.sign(message)),
    verifyMs: await medianMs(() => verifySpkiSignature(key.spki, message, signature)),
    verifyOnServerMs: await medianMs(() => nodeVerifySpkiSignature(key.spki, message, signature)),
  };
  console.log(JSON.stringify(row));
}
