import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimOf } from '../../../src/client/certified-signature.ts';
import { decodeEnvelope, encodeEnvelope, MAX_ENVELOPE_BYTES } from '../../../src/client/e2ee/envelope-codec.ts';
import {
  encodeContent,
  type MessageClaim,
  type MessageContent,
  sealedMessageText,
} from '../../../src/client/e2ee/message-claim.ts';
import { paddedLength } from '../../../src/client/e2ee/padding.ts';
import { sealTo } from '../../../src/client/e2ee/seal-message.ts';
import { compareBytes, concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { BOTH, openAt, person, type Person } from '../../support/e2ee-people.ts';
import { reseal, resealBytes, unseal } from '../../support/reseal.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const HELLO = encodeUtf8('hello');
const code = (...expected: string[]) =>
  expect.objectContaining({ code: expect.toSatisfy((one: string) => expected.includes(one)) as string });

let server: TestServer;
let alice: Person;
let bob: Person;
let eve: Person;
let envelope: Uint8Array;
let content: MessageContent;
let toBob: { origin: string; label: Uint8Array };
beforeAll(async () => {
  server = await createTestServer();
  alice = await person(server, 'alice@example.com');
  bob = await person(server, 'bob@example.com', [BOTH, ['x25519'], ['x25519']]);
  eve = await person(server, 'eve@example.com');
  ({ envelope } = await sealTo(alice.directory, bob.name, HELLO, { name: alice.name, key: alice.keys[0]! }));
  toBob = { origin: bob.directory.trust.bundle.origin, label: bob.directory.identity(bob.name).label };
  ({ content } = await unseal(toBob, bob.keys[0]!, envelope));
});
afterAll(() => server.close());

/** A claim that somebody signs with the first key. */
async function signedBy({ keys }: Person, claim: MessageClaim, plaintext = HELLO): Promise<MessageContent> {
  const signature = await keys[0]!.sign(sealedMessageText(toBob.origin, claim, plaintext));
  return { claim, plaintext, signature };
}

/** Opens a content that a device of the recipient, or a liar, sealed to the recipient's second device. */
const openForged = async (forged: MessageContent) => openAt(bob, await reseal(toBob, [bob.keys[1]!], forged), 1);

describe('a device that has read a message', () => {
  it('can deliver it again, which its id tells', async () => {
    await expect(openForged(content)).resolves.toMatchObject({ from: { identity: alice.name } });
  });

  it('cannot change the text, the id, the time or the list', async () => {
    const other = [...content.claim.devices];
    other[0] = new Uint8Array(32);
    const changes: readonly Partial<MessageContent>[] = [
      { plaintext: encodeUtf8('hellO') },
      { claim: { ...content.claim, messageId: new Uint8Array(16) } },
      { claim: { ...content.claim, sentAtMs: content.claim.sentAtMs + 1 } },
      { claim: { ...content.claim, devices: other.toSorted(compareBytes) } },
      { claim: { ...content.claim, devices: content.claim.devices.slice(1) } },
    ];
    for (const change of changes) {
      await expect(openForged({ ...content, ...change })).rejects.toEqual(code('bad-signature'));
    }
  });

  it('cannot send it under another name, or say that another device wrote it', async () => {
    const { binding } = (await bob.directory.lookup(bob.name)) as {
      binding: { version: number; commitment: Uint8Array };
    };
    const { label } = toBob;
    const own = { label, version: binding.version, commitment: binding.commitment };
    const signer = claimOf(bob.keys[0]!, { identity: bob.name, ...own }).keySha256;
    const asBob = { ...content.claim, sender: own, signer };
    await expect(openForged({ ...content, claim: asBob })).rejects.toEqual(code('bad-signature'));
    const asAlice = await signedBy(bob, content.claim);
    await expect(openForged(asAlice)).rejects.toEqual(code('bad-signature'));
    const stranger = await signedBy(bob, { ...content.claim, signer });
    await expect(openForged(stranger)).rejects.toEqual(code('certificate-not-in-record'));
  });

  it('cannot pass it on to somebody else, as if it had been written to them', async () => {
    const toEve = { origin: toBob.origin, label: eve.directory.identity(eve.name).label };
    const passedOn = await reseal(toEve, eve.keys, content);
    await expect(openAt(eve, passedOn)).rejects.toEqual(code('bad-message'));
    const recipient = { ...content.claim.recipient, label: toEve.label };
    const renamed = await reseal(toEve, eve.keys, { ...content, claim: { ...content.claim, recipient } });
    await expect(openAt(eve, renamed)).rejects.toEqual(code('bad-signature'));
  });

  it('cannot write another content by the key that all devices have', async () => {
    const { contentKey } = await unseal(toBob, bob.keys[0]!, envelope);
    const forged = encodeContent({ ...content, plaintext: encodeUtf8('forged') });
    const again = await resealBytes(toBob, [bob.keys[1]!], forged, contentKey);
    await expect(openAt(bob, again, 1)).rejects.toEqual(code('bad-signature'));
  });

  it('cannot pass it on to a device that the sender did not write to', async () => {
    const { binding } = (await bob.directory.lookup(bob.name)) as {
      binding: { certificates: readonly { spki: Uint8Array; keysSha256: Uint8Array }[] };
    };
    const first = binding.certificates.filter(({ spki }) => compareBytes(spki, bob.keys[0]!.spki) === 0);
    const claim = { ...content.claim, devices: first.map(({ keysSha256 }) => keysSha256) };
    await expect(openForged(await signedBy(alice, claim))).rejects.toEqual(code('bad-message'));
  });
});

describe('a sender who lies', () => {
  it.each([
    [
      'a key that is not in the record',
      'unexpected-version',
      (claim: MessageClaim) => ({
        ...claim,
        devices: [...claim.devices, new Uint8Array(32).fill(200)].toSorted(compareBytes),
      }),
    ],
    [
      'another value of the version',
      'unexpected-version',
      (claim: MessageClaim) => ({
        ...claim,
        recipient: { ...claim.recipient, commitment: new Uint8Array(32) },
      }),
    ],
    [
      'a version to come',
      'too-far-behind',
      (claim: MessageClaim) => ({
        ...claim,
        recipient: { ...claim.recipient, version: claim.recipient.version + 1 },
      }),
    ],
    [
      'another value of the own version',
      'unexpected-version',
      (claim: MessageClaim) => ({
        ...claim,
        sender: { ...claim.sender, commitment: new Uint8Array(32) },
      }),
    ],
    [
      'an own version to come',
      'too-far-behind',
      (claim: MessageClaim) => ({
        ...claim,
        sender: { ...claim.sender, version: 7 },
      }),
    ],
    [
      'a name that is none',
      'malformed-encoding',
      (claim: MessageClaim) => ({
        ...claim,
        sender: { ...claim.sender, label: encodeUtf8('@') },
      }),
    ],
    [
      'a name that has no keys',
      'identity-not-found',
      (claim: MessageClaim) => ({
        ...claim,
        sender: { ...claim.sender, label: encodeUtf8('mailto:nobody@example.com') },
      }),
    ],
  ])('about %s is found out', async (_, expected, change) => {
    await expect(openForged(await signedBy(alice, change(content.claim)))).rejects.toEqual(code(expected));
  });

  it('cannot seal two contents to two devices in one envelope', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(async (byte) => {
        const key = bob.keys[byte]!;
        return decodeEnvelope(await resealBytes(toBob, [key], encodeContent(content), new Uint8Array(32).fill(byte)));
      }),
    );
    const slots = [...one!.header.slots, ...two!.header.slots].toSorted((a, b) => compareBytes(a.hint, b.hint));
    const joined = encodeEnvelope({ ...one!, header: { ...one!.header, slots } });
    await expect(openAt(bob, joined, 2)).rejects.toEqual(code('bad-message'));
  });
});

describe('an envelope', () => {
  it('is refused with any bit flipped', async () => {
    for (let bit = 0; bit < envelope.length * 8; bit += 97) {
      const flipped = envelope.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const refused = code('malformed-encoding', 'bad-message', 'not-for-this-key');
      await expect(openAt(bob, flipped, 1), `bit ${bit}`).rejects.toEqual(refused);
    }
  });

  it('is refused where it ends early or late, and for counts that it does not have', async () => {
    for (let length = 0; length < envelope.length; length += 1 + (length >> 4)) {
      await expect(openAt(bob, envelope.slice(0, length))).rejects.toEqual(code('malformed-encoding'));
    }
    const long = [concatBytes(envelope, Uint8Array.of(0)), new Uint8Array(MAX_ENVELOPE_BYTES + 1)];
    for (const one of long) await expect(openAt(bob, one)).rejects.toEqual(code('malformed-encoding'));
    const none = concatBytes(envelope.slice(0, 33), Uint8Array.of(0), envelope.slice(34));
    await expect(openAt(bob, none)).rejects.toEqual(code('malformed-encoding'));
  });

  it('is refused with slots in another order, and with one twice', async () => {
    const { header, ciphertext } = decodeEnvelope(envelope);
    const orders = [header.slots.toReversed(), [...header.slots, header.slots.at(-1)!]];
    for (const slots of orders) {
      const reordered = encodeEnvelope({ header: { ...header, slots }, ciphertext });
      await expect(openAt(bob, reordered)).rejects.toEqual(code('malformed-encoding'));
    }
  });

  it('is refused with a content that is not padded as the format says', async () => {
    const encoded = encodeContent(content);
    expect(encoded.length).toBe(paddedLength(encoded.length));
    const marked = encoded.slice();
    marked[encoded.length - 1] = 1;
    for (const bytes of [marked, encoded.slice(0, -1), concatBytes(encoded, Uint8Array.of(0)), new Uint8Array()]) {
      const forged = await resealBytes(toBob, [bob.keys[1]!], bytes);
      await expect(openAt(bob, forged, 1)).rejects.toEqual(code('malformed-encoding'));
    }
  });

  it('of random bytes, or of a message with random bytes in it, never does more than fail with a code', async () => {
    const random = fc.uint8Array({ maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(random, fc.nat(envelope.length), fc.boolean(), async (bytes, at, isInside) => {
        const hostile = isInside ? concatBytes(envelope.slice(0, at), bytes, envelope.slice(at + bytes.length)) : bytes;
        const outcome = await openAt(bob, hostile, 1).catch((error: unknown) => error);
        const isSame = compareBytes(hostile, envelope) === 0;
        expect(outcome instanceof GlasskeyError || isSame).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('whose content is random bytes never does more than fail with a code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), async (bytes) => {
        const forged = await resealBytes(toBob, [bob.keys[1]!], bytes);
        await expect(openAt(bob, forged, 1)).rejects.toEqual(code('malformed-encoding'));
      }),
      { numRuns: 100 },
    );
  });
});

describe('padding', () => {
  it('grows by a sixteenth at most, and never shrinks or depends on more than the upper bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 21 }), (length) => {
        const padded = paddedLength(length);
        expect(padded).toBeGreaterThanOrEqual(length);
        expect(padded).toBeLessThanOrEqual(Math.max(256, length * (1 + 1 / 16)));
        expect(paddedLength(padded)).toBe(padded);
        expect(paddedLength(length + 1)).toBeGreaterThanOrEqual(padded);
      }),
    );
    const lengths = new Set(Array.from({ length: 2 ** 20 }, (_, length) => paddedLength(length)));
    expect(lengths.size).toBeLessThan(300);
    expect([257, 1000, 100_000, 2 ** 20 - 1].map(paddedLength)).toEqual([272, 1024, 100_352, 2 ** 20]);
  });
});
