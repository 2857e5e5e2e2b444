import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signedMessage, type SignedEpoch, verifySignedEpoch } from '../../src/akd/auditor-signature.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
const DIGEST = new Uint8Array(32).fill(0x11);

function signed(ciphersuite: number, over: Partial<SignedEpoch> = {}): SignedEpoch {
  const unsigned = {
    ciphersuite,
    namespace: 'log.example',
    timestampMs: 1_717_084_639_921,
    epoch: 300,
    digest: DIGEST,
    ...over,
  };
  return { ...unsigned, signature: new Uint8Array(sign(null, signedMessage(unsigned), privateKey)) };
}

describe("an auditor's signature", () => {
  it('is over protobuf for ciphersuite 1', () => {
    const { signature: _, ...unsigned } = signed(1);
    const expected = [
      '0801',
      '120b',
      '6c6f672e6578616d706c65',
      '18b1a5e1d1fc31',
      '2203',
      '08ac02',
      '2a20',
      '11'.repeat(32),
    ];
    expect(formatHex(signedMessage(unsigned))).toBe(expected.join(''));
  });

  it('is over bincode for ciphersuite 2', () => {
    const { signature: _, ...unsigned } = signed(2);
    const expected = [
      '02000000',
      '0b00000000000000',
      '6c6f672e6578616d706c65',
      'b15238ca8f010000',
      '2c01000000000000',
      '2000000000000000',
      '11'.repeat(32),
    ];
    expect(formatHex(signedMessage(unsigned))).toBe(expected.join(''));
  });

  it.each([1, 2])('verifies, and with any part changed it does not (ciphersuite %s)', (ciphersuite) => {
    const honest = signed(ciphersuite);
    expect(() => verifySignedEpoch(key, honest)).not.toThrow();
    const changes: Partial<SignedEpoch>[] = [
      { epoch: 301 },
      { namespace: 'log.exampla' },
      { timestampMs: 0 },
      { digest: DIGEST.with(0, 0) },
      { ciphersuite: 3 - ciphersuite },
      { signature: honest.signature.with(5, (honest.signature[5] as number) ^ 1) },
      { signature: new Uint8Array(63) },
    ];
    for (const change of changes) {
      expect(() => verifySignedEpoch(key, { ...honest, ...change })).toThrow(
        expect.objectContaining({ code: 'bad-signature' }),
      );
    }
  });

  it.each([
    [{ ciphersuite: 3 }, 'unsupported-suite'],
    [{ digest: new Uint8Array(31) }, 'value-out-of-range'],
    [{ namespace: 'n'.repeat(257) }, 'value-out-of-range'],
    [{ epoch: -1 }, 'value-out-of-range'],
    [{ timestampMs: 2 ** 53 }, 'value-out-of-range'],
  ])('is refused with %j', (change, code) => {
    expect(() => verifySignedEpoch(key, { ...signed(1), ...change })).toThrow(expect.objectContaining({ code }));
  });

  it('is not accepted by a key of small order', () => {
    const small = new Uint8Array(32).with(0, 1);
    expect(() => verifySignedEpoch(small, signed(1))).toThrow(expect.objectContaining({ code: 'bad-key' }));
  });
});
