import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { safetyNumber } from '../../../src/client/e2ee/safety-number.ts';
import { formatSafetyPayload, parseSafetyPayload } from '../../../src/client/e2ee/safety-payload.ts';
import { keySet, sideFingerprint } from '../../../src/client/e2ee/safety-side.ts';
import { SAFETY_WORDS } from '../../../src/client/e2ee/safety-words.ts';
import { encodeUtf8, formatHex } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { BOTH, person, type Person } from '../../support/e2ee-people.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const numberOf = (own: Person, other: Person) => safetyNumber(own.directory, own.name, other.name);

let server: TestServer;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  server = await createTestServer();
  alice = await person(server, 'alice@example.com', [BOTH, BOTH]);
  bob = await person(server, 'bob@example.com');
});
afterAll(() => server.close());

describe('the safety number of two people', () => {
  it('is the same on both sides, whoever shows and whoever scans', async () => {
    const [hers, his] = [await numberOf(alice, bob), await numberOf(bob, alice)];
    expect(hers.digits).toMatch(/^\d{5}(?: \d{5}){11}$/);
    expect(hers.words).toHaveLength(24);
    expect(hers.qr).toMatch(/^glasskey-safety:[\w-]+$/);
    expect([hers.digits, hers.words, hers.qr]).toEqual([his.digits, his.words, his.qr]);
    expect(hers.verify(his.qr)).toEqual({ same: true });
    expect(his.verify(` ${hers.qr}\n`)).toEqual({ same: true });
    expect(hers).toMatchObject({ mine: his.theirs, theirs: his.mine });
    expect(hers.mine.keys).toHaveLength(2);
  });

  it('changes with a device or a companion key of either, and says on which side', async () => {
    const before = await numberOf(bob, alice);
    const third = await generateKey();
    await alice.directory.register(alice.name, { credentials: alice.keys[0]!, key: third });
    const hers = await numberOf(alice, bob);
    expect(hers.digits).not.toBe(before.digits);
    expect(hers.digits.slice(36)).toBe(before.digits.slice(36));
    expect(before.verify(hers.qr)).toEqual({ same: false, differs: ['theirs'] });
    expect(hers.verify(before.qr)).toEqual({ same: false, differs: ['mine'] });
    const again = { ...third, companionSecrets: (await generateKey({ companions: BOTH })).companionSecrets };
    await alice.directory.rotate(alice.name, third, again);
    expect((await numberOf(bob, alice)).verify(hers.qr)).toEqual({ same: false, differs: ['theirs'] });
    await alice.directory.revoke(alice.name, again);
    expect((await numberOf(alice, bob)).verify(before.qr)).toEqual({ same: true });
  });

  it('says that the text is of other people, or no number at all', async () => {
    const carol = await person(server, 'carol@example.com');
    const hers = await numberOf(alice, bob);
    expect(hers.verify((await numberOf(alice, carol)).qr)).toEqual({ same: false, differs: ['names'] });
    const { logHash, first, second } = parseSafetyPayload(hers.qr);
    const elsewhere = formatSafetyPayload({ logHash: logHash.map((byte) => byte ^ 1), first, second });
    expect(hers.verify(elsewhere)).toEqual({ same: false, differs: ['log'] });
    const both = formatSafetyPayload({
      logHash,
      first: { ...first, keys: second.keys },
      second: { ...second, keys: first.keys },
    });
    expect(hers.verify(both)).toEqual({ same: false, differs: ['mine', 'theirs'] });
    const bad = ['', 'glasskey-safety:', `${hers.qr}AAAA`, hers.qr.slice(0, -4), `x${hers.qr}`, 'y'.repeat(10_000)];
    for (const text of bad) expect(() => hers.verify(text), text).toThrow(code('malformed-encoding'));
    expect(hers.qr).toHaveLength(167);
  });

  it('is of two names that have keys', async () => {
    await expect(numberOf(alice, alice)).rejects.toEqual(code('usage'));
    const nobody = safetyNumber(alice.directory, alice.name, 'nobody@example.com');
    await expect(nobody).rejects.toEqual(code('identity-not-found'));
  });

  it('is read from any text without more than a code', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.boolean(), (text, isPrefixed) => {
        try {
          parseSafetyPayload(isPrefixed ? `glasskey-safety:${text}` : text);
        } catch (error) {
          expect(error).toBeInstanceOf(GlasskeyError);
        }
      }),
    );
  });
});

describe('the fingerprint of a side', () => {
  const side = {
    origin: 'log.example/glasskey',
    label: encodeUtf8('mailto:alice@example.com'),
    keys: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)],
  };

  it('is what docs/spec.md#safety-numbers says', () => {
    const { digits, words, hash } = sideFingerprint(side);
    expect(digits).toEqual(['80360', '38900', '58220', '36132', '65182', '24305']);
    expect(words.slice(0, 3)).toEqual(['orbit', 'rabbit', 'table']);
    expect(formatHex(hash)).toBe('aac40ac4a874efd54954c2c38572cc89d5781484a2299d201ecab84503119782');
  });

  it('depends on the log, the name and every key', () => {
    const others = [
      { ...side, origin: 'log.example/other' },
      { ...side, label: encodeUtf8('mailto:bob@example.com') },
      { ...side, keys: side.keys.slice(1) },
    ];
    const all = [side, ...others].map((one) => sideFingerprint(one).digits.join(' '));
    expect(new Set(all).size).toBe(4);
  });

  it('takes each key once, in one order', () => {
    const [one, two] = side.keys.map((keysSha256) => ({ keysSha256 })) as [
      { keysSha256: Uint8Array },
      { keysSha256: Uint8Array },
    ];
    expect(keySet([two, one, two])).toEqual(side.keys);
  });

  it('has 256 words, which three letters tell apart', () => {
    expect(SAFETY_WORDS).toHaveLength(256);
    expect(new Set(SAFETY_WORDS.map((word) => word.slice(0, 3))).size).toBe(256);
    expect(SAFETY_WORDS.filter((word) => !/^[a-z]{3,9}$/.test(word))).toEqual([]);
  });
});
