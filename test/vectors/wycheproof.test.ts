import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseVerificationKey } from '../../src/ca/public-key.ts';
import { nodeVerifySpkiSignature } from '../../src/ca/node-verify-signature.ts';
import { verifySignature, verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { cipherSuite, KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../src/core/crypto/cipher-suite.ts';
import { isMlDsaSignature } from '../../src/core/crypto/ml-dsa.ts';
import { parseHex } from '../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import { useNativeCrypto } from '../../src/native/native-crypto.ts';
import { useNoble } from '../support/verifiers.ts';
import { VECTORS } from './vector-file.ts';

interface WycheproofGroup {
  readonly publicKeyDer: string;
  /** Hex: of ECDSA a point, of Ed25519 in `pk`, of ML-DSA the key itself. */
  readonly publicKey: string | { readonly uncompressed: string } | { readonly pk: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly msg: string;
    readonly sig: string;
    /** ML-DSA: a context, which our messages do not have. */
    readonly ctx?: string;
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

/** ML-DSA-44: checkpoints and cosignatures. */
const COSIGNATURES = 'mldsa_44_verify_test.json';

/** RSASSA-PSS: certificates and CRLs of other CAs. */
const PSS = 'rsa_pss_2048_sha256_mgf1_32_test.json';
const USED: readonly string[] = [...COVERED, TREE_HEADS, COSIGNATURES, PSS];

/** The exact numbers of signatures refused because of their key: RSA with exponent 3. */
const WEAK_KEY_CASES: Readonly<Record<string, number>> = { 'rsa_signature_2048_sha256_test.json': 2 };

/** The exact number of ML-DSA cases that have a context. */
const WITH_CONTEXT = 7;

const VERIFIERS = { WebCrypto: verifySpkiSignature, Node: nodeVerifySpkiSignature };

const folder = join(VECTORS, 'wycheproof');
const present = existsSync(folder);
const title = present ? 'wycheproof vectors' : `wycheproof vectors (no folder ${folder})`;

function groups(file: string): readonly WycheproofGroup[] {
  const text = readFileSync(join(folder, file), 'utf8');
  return (JSON.parse(text) as { readonly testGroups: readonly WycheproofGroup[] }).testGroups;
}

function rawKey({ publicKey: key }: WycheproofGroup): Uint8Array {
  if (typeof key === 'string') return parseHex(key);
  return parseHex('pk' in key ? key.pk : key.uncompressed);
}

describe.skipIf(!present && process.env['CI'] === undefined)(title, () => {
  it('are there', () => {
    expect(present ? readdirSync(folder) : []).toEqual(expect.arrayContaining([...USED]));
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

  it(`${PSS}, as certificates of other CAs are verified`, async () => {
    const algorithm = { family: 'rsa-pss', hash: 'SHA-256', saltLength: 32 } as const;
    for (const group of groups(PSS)) {
      const key = parseVerificationKey(parseHex(group.publicKeyDer));
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        const code = await verifySignature(key, algorithm, parseHex(msg), parseHex(sig)).then(
          () => 'valid',
          (error: GlasskeyError) => error.code,
        );
        expect(code, `${tcId} ${comment}`).toBe(result === 'valid' ? 'valid' : 'bad-signature');
      }
    }
  });

  it.each([
    [TREE_HEADS, KT_128_SHA256_P256],
    ['ed25519_test.json', KT_128_SHA256_ED25519],
  ] as const)('%s, as tree heads are verified', (file, suiteId) => {
    checkTreeHeads(file, suiteId);
    useNativeCrypto();
    onTestFinished(useNoble);
    checkTreeHeads(file, suiteId);
  });

  function checkTreeHeads(file: string, suiteId: number): void {
    const suite = cipherSuite(suiteId);
    for (const group of groups(file)) {
      const publicKey = rawKey(group);
      suite.assertSignatureKey(publicKey);
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        const verify = (): void => suite.verifySignature(publicKey, parseHex(msg), parseHex(sig));
        if (result === 'valid') expect(verify, `${tcId} ${comment}`).not.toThrow();
        else expect(verify, `${tcId} ${comment}`).toThrow(expect.objectContaining({ code: 'bad-signature' }));
      }
    }
  }

  it(`${COSIGNATURES}, as cosignatures are verified`, () => {
    let withContext = 0;
    for (const group of groups(COSIGNATURES)) {
      for (const { tcId, comment, msg, sig, ctx = '', result } of group.tests) {
        // Ours have no context, so that a signature made for another one does not hold.
        const holds = result === 'valid' && ctx === '';
        if (ctx !== '') withContext += 1;
        expect(isMlDsaSignature(rawKey(group), parseHex(msg), parseHex(sig)), `${tcId} ${comment}`).toBe(holds);
      }
    }
    expect(withContext).toBe(WITH_CONTEXT);
  });

  for (const file of present ? readdirSync(folder) : []) {
    if (!USED.includes(file)) it.skip(`${file}: not covered`);
  }
});
