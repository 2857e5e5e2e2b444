import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { open } from '../../../src/client/e2ee/open-message.ts';
import { MAX_MESSAGE_BYTES } from '../../../src/client/e2ee/message-claim.ts';
import { sealTo } from '../../../src/client/e2ee/seal-message.ts';
import { encodeUtf8, equalBytes, formatHex } from '../../../src/core/encoding/bytes.ts';
import { BOTH, openAt, person, type Person } from '../../support/e2ee-people.ts';
import { resealBytes } from '../../support/reseal.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const HELLO = encodeUtf8('hello');
const code = (expected: string) => expect.objectContaining({ code: expected });

let server: TestServer;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  server = await createTestServer();
  alice = await person(server, 'alice@example.com', [BOTH, BOTH, ['x25519']]);
  bob = await person(server, 'bob@example.com', [BOTH, ['x25519'], []]);
});
afterAll(() => server.close());

/** Seals as a device of somebody, by default the first one. */
const seal = ({ name, keys, directory }: Person, to: string, message = HELLO, device = 0) =>
  sealTo(directory, to, message, { name, key: keys[device]! });

describe('a sealed message', () => {
  it('is read by each device that can decrypt, with its author, and the others are named', async () => {
    const { envelope, messageId, devices, leftOut, to } = await seal(alice, bob.name, HELLO, 2);
    expect(devices.map(({ suite }) => suite)).toEqual(['x-wing', 'x25519']);
    expect(leftOut.map(({ spki }) => spki)).toEqual([bob.keys[2]!.spki]);
    expect(to).toMatchObject({ identity: bob.name, version: 2 });
    for (const device of [0, 1]) {
      const opened = await openAt(bob, envelope, device);
      expect(opened).toMatchObject({ messageId, plaintext: HELLO, suite: device === 0 ? 'x-wing' : 'x25519' });
      expect(opened.from).toMatchObject({ identity: alice.name, version: 2, isCurrent: true });
      expect(opened.from.certificate.spki).toEqual(alice.keys[2]!.spki);
      expect(opened.to).toMatchObject({ identity: bob.name, version: 2, commitment: to.commitment });
      expect(opened.to.devices).toHaveLength(2);
    }
    await expect(openAt(bob, envelope, 2)).rejects.toEqual(code('not-for-this-key'));
  });

  it('is answered, and reaches all devices of either side', async () => {
    const { envelope } = await seal(bob, alice.name, HELLO, 2);
    const read = await Promise.all([0, 1, 2].map((device) => openAt(alice, envelope, device)));
    expect(read.map(({ suite }) => suite)).toEqual(['x-wing', 'x-wing', 'x25519']);
    expect(new Set(read.map(({ messageId }) => messageId)).size).toBe(1);
  });

  it("may go to one's own devices", async () => {
    const { envelope } = await seal(alice, 'ALICE@example.com');
    await expect(openAt(alice, envelope, 1)).resolves.toMatchObject({ from: { identity: alice.name } });
  });

  it('shows nothing of its sender, text, or number of letters', async () => {
    const [short, longer] = [encodeUtf8('no'), encodeUtf8('yes, of course')];
    const [one, other] = [await seal(alice, bob.name, short), await seal(alice, bob.name, longer)];
    expect(one.envelope.length).toBe(other.envelope.length);
    const hex = formatHex(one.envelope);
    for (const secret of [alice.name, bob.name]) expect(hex).not.toContain(formatHex(encodeUtf8(secret)));
    for (const { spkiSha256, keysSha256 } of one.to.certificates) {
      expect(hex).not.toContain(spkiSha256.slice(0, 16));
      expect(hex).not.toContain(formatHex(keysSha256).slice(0, 16));
    }
  });

  it('has the id and the time that the sender gives', async () => {
    const messageId = new Uint8Array(16).fill(3);
    const sealing = { name: alice.name, key: alice.keys[0]!, messageId, now: () => 1234 };
    const { envelope } = await sealTo(alice.directory, bob.name, HELLO, sealing);
    const expected = { messageId: '03'.repeat(16), sentAtMs: 1234 };
    await expect(openAt(bob, envelope)).resolves.toMatchObject(expected);
    const short = { ...sealing, messageId: new Uint8Array(15) };
    await expect(sealTo(alice.directory, bob.name, HELLO, short)).rejects.toEqual(code('value-out-of-range'));
  });

  it('has no byte or one, and at most 1 MiB', async () => {
    for (const length of [0, 1, MAX_MESSAGE_BYTES]) {
      const message = new Uint8Array(length).fill(length);
      const { envelope } = await seal(alice, bob.name, message);
      expect(equalBytes((await openAt(bob, envelope, 1)).plaintext, message)).toBe(true);
    }
    const tooLong = new Uint8Array(MAX_MESSAGE_BYTES + 1);
    await expect(seal(alice, bob.name, tooLong)).rejects.toEqual(code('value-out-of-range'));
  });

  it('can be written as JSON, without private keys', async () => {
    const sealed = await seal(alice, bob.name);
    const text = JSON.stringify([sealed, await openAt(bob, sealed.envelope)]);
    expect(text).toContain('"plaintext":"aGVsbG8="');
    for (const { companionSecrets } of [...alice.keys, ...bob.keys]) {
      const { x25519Secret } = companionSecrets ?? {};
      if (x25519Secret !== undefined) expect(text).not.toContain(Buffer.from(x25519Secret).toString('base64'));
    }
  });
});

describe('sealing', () => {
  it('needs a recipient with valid keys, one of which encrypts', async () => {
    await expect(seal(alice, 'nobody@example.com')).rejects.toEqual(code('identity-not-found'));
    const carol = await person(server, 'carol@example.com', [[], ['ml-kem-768']]);
    await expect(seal(alice, carol.name)).rejects.toEqual(code('no-companion-key'));
    await carol.directory.revoke(carol.name, carol.keys[1]!);
    await carol.directory.revoke(carol.name, carol.keys[0]!);
    await expect(seal(alice, carol.name)).rejects.toEqual(code('identity-not-found'));
  });

  it('needs a key that the record of the sender certifies', async () => {
    const stranger = { name: alice.name, key: await generateKey() };
    await expect(sealTo(alice.directory, bob.name, HELLO, stranger)).rejects.toEqual(code('usage'));
  });

  it('and opening say what the platform lacks', async () => {
    const { envelope } = await seal(alice, bob.name);
    const { subtle } = crypto;
    Object.defineProperty(crypto, 'subtle', { value: undefined, configurable: true });
    try {
      await expect(seal(alice, bob.name)).rejects.toEqual(code('platform-unsupported'));
      await expect(openAt(bob, envelope)).rejects.toEqual(code('platform-unsupported'));
    } finally {
      Object.defineProperty(crypto, 'subtle', { value: subtle, configurable: true });
    }
  });

  it('and opening need no X25519 of WebCrypto', async () => {
    const { subtle } = crypto;
    const refuse = (one: unknown): boolean => (JSON.stringify(one) ?? '').includes('X25519');
    const older = new Proxy(subtle, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...input: unknown[]): unknown =>
          input.some(refuse) ? Promise.reject(new Error('NotSupportedError')) : member.apply(target, input);
      },
    });
    Object.defineProperty(crypto, 'subtle', { value: older, configurable: true });
    try {
      await expect(older.generateKey({ name: 'X25519' }, true, ['deriveBits'])).rejects.toThrow('NotSupportedError');
      const { envelope } = await seal(alice, bob.name);
      await expect(openAt(bob, envelope, 1)).resolves.toMatchObject({ suite: 'x25519' });
    } finally {
      Object.defineProperty(crypto, 'subtle', { value: subtle, configurable: true });
    }
  });
});

describe('opening', () => {
  it('finds the key among several, which an earlier message was sealed to', async () => {
    const dora = await person(server, 'dora@example.com');
    const first = dora.keys[0]!;
    const { envelope } = await seal(alice, dora.name);
    const next = await generateKey({ companions: BOTH });
    await dora.directory.rotate(dora.name, first, next);
    const own = { name: dora.name, keys: [next] };
    await expect(open(dora.directory, own, envelope)).rejects.toEqual(code('not-for-this-key'));
    const opened = await open(dora.directory, { ...own, keys: [next, first] }, envelope);
    expect(opened).toMatchObject({ plaintext: HELLO, to: { version: 0 } });
  });

  it('needs no earlier key where the companion keys were carried over', async () => {
    const erin = await person(server, 'erin@example.com');
    const { envelope } = await seal(alice, erin.name);
    const next = await generateKey({ replaces: erin.keys[0]! });
    await erin.directory.rotate(erin.name, erin.keys[0]!, next);
    const own = { name: erin.name, keys: [next] };
    await expect(open(erin.directory, own, envelope)).resolves.toMatchObject({ plaintext: HELLO });
  });

  it('says whether the device that signed is still current', async () => {
    const frank = await person(server, 'frank@example.com', [BOTH, BOTH]);
    const { envelope } = await seal(frank, bob.name, HELLO, 1);
    await frank.directory.revoke(frank.name, frank.keys[1]!);
    const revoked = await openAt(bob, envelope);
    expect(revoked.from).toMatchObject({ version: 1, isCurrent: false, binding: { version: 2 } });
    await expect(seal(frank, bob.name, HELLO, 1)).rejects.toEqual(code('usage'));
    const later = await seal(frank, bob.name);
    await expect(openAt(bob, later.envelope)).resolves.toMatchObject({ from: { version: 2, isCurrent: true } });
    const next = await generateKey({ replaces: frank.keys[0]! });
    await frank.directory.rotate(frank.name, frank.keys[0]!, next);
    await expect(openAt(bob, later.envelope)).resolves.toMatchObject({ from: { isCurrent: false } });
  });

  it('tries at most 32 keys', async () => {
    const { envelope } = await seal(alice, bob.name);
    const own = { name: bob.name, keys: Array.from({ length: 33 }, () => bob.keys[0]!) };
    await expect(open(bob.directory, own, envelope)).rejects.toEqual(code('value-out-of-range'));
  });

  it('refuses a message for another name, or of another log', async () => {
    const { envelope } = await seal(alice, bob.name);
    const asAlice = { name: alice.name, keys: bob.keys };
    await expect(open(bob.directory, asAlice, envelope)).rejects.toEqual(code('not-for-this-key'));
    const elsewhere = { origin: 'elsewhere.example/log', label: bob.directory.identity(bob.name).label };
    const foreign = await resealBytes(elsewhere, bob.keys.slice(0, 1), new Uint8Array());
    await expect(openAt(bob, foreign)).rejects.toEqual(code('not-for-this-key'));
  });
});
