import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { assertSuccessor } from '../../src/contract/bundle-successor.ts';
import {
  bundleMessage,
  canonicalBundle,
  fingerprint,
  signTrustBundle,
  verifyBundleSignatures,
} from '../../src/contract/bundle-signature.ts';
import { canonicalJson, type CanonicalValue } from '../../src/contract/canonical-json.ts';
import { assertTrustBundle, formatTrustBundle, parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../../src/contract/trust-bundle.ts';
import { ed25519Vkey, formatVkey } from '../../src/core/audit/vkey.ts';
import type { Signer } from '../../src/core/crypto/signer.ts';
import { decodeUtf8, encodeUtf8, formatBase64, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../src/core/keytrans/configuration.ts';

function signer(seed: number): Signer {
  const secret = new Uint8Array(32).fill(seed);
  const publicKey = ed25519.getPublicKey(secret);
  return { algorithm: 'ed25519', spki: publicKey, publicKey, sign: async (message) => ed25519.sign(message, secret) };
}

const [first, second, stranger] = [signer(1), signer(2), signer(3)];
const PEM = '-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n';
const COMMON = {
  cipherSuite: 2,
  signaturePublicKey: new Uint8Array(32).fill(4),
  vrfPublicKey: new Uint8Array(32).fill(5),
  maxAheadMs: 60_000,
  maxBehindMs: 600_000,
  reasonableMonitoringWindowMs: 21_600_000,
  maximumLifetimeMs: undefined,
};
const config = (but: Partial<Configuration> = {}): string =>
  formatBase64(encode(configurationCodec, { ...COMMON, mode: 'contactMonitoring', ...but } as Configuration));
const audited = (auditor: number): string =>
  config({
    mode: 'thirdPartyAuditing',
    maxAuditorLagMs: 1000 * auditor,
    auditorStartPosition: auditor,
    auditorPublicKey: new Uint8Array(32).fill(auditor),
  });

const BUNDLE: TrustBundle = {
  format: 1,
  sequence: 1,
  origin: 'log.example/1',
  publicUrl: 'https://log.example',
  roots: [PEM],
  issuers: [PEM],
  keytransConfiguration: config(),
  auditLogVkeys: [formatVkey(ed25519Vkey('log.example/1', first.publicKey))],
  witnessPolicy: 'quorum none\n',
  recoveryDelayMs: 259_200_000,
  identityRules: { localPart: 'fold-lower-case', uriSchemes: ['https', 'urn'] },
  bundleKey: formatBase64(first.publicKey),
};
const make = (but: Partial<TrustBundle> = {}, signers = [first]): Promise<SignedTrustBundle> =>
  signTrustBundle({ ...BUNDLE, ...but }, signers);
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('trust bundles', () => {
  it('are read as they were written', async () => {
    const signed = await make();
    expect(parseTrustBundle(formatTrustBundle(signed))).toEqual(signed);
    const { publicUrl: _, ...without } = BUNDLE;
    const local = await signTrustBundle(without, [first]);
    expect(parseTrustBundle(formatTrustBundle(local))).toEqual(local);
    expect(() => assertTrustBundle(BUNDLE)).not.toThrow();
  });

  it('are signed over a context and their canonical JSON', () => {
    const message = decodeUtf8(bundleMessage(BUNDLE));
    expect(message).toBe(`glasskey bundle v1\0${canonicalBundle(BUNDLE)}`);
    expect(message).toContain('{"auditLogVkeys":["log.example/1+');
  });

  it('keep their fingerprint whoever signs and however the members are ordered', async () => {
    const signed = await make({}, [first, second]);
    const reordered = Object.fromEntries(Object.entries(BUNDLE).toReversed()) as unknown as TrustBundle;
    expect(fingerprint(signed.bundle)).toMatch(/^[0-9a-f]{64}$/);
    expect(fingerprint(reordered)).toBe(fingerprint(BUNDLE));
    expect(fingerprint({ ...BUNDLE, sequence: 2 })).not.toBe(fingerprint(BUNDLE));
  });

  it('are refused with any character of their content changed', async () => {
    const signed = await make();
    const changes: readonly Partial<TrustBundle>[] = [
      { sequence: 2 },
      { origin: 'evil.example' },
      { publicUrl: 'https://evil.example' },
      { roots: [PEM, PEM] },
      { issuers: [PEM.replace('AQID', 'AQIE')] },
      { keytransConfiguration: audited(1) },
      { earlierConfigurations: [config()] },
      { auditLogVkeys: [formatVkey(ed25519Vkey('log.example/1', stranger.publicKey))] },
      { witnessPolicy: 'quorum none' },
      { recoveryDelayMs: 0 },
      { identityRules: { localPart: 'fold-lower-case', uriSchemes: [] } },
      { bundleKey: formatBase64(stranger.publicKey) },
    ];
    for (const change of changes) {
      const text = formatTrustBundle({ ...signed, bundle: { ...signed.bundle, ...change } });
      expect(() => parseTrustBundle(text)).toThrow(code('bad-bundle'));
    }
  });

  it('are refused without their own key’s signature, with one key twice, and with a signature that fails', async () => {
    const { bundle, signatures } = await make({}, [first, second]);
    const [own, other] = [signatures[0]!, signatures[1]!];
    const flipped = parseBase64(own.signature);
    flipped[3] = (flipped[3] ?? 0) ^ 1;
    const wrong = [
      [],
      [other],
      [own, own],
      [{ ...own, key: other.key }],
      [{ ...own, signature: formatBase64(flipped) }],
      [own, { ...other, signature: own.signature }],
      [own, { key: formatBase64(new Uint8Array(32)), signature: own.signature }],
    ];
    for (const list of wrong) {
      expect(() => parseTrustBundle(formatTrustBundle({ bundle, signatures: list }))).toThrow(code('bad-bundle'));
    }
    await expect(make({}, [second])).rejects.toThrow(code('bad-bundle'));
    await expect(make({}, [{ ...first, algorithm: 'p256' }])).rejects.toThrow(code('bad-bundle'));
  });

  it.each<[string, object]>([
    ['another format', { format: 2 }],
    ['an unknown member', { extra: true }],
    ['no sequence', { sequence: undefined }],
    ['a sequence that is a fraction', { sequence: 1.5 }],
    ['an empty origin', { origin: '' }],
    ['an origin of two lines', { origin: 'log\nexample' }],
    ['an origin with a plus', { origin: 'log+example' }],
    ['a URL of another scheme', { publicUrl: 'javascript:alert(1)' }],
    ['a URL with a final slash', { publicUrl: 'https://log.example/' }],
    ['a URL with a query', { publicUrl: 'https://log.example/?x' }],
    ['a URL with user information', { publicUrl: 'https://a@log.example' }],
    ['what is no URL', { publicUrl: 'log' }],
    ['no roots', { roots: [] }],
    ['a root that is not PEM', { roots: ['x'] }],
    ['two roots in one', { roots: [PEM + PEM] }],
    ['a configuration that is not base64', { keytransConfiguration: '*' }],
    ['a configuration that is none', { keytransConfiguration: 'AQID' }],
    ['no vkeys', { auditLogVkeys: [] }],
    ['a vkey that is none', { auditLogVkeys: ['x+00000000+AQID'] }],
    ['a negative delay', { recoveryDelayMs: -1 }],
    ['rules with more', { identityRules: { ...BUNDLE.identityRules, x: 1 } }],
    ['unknown rules', { identityRules: { localPart: 'keep', uriSchemes: [] } }],
    ['schemes out of order', { identityRules: { localPart: 'fold-lower-case', uriSchemes: ['urn', 'https'] } }],
    ['a short bundle key', { bundleKey: 'AQID' }],
  ])('are refused with %s', (_, change) => {
    expect(() => assertTrustBundle({ ...BUNDLE, ...change })).toThrow(code('bad-bundle'));
    const text = JSON.stringify({ ...BUNDLE, ...change, signatures: [] });
    expect(() => parseTrustBundle(text)).toThrow(code('bad-bundle'));
  });

  it.each(['', '{', 'null', '[]', '"x"', `{"a":"${'x'.repeat(300_000)}"}`])('are refused as %.20s', (text) => {
    expect(() => parseTrustBundle(text)).toThrow(code('bad-bundle'));
  });
});

describe('a pinned bundle', () => {
  it('accepts itself, and a later one that its key signed', async () => {
    assertSuccessor(BUNDLE, await make());
    assertSuccessor(BUNDLE, await make({}, [first, stranger]));
    assertSuccessor(BUNDLE, await make({ sequence: 2, roots: [PEM, PEM], recoveryDelayMs: 0, witnessPolicy: 'x' }));
  });

  it('accepts another bundle key only under its own signature, and then only that', async () => {
    const bundleKey = formatBase64(second.publicKey);
    const next = await make({ sequence: 2, bundleKey }, [second, first]);
    assertSuccessor(BUNDLE, next);
    const third = await make({ sequence: 3, bundleKey }, [second]);
    assertSuccessor(next.bundle, third);
    expect(() => assertSuccessor(BUNDLE, third)).toThrow(code('bundle-changed'));
    const revived = await make({ sequence: 4 }, [first]);
    expect(() => assertSuccessor(third.bundle, revived)).toThrow(code('bundle-changed'));
  });

  it('refuses a stranger’s, the same sequence with other content, and an older one', async () => {
    const bundleKey = formatBase64(stranger.publicKey);
    const forged = await make({ sequence: 2, bundleKey }, [stranger]);
    expect(() => assertSuccessor(BUNDLE, forged)).toThrow(code('bundle-changed'));
    const same = await make({ recoveryDelayMs: 1 });
    expect(() => assertSuccessor(BUNDLE, same)).toThrow(code('bundle-changed'));
    const older = await make({ sequence: 0 });
    expect(() => assertSuccessor(BUNDLE, older)).toThrow(code('bundle-changed'));
  });

  it('refuses a claimed signature of the pinned key', async () => {
    const next = await make({ sequence: 2, bundleKey: formatBase64(stranger.publicKey) }, [stranger]);
    const claimed = { ...next, signatures: [...next.signatures, { ...next.signatures[0]!, key: BUNDLE.bundleKey }] };
    expect(() => assertSuccessor(BUNDLE, claimed)).toThrow(code('bad-bundle'));
  });

  it('refuses what a log never changes, whoever signs', async () => {
    const changes: readonly Partial<TrustBundle>[] = [
      { origin: 'other.example' },
      { identityRules: { localPart: 'fold-lower-case', uriSchemes: [] } },
      { keytransConfiguration: config({ reasonableMonitoringWindowMs: 1 }) },
      { keytransConfiguration: config({ vrfPublicKey: new Uint8Array(32) }) },
    ];
    for (const change of changes) {
      const next = await make({ ...change, sequence: 2 });
      expect(() => assertSuccessor(BUNDLE, next)).toThrow(code('bundle-changed'));
    }
  });

  it('accepts another auditor, and the first one, and never none instead', async () => {
    const pinned = { ...BUNDLE, keytransConfiguration: audited(1) };
    const earlierConfigurations = [pinned.keytransConfiguration];
    assertSuccessor(pinned, await make({ sequence: 2, keytransConfiguration: audited(2), earlierConfigurations }));
    assertSuccessor(BUNDLE, await make({ sequence: 2, keytransConfiguration: audited(2) }));
    const without = await make({ sequence: 2 });
    expect(() => assertSuccessor(pinned, without)).toThrow(code('bundle-changed'));
  });

  it.each([[[]], [['AA==']], [['?']], [[7]], [Array.from({ length: 65 }, () => config())], ['x']])(
    'have no earlier Configurations like %j',
    async (earlier) => {
      const text = formatTrustBundle(await make({ earlierConfigurations: [config()] }));
      expect(parseTrustBundle(text).bundle.earlierConfigurations).toEqual([config()]);
      const changed = JSON.stringify({ ...(JSON.parse(text) as object), earlierConfigurations: earlier });
      expect(() => parseTrustBundle(changed)).toThrow(code('bad-bundle'));
    },
  );

  it('keep what a signature covers', async () => {
    const { bundle, signatures } = await make({ earlierConfigurations: [config()] });
    const { earlierConfigurations: _, ...rest } = bundle;
    expect(() => verifyBundleSignatures({ bundle: rest, signatures })).toThrow(code('bad-bundle'));
  });
});

describe('canonical JSON', () => {
  it('sorts by UTF-16 code units, drops undefined, and has no white space', () => {
    const value = { b: [1, true, 'x'], a: { '\u{1f600}': 1, '\ufb33': 2, z: undefined }, '': '\n"\u2028é' };
    expect(canonicalJson(value)).toBe('{"":"\\n\\"\u2028é","a":{"\u{1f600}":1,"\ufb33":2},"b":[1,true,"x"]}');
    expect(encodeUtf8(canonicalJson(value)).length).toBeGreaterThan(0);
  });

  it.each<[CanonicalValue]>([[1.5], [2 ** 53], [-0], [Number.NaN], ['\ud800'], [{ '\udc00': 1 }]])(
    'refuses %j',
    (value) => {
      expect(() => canonicalJson(value)).toThrow(code('value-out-of-range'));
    },
  );
});

it('a bundle of another log is a mistake of its user, unless the pinned key signed it', async () => {
  const other = { origin: 'elsewhere.example', bundleKey: formatBase64(stranger.publicKey) };
  const foreign = await make(other, [stranger]);
  expect(() => assertSuccessor(BUNDLE, foreign)).toThrow(code('other-log'));
  const later = await make({ ...other, sequence: 2 }, [stranger]);
  expect(() => assertSuccessor(BUNDLE, later)).toThrow(code('other-log'));
  const lie = await make({ origin: 'elsewhere.example', sequence: 2 });
  expect(() => assertSuccessor(BUNDLE, lie)).toThrow(code('bundle-changed'));
});

describe('what a bundle requires of clients', () => {
  it('is read, signed and shown', async () => {
    const signed = await make({ requires: ['ml-dsa'] });
    expect(parseTrustBundle(formatTrustBundle(signed))).toEqual(signed);
    const without = formatTrustBundle(signed).replace(/"requires": \[[^\]]*\],/, '');
    expect(() => parseTrustBundle(without)).toThrow(code('bad-bundle'));
  });

  it('is a reason to refuse the log, as unsupported, for a client that does not have it', async () => {
    const later = { requires: ['ml-dsa', 'slh-dsa'], alsoNew: 1 } as unknown as Partial<TrustBundle>;
    const text = JSON.stringify({ ...BUNDLE, ...later, signatures: [] });
    expect(() => parseTrustBundle(text)).toThrow(code('unsupported-log'));
  });

  it.each([
    [[]],
    [['ml-dsa', 'ml-dsa']],
    [['ML-DSA']],
    [['']],
    ['ml-dsa'],
    [[1]],
    [['z', 'ml-dsa']],
    [['a'.repeat(33)]],
  ])('is a list of names in ascending order, and not %j', (requires) => {
    const text = JSON.stringify({ ...BUNDLE, requires, signatures: [] });
    expect(() => parseTrustBundle(text)).toThrow(code('bad-bundle'));
  });

  it('only grows', async () => {
    const more = await make({ sequence: 2, requires: ['ml-dsa'] });
    assertSuccessor(BUNDLE, more);
    const less = await make({ sequence: 3 });
    expect(() => assertSuccessor(more.bundle, less)).toThrow(
      expect.objectContaining({ code: 'bundle-changed', name: 'GlasskeyError' }),
    );
  });
});
