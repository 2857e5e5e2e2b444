import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { publicCompanion } from '../../../src/ca/companion-secret.ts';
import { DHKEM_X25519 } from '../../../src/client/e2ee/dhkem-x25519.ts';
import { bufferOf, type RawKem } from '../../../src/client/e2ee/raw-kem.ts';
import { hpkeSuite } from '../../../src/client/e2ee/suites.ts';
import { X_WING } from '../../../src/client/e2ee/x-wing.ts';
import { companionKeysOf, makeCompanions } from '../../../src/client/keys/companion-secrets.ts';
import { expandXWingSeed } from '../../../src/client/keys/x-wing-seed.ts';
import { concatBytes, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';

const FOLDER = resolve(import.meta.dirname, '../../vectors/e2ee');
const read = (name: string): unknown => JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
const buffer = (hex: string): ArrayBuffer => bufferOf(parseHex(hex));

interface XWingCase {
  readonly seed: string;
  readonly eseed: string;
  readonly ss: string;
  readonly pk: string;
  readonly ct: string;
}
interface HpkeVector {
  readonly info: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly sharedSecret: string;
  readonly encryptions: readonly {
    readonly sequence: number;
    readonly pt: string;
    readonly aad: string;
    readonly ct: string;
  }[];
}

const { cases } = read('x-wing.json') as { readonly cases: readonly XWingCase[] };
const overX25519 = read('hpke-x25519.json') as HpkeVector & { readonly skEm: string; readonly skRm: string };
const overXWing = read('hpke-x-wing.json') as HpkeVector & { readonly seed: string; readonly random: string };

/** The private key of a seed in its two parts. */
function partsOf(seed: string): Uint8Array {
  const { mlKem768Seed, x25519Secret } = expandXWingSeed(parseHex(seed));
  return concatBytes(mlKem768Seed, x25519Secret);
}

describe('X-Wing', () => {
  it.each(cases)('has the keys, the ciphertext and the secret of the draft: $seed', ({ seed, eseed, ss, pk, ct }) => {
    const { mlKem768Seed, x25519Secret } = expandXWingSeed(parseHex(seed));
    const parts = [publicCompanion('ml-kem-768', mlKem768Seed), publicCompanion('x25519', x25519Secret)];
    expect(formatHex(concatBytes(...parts))).toBe(pk);
    const { enc, sharedSecret } = X_WING.encapsulate(parseHex(pk), parseHex(eseed));
    expect([formatHex(enc), formatHex(sharedSecret)]).toEqual([ct, ss]);
    expect(formatHex(X_WING.decapsulate(partsOf(seed), parseHex(ct)))).toBe(ss);
  });

  it.each(cases)('has the companion keys that are made together from one seed: $seed', ({ seed, pk }) => {
    const random = vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
      (array as unknown as Uint8Array).set(parseHex(seed));
      return array;
    });
    const companionSecrets = makeCompanions(['ml-kem-768', 'x25519']);
    expect(random).toHaveBeenCalledOnce();
    random.mockRestore();
    const { x25519, mlKem768 } = companionKeysOf({ companionSecrets }) ?? {};
    expect(formatHex(concatBytes(mlKem768 as Uint8Array, x25519 as Uint8Array))).toBe(pk);
  });

  it('works with companion keys that were made apart', () => {
    const made = makeCompanions(['x25519'], makeCompanions(['ml-kem-768']));
    const { x25519, mlKem768 } = companionKeysOf({ companionSecrets: made }) ?? {};
    const { x25519Secret, mlKem768Seed } = made ?? {};
    const { enc, sharedSecret } = X_WING.encapsulate(
      concatBytes(mlKem768 as Uint8Array, x25519 as Uint8Array),
      new Uint8Array(64).fill(7),
    );
    const privateKey = concatBytes(mlKem768Seed as Uint8Array, x25519Secret as Uint8Array);
    expect(X_WING.decapsulate(privateKey, enc)).toEqual(sharedSecret);
  });

  it('refuses a seed of another length', () => {
    const refusal = expect.objectContaining({ code: 'value-out-of-range' });
    expect(() => expandXWingSeed(new Uint8Array(31))).toThrow(refusal);
  });
});

describe.each([
  { name: 'x25519', kem: DHKEM_X25519, vector: overX25519, random: overX25519.skEm, key: parseHex(overX25519.skRm) },
  { name: 'x-wing', kem: X_WING, vector: overXWing, random: overXWing.random, key: partsOf(overXWing.seed) },
] satisfies { name: string; kem: RawKem; vector: HpkeVector; random: string; key: Uint8Array }[])(
  'HPKE with $name',
  ({ kem, vector, random, key }) => {
    const { info, pkRm, enc, sharedSecret, encryptions } = vector;
    const suite = hpkeSuite(kem);

    it('encapsulates and decapsulates as published', () => {
      const made = kem.encapsulate(parseHex(pkRm), parseHex(random));
      expect([formatHex(made.enc), formatHex(made.sharedSecret)]).toEqual([enc, sharedSecret]);
      expect(formatHex(kem.decapsulate(key, parseHex(enc)))).toBe(sharedSecret);
    });

    it('seals and opens as published', async () => {
      const recipientPublicKey = await suite.kem.deserializePublicKey(buffer(pkRm));
      const recipientKey = await suite.kem.deserializePrivateKey(bufferOf(key));
      const parameters = { info: buffer(info), ekm: buffer(random), recipientPublicKey };
      const sender = await suite.createSenderContext(parameters);
      const recipient = await suite.createRecipientContext({ info: buffer(info), enc: buffer(enc), recipientKey });
      const last = encryptions.at(-1)?.sequence ?? -1;
      for (let sequence = 0; sequence <= last; sequence++) {
        const { pt, aad, ct } = encryptions.find((one) => one.sequence === sequence) ?? {
          pt: '',
          aad: '',
          ct: undefined,
        };
        const sealed = await sender.seal(buffer(pt), buffer(aad));
        if (ct !== undefined) expect(formatHex(new Uint8Array(sealed))).toBe(ct);
        expect(formatHex(new Uint8Array(await recipient.open(sealed, buffer(aad))))).toBe(pt);
      }
      expect(encryptions.length).toBeGreaterThan(2);
    });

    it('refuses keys of a wrong length, and a point of small order', async () => {
      const code = expect.objectContaining({ code: 'bad-key' });
      await expect(suite.kem.deserializePublicKey(new ArrayBuffer(31))).rejects.toEqual(code);
      await expect(suite.kem.deserializePrivateKey(new ArrayBuffer(31))).rejects.toEqual(code);
      const smallOrder = parseHex(pkRm).fill(0, kem.publicKeyBytes - 32);
      expect(() => kem.encapsulate(smallOrder, parseHex(random))).toThrow();
    });

    it('does not authenticate senders, nor make keys', async () => {
      const recipientPublicKey = await suite.kem.deserializePublicKey(buffer(pkRm));
      const senderKey = await suite.kem.deserializePrivateKey(bufferOf(key));
      await expect(suite.createSenderContext({ recipientPublicKey, senderKey })).rejects.toThrow();
      await expect(suite.kem.generateKeyPair()).rejects.toThrow();
      const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
        'sign',
        'verify',
      ]);
      const foreign = suite.createSenderContext({ recipientPublicKey: publicKey });
      await expect(foreign).rejects.toEqual(expect.objectContaining({ code: 'bad-key' }));
    });
  },
);
