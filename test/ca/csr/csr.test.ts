import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, asyncProperty, uint8Array } from 'fast-check';
import { CertificationRequest } from 'pkijs';
import { afterAll, describe, expect, it } from 'vitest';
import { signCsr } from '../../../src/ca/csr/sign-csr.ts';
import { decodeCsrPem, MAX_CSR_BYTES, parseCsr } from '../../../src/ca/csr/csr.ts';
import { der, derBitString, derOid, derSequence, derUnsigned } from '../../../src/ca/der/der-writer.ts';
import { createKey } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { formatPem } from '../../../src/ca/der/pem.ts';
import { encodeSignatureAlgorithm } from '../../../src/ca/signature-algorithm.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { CA_ALGORITHMS, openssl, spkiOf, temporaryFolder } from '../support.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** A request of a new key by openssl, PEM. `key` are the arguments of genpkey. */
function opensslCsr(key: readonly string[], more: readonly string[] = []): string {
  openssl(['genpkey', ...key, '-out', 'key.pem'], folder.path);
  const san = ['-subj', '/CN=alice@example.com', '-addext', 'subjectAltName=email:alice@example.com'];
  openssl(['req', '-new', '-key', 'key.pem', ...san, ...more, '-out', 'csr.pem'], folder.path);
  return readFileSync(join(folder.path, 'csr.pem'), 'utf8');
}

const ec = (curve: string): string[] => ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`];
const rsa = (bits: number): string[] => ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`];
const refusal = (code: ErrorCode): object => ({ name: 'GlasskeyError', code });
const ALICE = { kind: 'email', value: 'alice@example.com' } as const;

/** A request around any SubjectPublicKeyInfo and any attributes, signed by `key` (or by nobody). */
function handmadeCsr(spki: Uint8Array, attributes: Uint8Array = der(0xa0), key?: KeyObject): Uint8Array {
  const info = derSequence(derUnsigned(Uint8Array.of(0)), derSequence(), spki, attributes);
  const signature = key === undefined ? new Uint8Array(70) : sign('sha256', info, key);
  return derSequence(info, encodeSignatureAlgorithm('p256'), derBitString(signature));
}

describe('requests that openssl made', () => {
  it.each([
    ['p256', ec('P-256'), []],
    ['p256', ec('P-256'), ['-sha512']],
    ['p384', ec('P-384'), []],
    ['p384', ec('P-384'), ['-sha384']],
    ['ed25519', ['-algorithm', 'ed25519'], []],
    ['rsa', rsa(2048), []],
    ['rsa', rsa(3072), ['-sha384']],
    ['rsa', rsa(4096), ['-sha512']],
  ] as const)('%s %j %j: openssl verifies them, pkijs and we read the same', async (keyType, key, more) => {
    const pem = opensslCsr(key, more);
    openssl(['req', '-verify', '-noout', '-in', 'csr.pem'], folder.path);
    const der = decodeCsrPem(pem);
    const csr = await parseCsr(der);
    expect(csr).toMatchObject({ keyType, names: ['alice@example.com', 'alice@example.com'] });
    expect(csr.sans).toMatchObject({ email: ['alice@example.com'], uri: [], smtpUtf8: [], other: false });
    const read = CertificationRequest.fromBER(new Uint8Array(der));
    expect(new Uint8Array(read.subjectPublicKeyInfo.toSchema().toBER())).toEqual(csr.spki);
  });

  it.each([
    ['weak-key', ec('P-521'), []],
    ['weak-key', ec('secp256k1'), []],
    ['weak-key', ec('P-224'), []],
    ['weak-key', rsa(1024), []],
    ['weak-key', [...rsa(2048), '-pkeyopt', 'rsa_keygen_pubexp:3'], []],
    ['weak-key', ['-algorithm', 'ed448'], []],
    ['bad-csr', rsa(2048), ['-md5']],
    ['bad-csr', rsa(2048), ['-sha1']],
    ['bad-csr', ec('P-256'), ['-sha1']],
    ['bad-csr', rsa(2048), ['-sigopt', 'rsa_padding_mode:pss']],
  ] as const)('%s: %j %j', async (code, key, more) => {
    const pem = opensslCsr(key, more);
    await expect(parseCsr(decodeCsrPem(pem))).rejects.toMatchObject(refusal(code));
  });

  it('refuses DSA', async () => {
    const { publicKey } = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 });
    await expect(parseCsr(handmadeCsr(spkiOf(publicKey)))).rejects.toMatchObject(refusal('weak-key'));
  });

  it('ignores other extensions and attributes, and reads names of every kind', async () => {
    const config = [
      '[req]\ndistinguished_name=dn\nattributes=at\nreq_extensions=ex\nprompt=no\n[dn]\nCN=Alice\nemailAddress=a@example.com',
      '[at]\nchallengePassword=hunter22\n[ex]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign',
      'subjectAltName=@san\n[san]\nURI=acct:a@b.example\nDNS=example.com',
      'otherName=1.3.6.1.5.5.7.8.9;FORMAT:UTF8,UTF8:ä@example.com',
    ];
    writeFileSync(join(folder.path, 'req.cnf'), config.join('\n'));
    openssl(
      [
        'req',
        '-new',
        '-newkey',
        'ed25519',
        '-nodes',
        '-keyout',
        'k.pem',
        '-config',
        'req.cnf',
        '-utf8',
        '-out',
        'o.pem',
      ],
      folder.path,
    );
    const csr = await parseCsr(decodeCsrPem(readFileSync(join(folder.path, 'o.pem'), 'utf8')));
    expect(csr.sans).toEqual({ email: [], uri: ['acct:a@b.example'], smtpUtf8: ['ä@example.com'], other: true });
    expect(csr.names).toEqual(['ä@example.com', 'acct:a@b.example', 'Alice', 'a@example.com']);
  });
});

describe('our own requests', () => {
  it.each(CA_ALGORITHMS)('%s: openssl verifies them and we read them', async (algorithm) => {
    const signer = signerFromKey(await createKey(algorithm));
    const request = await signCsr(signer, ALICE);
    writeFileSync(join(folder.path, 'own.pem'), formatPem('CERTIFICATE REQUEST', request));
    expect(openssl(['req', '-verify', '-noout', '-text', '-in', 'own.pem'], folder.path)).toContain(
      'email:alice@example.com',
    );
    expect(await parseCsr(request)).toMatchObject({
      keyType: algorithm,
      spki: signer.spki,
      names: ['alice@example.com'],
    });
  });
});

describe('bad requests', async () => {
  const good = await signCsr(signerFromKey(await createKey('p256')), ALICE);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = spkiOf(publicKey);
  const bad = async (bytes: Uint8Array, code: ErrorCode): Promise<void> => {
    await expect(parseCsr(bytes)).rejects.toMatchObject(refusal(code));
  };

  it('refuses every truncation and anything trailing', async () => {
    for (let length = 0; length < good.length; length++) await bad(good.subarray(0, length), 'bad-csr');
    await bad(concatBytes(good, Uint8Array.of(0)), 'bad-csr');
    await bad(concatBytes(good, good), 'bad-csr');
  });

  it('refuses every flipped bit with a code', async () => {
    const codes = new Set(['bad-csr', 'weak-key', 'bad-proof-of-possession']);
    for (let bit = 0; bit < good.length * 8; bit += 3) {
      const changed = Uint8Array.from(good);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const code = await parseCsr(changed).then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      );
      expect(codes).toContain(code);
    }
  });

  it('refuses random bytes', async () => {
    await assert(asyncProperty(uint8Array({ maxLength: 300 }), (bytes) => bad(bytes, 'bad-csr')));
  });

  it('refuses what is too deep, too wide or too large, at once', async () => {
    let deep: Uint8Array = new Uint8Array();
    for (let level = 0; level < 5000; level++) deep = derSequence(deep);
    const started = performance.now();
    await bad(deep, 'bad-csr');
    await bad(
      Uint8Array.from({ length: 60_000 }, (_, i) => (i % 2 === 0 ? 0x30 : 0x80)),
      'bad-csr',
    );
    await bad(derSequence(...Array.from({ length: 20_000 }, () => derSequence())), 'bad-csr');
    await bad(derSequence(der(0x04, new Uint8Array(MAX_CSR_BYTES))), 'bad-csr');
    expect(() => decodeCsrPem('-'.repeat(MAX_CSR_BYTES + 1))).toThrow(expect.objectContaining(refusal('bad-csr')));
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it('refuses PEM that is none, twice, or not base64', () => {
    const pem = formatPem('CERTIFICATE REQUEST', good);
    expect(decodeCsrPem(pem.replaceAll('CERTIFICATE', 'NEW CERTIFICATE').replaceAll('\n', '\r\n'))).toEqual(good);
    for (const text of [
      '',
      'hello',
      pem + pem,
      pem.replace('M', '!'),
      pem.replace('-----END', '-----FIN'),
      formatPem('CERTIFICATE', good),
    ]) {
      expect(() => decodeCsrPem(text)).toThrow(expect.objectContaining(refusal('bad-csr')));
    }
  });

  it('refuses a signature by another key, of another algorithm, or of a message with another hash', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await bad(handmadeCsr(spki, der(0xa0), other.privateKey), 'bad-proof-of-possession');
    const edwards = generateKeyPairSync('ed25519');
    await bad(handmadeCsr(spkiOf(edwards.publicKey)), 'bad-proof-of-possession');
  });

  it('refuses points off the curve, compressed, at infinity, and non-canonical coordinates', async () => {
    const at = spki.length - 65;
    const offCurve = Uint8Array.from(spki);
    offCurve[spki.length - 1] = (offCurve[spki.length - 1] ?? 0) ^ 1;
    await bad(handmadeCsr(offCurve), 'bad-csr');
    const tooLarge = Uint8Array.from(spki).fill(0xff, at + 1);
    await bad(handmadeCsr(tooLarge), 'bad-csr');
    const algorithm = derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7'));
    const compressed = concatBytes(Uint8Array.of(2), spki.subarray(at + 1, at + 33));
    for (const point of [compressed, Uint8Array.of(0), new Uint8Array(65), new Uint8Array()]) {
      await bad(handmadeCsr(derSequence(algorithm, derBitString(point))), 'bad-csr');
    }
    await bad(handmadeCsr(derSequence(derSequence(derOid('1.2.840.10045.2.1')), derBitString(compressed))), 'bad-csr');
  });

  it('refuses Ed25519 keys of small order or non-canonical ones', async () => {
    const key = (first: number, rest: number, last: number): Uint8Array => {
      const bytes = new Uint8Array(32).fill(rest);
      bytes[0] = first;
      bytes[31] = last;
      return derSequence(derSequence(derOid('1.3.101.112')), derBitString(bytes));
    };
    const keys = [
      [0, 0, 0],
      [1, 0, 0],
      [1, 0, 0x80],
      [0xec, 0xff, 0x7f],
      [0xee, 0xff, 0x7f],
      [0xff, 0xff, 0xff],
    ];
    for (const [first = 0, rest = 0, last = 0] of keys) {
      await bad(handmadeCsr(key(first, rest, last)), 'bad-csr');
    }
    const order8 = Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex');
    const order8Neg = Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex');
    for (const bytes of [order8, order8Neg]) {
      await bad(handmadeCsr(derSequence(derSequence(derOid('1.3.101.112')), derBitString(bytes))), 'bad-csr');
    }
  });

  it('refuses RSA keys with bad numbers', async () => {
    const modulus = new Uint8Array(randomBytes(256)).fill(0xc3, 0, 1).fill(1, 255);
    const rsaSpki = (...numbers: Uint8Array[]): Uint8Array =>
      derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), der(5)), derBitString(derSequence(...numbers)));
    const number = (...bytes: number[]): Uint8Array => derUnsigned(Uint8Array.from(bytes));
    const n = derUnsigned(modulus);
    const f4 = number(1, 0, 1);
    for (const e of [number(0), number(1), number(3), number(1, 0, 0), number(1, 0, 0, 0, 1), derUnsigned(modulus)]) {
      await bad(handmadeCsr(rsaSpki(n, e)), 'weak-key');
    }
    const even = Uint8Array.from(modulus).fill(2, 255);
    await bad(handmadeCsr(rsaSpki(derUnsigned(even), f4)), 'weak-key');
    await bad(handmadeCsr(rsaSpki(derUnsigned(modulus.subarray(1)), f4)), 'weak-key');
    await bad(handmadeCsr(rsaSpki(derUnsigned(new Uint8Array(513).fill(0xc3)), f4)), 'weak-key');
    await bad(handmadeCsr(rsaSpki(der(2, modulus), f4)), 'bad-csr');
    await bad(handmadeCsr(rsaSpki(der(2, Uint8Array.of(0, 0), modulus), f4)), 'bad-csr');
    await bad(handmadeCsr(rsaSpki(n, der(2, Uint8Array.of(0xff)))), 'bad-csr');
    await bad(handmadeCsr(rsaSpki(n, f4, f4)), 'bad-csr');
    await bad(handmadeCsr(rsaSpki(derUnsigned(new Uint8Array(30_000).fill(0xff)), f4)), 'weak-key');
    await bad(
      handmadeCsr(derSequence(derSequence(derOid('1.2.840.113549.1.1.1')), derBitString(derSequence(n, f4)))),
      'bad-csr',
    );
  });

  it('refuses attributes, extensions and names that are repeated or malformed', async () => {
    const extensionRequest = (...extensions: Uint8Array[]): Uint8Array =>
      derSequence(derOid('1.2.840.113549.1.9.14'), der(0x31, derSequence(...extensions)));
    const san = (value: Uint8Array): Uint8Array => derSequence(derOid('2.5.29.17'), der(4, value));
    const mail = san(derSequence(der(0x81, encodeUtf8('alice@example.com'))));
    const request = (...attributes: Uint8Array[]): Uint8Array =>
      handmadeCsr(spki, der(0xa0, ...attributes), privateKey);
    expect((await parseCsr(request(extensionRequest(mail)))).names).toEqual(['alice@example.com']);
    await bad(request(extensionRequest(mail), extensionRequest(mail)), 'bad-csr');
    await bad(request(extensionRequest(mail, mail)), 'bad-csr');
    await bad(request(extensionRequest()), 'bad-csr');
    for (const names of [
      derSequence(),
      derSequence(der(0x81)),
      derSequence(der(0x81, Uint8Array.of(0x61, 0))),
      der(4),
    ]) {
      await bad(request(extensionRequest(san(names))), 'bad-csr');
    }
    const many = derSequence(...Array.from({ length: 65 }, () => der(0x81, encodeUtf8('a@b'))));
    await bad(request(extensionRequest(san(many))), 'bad-csr');
    await bad(request(extensionRequest(san(derSequence(der(0x81, encodeUtf8('ä@b')))))), 'bad-csr');
  });
});
