import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createKey, parsePrivateKey, readKeyFile, writeKeyFile } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { nodeVerifySpkiSignature } from '../../../src/ca/node-verify-signature.ts';
import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { CA_ALGORITHMS, openssl, temporaryFolder } from '../support.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const bad = expect.objectContaining({ code: 'bad-key-file' });

describe.each(CA_ALGORITHMS)('a %s key file', (algorithm) => {
  it.each([
    ['encrypted', 'pässphrase'],
    ['plain', undefined],
  ])('%s: written once, mode 0600, read back, read by openssl', async (name, passphrase) => {
    const path = join(folder.path, `${algorithm}-${name}.pem`);
    const key = await createKey(algorithm);
    await writeKeyFile(path, key, passphrase);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await readKeyFile(path, passphrase)).equals(key)).toBe(true);
    openssl(['pkey', '-in', path, '-noout', ...(passphrase === undefined ? [] : ['-passin', `pass:${passphrase}`])]);
    await expect(writeKeyFile(path, key, passphrase)).rejects.toEqual(bad);

    const signer = signerFromKey(key);
    const message = encodeUtf8('message');
    const signature = await signer.sign(message);
    await verifySpkiSignature(signer.spki, message, signature);
    await nodeVerifySpkiSignature(signer.spki, message, signature);
  });
});

describe('key files', () => {
  it('hide the key behind many rounds of PBKDF2', async () => {
    const path = join(folder.path, 'rounds.pem');
    await writeKeyFile(path, await createKey('p256'), 'secret');
    expect(readFileSync(path, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    const listing = openssl(['asn1parse', '-in', path]);
    expect(listing).toMatch(/INTEGER +:0927C0[^]*hmacWithSHA256[^]*aes-256-cbc/);
    await expect(readKeyFile(path, 'wrong')).rejects.toEqual(bad);
    await expect(readKeyFile(path, undefined)).rejects.toEqual(bad);
  });

  it('are refused where everybody may read them, where absent, empty or no key', async () => {
    const path = join(folder.path, 'open.pem');
    await writeKeyFile(path, await createKey('p256'), undefined);
    chmodSync(path, 0o644);
    await expect(readKeyFile(path, undefined)).rejects.toEqual(bad);
    await expect(readKeyFile(join(folder.path, 'absent.pem'), undefined)).rejects.toEqual(bad);
    await expect(writeKeyFile(join(folder.path, 'e.pem'), await createKey('p256'), '')).rejects.toEqual(bad);
    for (const text of ['', 'secret words', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n']) {
      expect(() => parsePrivateKey(text, undefined)).toThrow(bad);
    }
    writeFileSync(join(folder.path, 'large.pem'), 'x'.repeat(20_000), { mode: 0o600 });
    await expect(readKeyFile(join(folder.path, 'large.pem'), undefined)).rejects.toEqual(bad);
  });

  it('never quote what they hold in an error', () => {
    const secret = 'c2VjcmV0LXNlY3JldA==';
    const error = (() => {
      try {
        parsePrivateKey(`-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`, undefined);
        return undefined;
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(secret);
  });

  it('of RSA are refused as signers', () => {
    openssl(['genpkey', '-algorithm', 'RSA', '-out', 'rsa.pem'], folder.path);
    const key = parsePrivateKey(readFileSync(join(folder.path, 'rsa.pem'), 'utf8'), undefined);
    expect(() => signerFromKey(key)).toThrow(bad);
  });
});
