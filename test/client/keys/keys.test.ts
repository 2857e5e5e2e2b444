import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, verify as nodeVerify } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatPem, parsePemBlocks } from '../../../src/ca/der/pem.ts';
import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import { type ClientKey, generateKey, importKey, oidcNonce } from '../../../src/client/client-key.ts';
import { createCsr } from '../../../src/client/csr.ts';
import { companionKeysOf } from '../../../src/client/keys/companion-secrets.ts';
import { concatBytes } from '../../../src/core/encoding/bytes.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const MESSAGE = Uint8Array.of(7, 8, 9);
const SAN = { kind: 'email', value: 'alice@example.com' } as const;

afterEach(() => vi.unstubAllGlobals());

/** The key of a platform without WebCrypto, such as a page on plain http. */
const withoutSubtle = () => vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });

/** OpenSSL's check of a CSR by the key, and its own view of the key's public half. */
async function checkByOpenssl(key: ClientKey): Promise<void> {
  const csr = await createCsr({ san: SAN }, key, companionKeysOf(key));
  const said = execFileSync('openssl', ['req', '-verify', '-noout', '-pubkey'], { input: csr, stdio: 'pipe' });
  expect(parsePemBlocks('PUBLIC KEY', said.toString())).toEqual([key.spki]);
}

describe('a key that is made', () => {
  const kinds = (['p256', 'ed25519'] as const).flatMap((type) =>
    ([true, false] as const).map((hasSubtle) => ({ type, hasSubtle })),
  );

  it.each(kinds)('signs and is read back from every form: $type, with WebCrypto: $hasSubtle', async (kind) => {
    const { type } = kind;
    if (!kind.hasSubtle) withoutSubtle();
    const key = await generateKey({ type });
    const pem = await key.exportPem();
    const [pkcs8, raw] = [await key.exportPkcs8(), await key.exportRaw()];
    const forms = [await importKey(pem), await importKey({ pkcs8 }), await importKey({ type, raw })];
    const signatures = await Promise.all([key, ...forms].map((one) => one.sign(MESSAGE)));
    vi.unstubAllGlobals();
    for (const one of forms) {
      expect(one).toMatchObject({ keyType: type, spki: key.spki });
      await expect(one.exportPem()).resolves.toBe(pem);
    }
    for (const signature of signatures) await verifySpkiSignature(key.spki, MESSAGE, signature);
    expect(createPublicKey(createPrivateKey(pem)).export({ format: 'der', type: 'spki' })).toEqual(
      Buffer.from(key.spki),
    );
    await checkByOpenssl(key);
  });

  it.each(['p256', 'ed25519'] as const)('stays inside WebCrypto if it is not extractable: %s', async (type) => {
    const key = await generateKey({ type, extractable: false, companions: ['x25519'] });
    for (const form of [key.exportPem(), key.exportPkcs8(), key.exportRaw()]) {
      await expect(form).rejects.toThrow(code('usage'));
    }
    const { platformKeys, companionSecrets } = structuredClone({
      platformKeys: key.platformKeys,
      companionSecrets: key.companionSecrets,
    });
    expect(platformKeys?.privateKey.extractable).toBe(false);
    const again = await importKey({ ...platformKeys!, companionSecrets });
    expect(again).toMatchObject({ keyType: type, spki: key.spki, companionSecrets: key.companionSecrets });
    await verifySpkiSignature(key.spki, MESSAGE, await again.sign(MESSAGE));
    await checkByOpenssl(again);
    await expect(importKey({ privateKey: platformKeys!.privateKey })).rejects.toThrow(code('usage'));
    const { publicKey } = (await generateKey({ type, extractable: false })).platformKeys!;
    await expect(importKey({ privateKey: platformKeys!.privateKey, publicKey })).rejects.toThrow(code('bad-key-file'));
  });

  it('says what the platform lacks', async () => {
    const { rsa } = nodeKeys();
    withoutSubtle();
    await expect(generateKey({ extractable: false })).rejects.toThrow(code('platform-unsupported'));
    await expect(importKey(rsa.pem)).rejects.toThrow(code('platform-unsupported'));
    vi.stubGlobal('crypto', undefined);
    await expect(generateKey()).rejects.toThrow(code('platform-unsupported'));
    await expect(generateKey({ type: 'ed25519', companions: ['x25519'] })).rejects.toThrow(
      code('platform-unsupported'),
    );
  });
});

/** Keys that Node's OpenSSL made, as PEM and with the public half. */
function nodeKeys() {
  const made = {
    p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    ed25519: generateKeyPairSync('ed25519'),
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  };
  return Object.fromEntries(
    Object.entries(made).map(([name, { privateKey, publicKey }]) => [
      name,
      {
        pem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
        spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
        publicKey,
      },
    ]),
  ) as Record<keyof typeof made, { pem: string; spki: Uint8Array; publicKey: typeof made.rsa.publicKey }>;
}

describe('a key of another program', () => {
  it('is read from its private half alone, with and without WebCrypto', async () => {
    for (const [keyType, { pem, spki, publicKey }] of Object.entries(nodeKeys())) {
      for (const hasSubtle of keyType === 'rsa' ? [true] : [true, false]) {
        if (!hasSubtle) withoutSubtle();
        const key = await importKey(pem);
        const signature = await key.sign(MESSAGE);
        vi.unstubAllGlobals();
        expect(key).toMatchObject({ keyType, spki });
        expect(await key.exportPem()).toBe(pem);
        const hash = keyType === 'ed25519' ? null : keyType === 'p384' ? 'sha384' : 'sha256';
        expect(nodeVerify(hash, MESSAGE, publicKey, signature)).toBe(true);
      }
    }
  });

  it('is refused if it is damaged anywhere, or is another key, and is never taken for one that it is not', async () => {
    const { p256, ed25519, rsa } = nodeKeys();
    for (const { pem, spki } of [p256, ed25519]) {
      const [pkcs8] = parsePemBlocks('PRIVATE KEY', pem) as [Uint8Array];
      for (let i = 0; i < pkcs8.length; i++) {
        const damaged = pkcs8.slice();
        damaged[i] = (damaged[i] ?? 0) ^ 1;
        const read = await importKey({ pkcs8: damaged }, spki).catch((error: unknown) => error);
        expect(read, `byte ${i}`).toMatchObject({ code: 'bad-key-file' });
      }
      await expect(importKey({ pkcs8: concatBytes(pkcs8, Uint8Array.of(0)) })).rejects.toThrow(code('bad-key-file'));
    }
    await expect(importKey(p256.pem, ed25519.spki)).rejects.toThrow(code('bad-key-file'));
    await expect(importKey(rsa.pem, ed25519.spki)).rejects.toThrow(code('bad-key-file'));
    for (const pem of ['', 'no key', p256.pem + ed25519.pem, formatPem('PRIVATE KEY', Uint8Array.of(0x30, 0))]) {
      await expect(importKey(pem)).rejects.toThrow(code('bad-key-file'));
    }
    const order = new Uint8Array(32).fill(0xff);
    for (const raw of [new Uint8Array(32), order, new Uint8Array(31).fill(1)]) {
      await expect(importKey({ type: 'p256', raw })).rejects.toThrow(code('bad-key-file'));
    }
    const { privateKey } = generateKeyPairSync('x25519');
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    await expect(importKey(pem)).rejects.toThrow(code('bad-key-file'));
  });
});

describe('companion keys', () => {
  it('are made with a key, stored in its PEM, and carried over to the key that replaces it', async () => {
    const key = await generateKey({ type: 'ed25519', companions: ['x25519', 'ml-kem-768'] });
    expect(companionKeysOf(key)).toMatchObject({ x25519: expect.any(Uint8Array), mlKem768: expect.any(Uint8Array) });
    const pem = await key.exportPem();
    const again = await importKey(pem);
    expect(again.companionSecrets).toEqual(key.companionSecrets);
    expect(await again.exportPem()).toBe(pem);
    const { companionSecrets } = key;
    expect((await importKey({ pkcs8: await key.exportPkcs8(), companionSecrets })).companionSecrets).toEqual(
      companionSecrets,
    );

    const next = await generateKey({ replaces: again });
    expect(next).toMatchObject({ keyType: 'ed25519', companionSecrets });
    expect(next.spki).not.toEqual(key.spki);
    const fresh = await generateKey({ replaces: again, companions: ['x25519'] });
    expect(fresh.companionSecrets?.mlKem768Seed).toEqual(companionSecrets?.mlKem768Seed);
    expect(fresh.companionSecrets?.x25519Secret).not.toEqual(companionSecrets?.x25519Secret);
    expect(companionKeysOf(await generateKey())).toBeUndefined();
  });

  it('are refused twice, or with a wrong length', async () => {
    const [key, other] = [await generateKey({ companions: ['x25519'] }), await generateKey({ companions: ['x25519'] })];
    const block = (await other.exportPem()).slice((await other.exportPem()).indexOf('-----BEGIN', 1));
    await expect(importKey((await key.exportPem()) + block)).rejects.toThrow(code('bad-key-file'));
    const raw = await key.exportRaw();
    const companionSecrets = { x25519Secret: new Uint8Array(31) };
    await expect(importKey({ type: 'p256', raw, companionSecrets })).rejects.toThrow(code('bad-key-file'));
  });

  it('name the OpenID nonce of a key without padding', async () => {
    expect(oidcNonce(await generateKey())).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});
