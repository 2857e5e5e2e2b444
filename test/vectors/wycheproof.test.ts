import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeVerifySpkiSignature } from '../../src/ca/node-verify-signature.ts';
import { verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { cipherSuite, KT_128_SHA256_P256 } from '../../src/core/crypto/cipher-suite.ts';
import { parseHex } from '../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import { VECTORS } from './vector-file.ts';

interface WycheproofGroup {
  readonly publicKeyDer: string;
  readonly publicKey: { readonly uncompressed: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly msg: string;
    readonly sig: string;
    readonly result: 'valid' | 'invalid' | 'acceptable';
  }[];
}

/** The files of algorithms that bare signatures are verified by. */
const COVERED: readonly string[] = [
  'ecdsa_secp256r1_sha256_test.json',
  'ecdsa_secp384r1_sha384_test.json',
  'ed25519_test.json',
  'rsa_signature_2048_sha256_test.json',
];

/** ECDSA signatures as r || s: those of KT_128_SHA256_P256. */
const TREE_HEADS = 'ecdsa_secp256r1_sha256_p1363_test.json';

/** Files that do not apply, and why. A file in neither list is reported as not covered. */
const NOT_COVERED: Readonly<Record<string, string>> = {
  'rsa_pss_2048_sha256_mgf1_32_test.json': 'RSA signatures are PKCS#1 v1.5 only',
  'mldsa_44_verify_test.json': 'ML-DSA is not verified yet',
};

/** The exact numbers of signatures refused because of their key: RSA with exponent 3. */
const WEAK_KEY_CASES: Readonly<Record<string, number>> = { 'rsa_signature_2048_sha256_test.json': 2 };

const VERIFIERS = { WebCrypto: verifySpkiSignature, Node: nodeVerifySpkiSignature };

const folder = join(VECTORS, 'wycheproof');
const present = existsSync(folder);
const title = present ? 'wycheproof vectors' : `wycheproof vectors (no folder ${folder})`;

function groups(file: string): readonly WycheproofGroup[] {
  const text = readFileSync(join(folder, file), 'utf8');
  return (JSON.parse(text) as { readonly testGroups: readonly WycheproofGroup[] }).testGroups;
}

describe.skipIf(!present && process.env['CI'] === undefined)(title, () => {
  it('are there', () => {
    expect(present ? readdirSync(folder) : []).toEqual(expect.arrayContaining([...COVERED, TREE_HEADS]));
  });

  describe.each(Object.entries(VERIFIERS))('%s', (_, verify) => {
    const outcome = async (group: WycheproofGroup, msg: string, sig: string): Promise<string> => {
      try {
        await verify(parseHex(group.publicKeyDer), parseHex(msg), parseHex(sig));
        return 'valid';
      } catch (error) {
        if (!(error instanceof GlasskeyError)) throw error;
        return error.code;
      }
    };

    it.each(COVERED)('%s', async (file) => {
      let weak = 0;
      for (const group of groups(file)) {
        for (const { tcId, comment, msg, sig, result } of group.tests) {
          const found = await outcome(group, msg, sig);
          if (found === 'weak-key') weak += 1;
          else if (result === 'acceptable') expect(['valid', 'bad-signature']).toContain(found);
          else expect(found, `${tcId} ${comment}`).toBe(result === 'valid' ? 'valid' : 'bad-signature');
        }
      }
      expect(weak).toBe(WEAK_KEY_CASES[file] ?? 0);
    });
  });

  it(`${TREE_HEADS}, as tree heads are verified`, () => {
    const suite = cipherSuite(KT_128_SHA256_P256);
    for (const group of groups(TREE_HEADS)) {
      const publicKey = parseHex(group.publicKey.uncompressed);
      suite.assertSignatureKey(publicKey);
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        const verify = (): void => suite.verifySignature(publicKey, parseHex(msg), parseHex(sig));
        if (result === 'valid') expect(verify, `${tcId} ${comment}`).not.toThrow();
        else expect(verify, `${tcId} ${comment}`).toThrow(expect.objectContaining({ code: 'bad-signature' }));
      }
    }
  });

  for (const file of present ? readdirSync(folder) : []) {
    if (!COVERED.includes(file) && file !== TREE_HEADS)
      it.skip(`${file}: not covered: ${NOT_COVERED[file] ?? 'unknown file'}`);
  }
});
