import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { parsePem } from '../../src/ca/der/pem.ts';
import { readCaKeyFile, writeMlDsaCaKeyFile } from '../../src/ca/keys/ca-key-file.ts';
import { createKey, writeKeyFile } from '../../src/ca/keys/key-file.ts';
import { parseCrl } from '../../src/ca/path/parse-crl.ts';
import { verifySignature, verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { ML_DSA_SETS } from '../../src/core/crypto/ml-dsa-sets.ts';
import { DataFolder } from '../../src/server/data-folder.ts';
import { initialise } from '../../src/server/init.ts';
import { requestNext } from '../../src/server/install-issuer.ts';
import { addRequirement } from '../../src/server/log-requirements.ts';
import { rollIssuer } from '../../src/server/roll-issuer.ts';
import { startServer } from '../../src/server/start-server.ts';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const MESSAGE = Uint8Array.of(1, 2, 3);

let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'glasskey-ml-dsa-ca-'));
});
afterAll(() => rm(place, { recursive: true }));

describe('the key file of a CA', () => {
  it.each(ML_DSA_SETS)('of type %s is encrypted, and opened with its passphrase alone', async (set) => {
    const path = join(place, `${set}.pem`);
    await writeMlDsaCaKeyFile(path, set, random(32), 'secret');
    const signer = await readCaKeyFile(path, 'secret', random);
    expect(signer.algorithm).toBe(set);
    await verifySpkiSignature(signer.spki, MESSAGE, await signer.sign(MESSAGE));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    await expect(readCaKeyFile(path, 'wrong', random)).rejects.toEqual(code('bad-key-file'));
    await expect(writeMlDsaCaKeyFile(path, set, random(32), 'secret')).rejects.toEqual(code('bad-key-file'));
  });

  it.each(['p256', 'p384', 'ed25519'] as const)('of type %s is opened as ever', async (algorithm) => {
    const path = join(place, `${algorithm}.pem`);
    await writeKeyFile(path, await createKey(algorithm), 'secret');
    const signer = await readCaKeyFile(path, 'secret', random);
    expect(signer.algorithm).toBe(algorithm);
    await verifySpkiSignature(signer.spki, MESSAGE, await signer.sign(MESSAGE));
  });
});

it('an ML-DSA issuing CA follows a classical one, signs certificates and CRLs, and clients verify them', async () => {
  const data = join(place, 'server');
  const base = { suite: 'ed25519', origin: undefined, publicUrl: 'http://keys.example', caKey: 'p256' } as const;
  await initialise({ ...base, data, dev: true, nowMs: Date.now() });
  const folder = new DataFolder(data);
  const options = { kind: 'ml-dsa-65', years: 5, nowMs: Date.now(), signsFromMs: Date.now() - 1_000 } as const;
  await expect(rollIssuer(folder, options)).rejects.toEqual(code('usage'));
  await expect(requestNext(folder, 'ml-dsa-44')).rejects.toEqual(code('usage'));
  expect(existsSync(folder.laterKey(2))).toBe(false);

  await addRequirement(folder, 'ml-dsa');
  const { bundle } = await rollIssuer(folder, options);
  expect(bundle.bundle).toMatchObject({ requires: ['ml-dsa'], sequence: 3 });
  const server = await startServer({ data, dev: true, embedded: true, listen: '127.0.0.1:0' });
  try {
    const token = (await readFile(folder.token, 'utf8')).trim();
    const alice = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
    await alice.register('alice@example.com', { token, key: await generateKey() });
    const bob = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
    const found = await bob.lookup('alice@example.com');
    if (!found.found) throw new Error('not found');
    const leaf = parseCertificate(found.binding.certificates[0]?.der ?? new Uint8Array());
    expect(leaf).toMatchObject({ keyType: 'p256', signatureAlgorithm: { family: 'ml-dsa-65' } });
    const shown = parseTrustBundle(await (await fetch(`${server.url}/.well-known/glasskey`)).text()).bundle;
    const issuer = parseCertificate(parsePem('CERTIFICATE', shown.issuers[1] ?? ''));
    expect(issuer).toMatchObject({ keyType: 'ml-dsa-65', signatureAlgorithm: { family: 'ecdsa' } });
    const crlUrl = new URL(leaf.crlUrls[0] ?? '');
    const crl = parseCrl(new Uint8Array(await (await fetch(server.url + crlUrl.pathname)).arrayBuffer()));
    await verifySignature(issuer.publicKey, crl.signatureAlgorithm, crl.tbs, crl.signature);
  } finally {
    await server.stop();
  }
}, 240_000);
