import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sframeCipher } from '../../../src/client/calls/sframe-cipher.ts';
import { decodeSframeHeader, encodeSframeHeader } from '../../../src/client/calls/sframe-header.ts';
import { deriveSframeSecrets, SframeKey } from '../../../src/client/calls/sframe-key.ts';
import type { SframeSuite } from '../../../src/client/calls/sframe-suite.ts';
import { concatBytes, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { ON_BOTH_PLATFORMS } from './platforms.ts';

interface Vectors {
  readonly header: readonly { readonly kid: string; readonly ctr: string; readonly encoded: string }[];
  readonly aesCtrHmac: readonly (Record<'key' | 'nonce' | 'aad' | 'pt' | 'ct', string> & CipherSuite)[];
  readonly sframe: readonly (Record<
    'kid' | 'ctr' | 'base_key' | 'sframe_key' | 'sframe_salt' | 'metadata' | 'pt' | 'ct',
    string
  > &
    CipherSuite)[];
}
interface CipherSuite {
  readonly cipher_suite: number;
}

const FILE = resolve(import.meta.dirname, '../../vectors/sframe/rfc9605.json');
const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as Vectors;
const SUITES: readonly SframeSuite[] = [
  'AES_128_CTR_HMAC_SHA256_80',
  'AES_128_CTR_HMAC_SHA256_64',
  'AES_128_CTR_HMAC_SHA256_32',
  'AES_128_GCM_SHA256_128',
  'AES_256_GCM_SHA512_128',
];
const suiteOf = ({ cipher_suite }: CipherSuite): SframeSuite => SUITES[cipher_suite - 1]!;

describe('the vectors of RFC 9605', () => {
  it('are all there', () => {
    expect([vectors.header.length, vectors.aesCtrHmac.length, vectors.sframe.length]).toEqual([289, 3, 5]);
  });

  it('C.1: each header is written and read', () => {
    for (const { kid, ctr, encoded } of vectors.header) {
      expect(formatHex(encodeSframeHeader(BigInt(kid), BigInt(ctr)))).toBe(encoded);
      const length = encoded.length / 2;
      const followed = concatBytes(parseHex(encoded), Uint8Array.of(1, 2, 3));
      expect(decodeSframeHeader(followed)).toEqual({ kid: BigInt(kid), ctr: BigInt(ctr), length });
    }
  });

  it.each(vectors.sframe)('C.3: suite $cipher_suite derives its key and salt', (vector) => {
    const { key, salt } = deriveSframeSecrets(suiteOf(vector), BigInt(vector.kid), parseHex(vector.base_key));
    expect([formatHex(key), formatHex(salt)]).toEqual([vector.sframe_key, vector.sframe_salt]);
  });

  describe.each(ON_BOTH_PLATFORMS)('$platform', ({ run }) => {
    it.each(vectors.aesCtrHmac)('C.2: suite $cipher_suite seals and opens', (vector) =>
      run(async () => {
        const [nonce, aad, pt, ct] = [vector.nonce, vector.aad, vector.pt, vector.ct].map(parseHex);
        const cipher = await sframeCipher(suiteOf(vector), parseHex(vector.key));
        expect(formatHex(await cipher.seal(nonce!, aad!, pt!))).toBe(vector.ct);
        expect(formatHex(await cipher.open(nonce!, aad!, ct!))).toBe(vector.pt);
      }),
    );

    it.each(vectors.sframe)('C.3: suite $cipher_suite encrypts and decrypts a frame', (vector) =>
      run(async () => {
        const key = await SframeKey.derive(suiteOf(vector), BigInt(vector.kid), parseHex(vector.base_key));
        const [metadata, pt, ct] = [vector.metadata, vector.pt, vector.ct].map(parseHex);
        expect(formatHex(await key.seal(BigInt(vector.ctr), metadata!, pt!))).toBe(vector.ct);
        const header = decodeSframeHeader(ct!);
        expect(header).toMatchObject({ kid: BigInt(vector.kid), ctr: BigInt(vector.ctr) });
        expect(formatHex(await key.open(header, metadata!, ct!))).toBe(vector.pt);
      }),
    );
  });
});
