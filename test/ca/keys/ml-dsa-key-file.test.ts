import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKey, writeKeyFile } from '../../../src/ca/keys/key-file.ts';
import { readMlDsaKeyFile, writeMlDsaKeyFile } from '../../../src/ca/keys/ml-dsa-key-file.ts';
import { isMlDsaSignature, mlDsaSigner } from '../../../src/core/crypto/ml-dsa.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });
const seed = new Uint8Array(32).fill(9);
const random = (length: number): Uint8Array => new Uint8Array(length).fill(3);
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-ml-dsa-'));
  path = join(folder, 'key.pem');
});
afterEach(() => rm(folder, { recursive: true }));

it.each([undefined, 'secret'])('reads the key that was written (passphrase %s)', async (passphrase) => {
  await writeMlDsaKeyFile(path, seed, passphrase);
  const signer = await readMlDsaKeyFile(path, passphrase, random);
  expect(signer.publicKey).toEqual(mlDsaSigner(seed).publicKey);
  const message = Uint8Array.of(1, 2, 3);
  const signature = await signer.sign(message);
  expect(isMlDsaSignature(signer.publicKey, message, signature)).toBe(true);
  // Hedged: not the deterministic one.
  expect(signature).not.toEqual(await mlDsaSigner(seed).sign(message));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).toContain(passphrase === undefined ? 'BEGIN PRIVATE' : 'BEGIN ENCRYPTED');
});

it('refuses wrong passphrases, other keys, and to replace a file', async () => {
  await writeMlDsaKeyFile(path, seed, 'secret');
  await expect(readMlDsaKeyFile(path, 'wrong', random)).rejects.toThrow(code('bad-key-file'));
  await expect(readMlDsaKeyFile(path, undefined, random)).rejects.toThrow(code('bad-key-file'));
  await expect(writeMlDsaKeyFile(path, seed, 'secret')).rejects.toThrow(code('bad-key-file'));
  const other = join(folder, 'other.pem');
  await writeKeyFile(other, await createKey('ed25519'), undefined);
  await expect(readMlDsaKeyFile(other, undefined, random)).rejects.toThrow(code('bad-key-file'));
});
