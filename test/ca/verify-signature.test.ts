import { afterEach, expect, it, vi } from 'vitest';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { judgeCertificate } from '../../src/client/binding/binding.ts';

afterEach(() => vi.unstubAllGlobals());

const fails = (): never => {
  throw new DOMException('not here', 'NotSupportedError');
};

it.each([
  ['WebCrypto, as a page that is not on https', {}],
  ['the algorithm, when it reads the key', { subtle: { importKey: fails } }],
  ['the algorithm, when it verifies', { subtle: { importKey: async () => ({}), verify: fails } }],
])('a platform that lacks %s says so, and nothing about the signature', async (_, crypto) => {
  const signer = signerFromKey(await createKey('p256'));
  const message = Uint8Array.of(1, 2, 3);
  const signature = await signer.sign(message);
  await verifySpkiSignature(signer.spki, message, signature);
  vi.stubGlobal('crypto', crypto);
  const lacks = expect.objectContaining({ code: 'unsupported-operation' }) as unknown;
  const verify = (): Promise<void> => verifySpkiSignature(signer.spki, message, signature);
  await expect(verify()).rejects.toEqual(lacks);
  // Nobody else's certificate is bad because of that.
  await expect(judgeCertificate(verify)).rejects.toEqual(lacks);
});
