import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW_FRAMES, ReplayWindow } from '../../../src/client/calls/replay-window.ts';
import { indexBitsOf, keyIdOf } from '../../../src/client/calls/sframe-epoch.ts';
import { SframeGroup } from '../../../src/client/calls/sframe-group.ts';
import { decodeSframeHeader } from '../../../src/client/calls/sframe-header.ts';
import { MAX_FRAME_BYTES, SframeKey } from '../../../src/client/calls/sframe-key.ts';
import { SframeSendKey } from '../../../src/client/calls/sframe-sender.ts';
import { SFRAME_SUITES, type SframeSuite } from '../../../src/client/calls/sframe-suite.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../../src/core/encoding/bytes.ts';
import { exporterOf, groupOf } from './groups.ts';

const code = (...expected: string[]) =>
  expect.objectContaining({ code: expect.toSatisfy((one: string) => expected.includes(one)) as string });
const SUITES = Object.keys(SFRAME_SUITES) as SframeSuite[];
const FRAME = encodeUtf8('a frame of media');
const [ALICE, BOB, CAROL] = [0, 1, 4] as const;
const MEMBERS = [ALICE, BOB, CAROL];

/** Three devices of one group. */
async function three(options: ConstructorParameters<typeof SframeGroup>[0] = {}) {
  const devices = await groupOf(MEMBERS, options);
  return { alice: devices.get(ALICE)!, bob: devices.get(BOB)!, carol: devices.get(CAROL)! };
}

describe('key ids (RFC 9605 §5.2)', () => {
  it('are those of the example: E = 4, S = 6', () => {
    const layout = { epochBits: 4, indexBits: 6 };
    const ids = [
      [14, 3, 0, 0x3e],
      [14, 7, 0, 0x7e],
      [14, 20, 0, 0x14e],
      [15, 3, 0, 0x3f],
      [15, 5, 0, 0x5f],
      [16, 2, 2, 0x820],
      [16, 2, 3, 0xc20],
      [17, 33, 0, 0x211],
      [17, 51, 0, 0x331],
    ] as const;
    for (const [epoch, sender, stream, kid] of ids) {
      expect(keyIdOf({ epoch: BigInt(epoch), sender, stream }, layout)).toBe(BigInt(kid));
    }
  });

  it('have as many bits of an index as the tree of the group has levels', () => {
    expect([[0], [0, 1], [2], [0, 3], [4], [7], [8]].map(indexBitsOf)).toEqual([0, 1, 2, 2, 3, 3, 4]);
  });
});

describe.each(SUITES)('a group that uses %s', (suite) => {
  it('reads what a member sends, and who it claims to be', async () => {
    const { alice, bob, carol } = await three({ suite });
    const sealed = await alice.sealer().encrypt(FRAME, encodeUtf8('meta'));
    for (const device of [bob, carol]) {
      const opened = await device.decrypt(sealed, encodeUtf8('meta'));
      expect(opened).toEqual({ frame: FRAME, sender: ALICE, epoch: 5n });
    }
    await expect(bob.decrypt(await alice.sealer().encrypt(FRAME), encodeUtf8('meta'))).rejects.toThrow(
      code('bad-frame'),
    );
  });

  it('refuses every flipped bit and every shorter frame', async () => {
    const { alice, bob } = await three({ suite });
    const sealed = await alice.sealer().encrypt(FRAME);
    const refused = code('bad-frame', 'unknown-frame-key', 'malformed-encoding');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = sealed.with(bit >> 3, sealed[bit >> 3]! ^ (1 << (bit & 7)));
      await expect(bob.decrypt(flipped)).rejects.toThrow(refused);
    }
    for (let length = 0; length < sealed.length; length++) {
      await expect(bob.decrypt(sealed.subarray(0, length))).rejects.toThrow(refused);
    }
    // None of these has used the counter up.
    await expect(bob.decrypt(sealed)).resolves.toMatchObject({ frame: FRAME });
  });
});

describe('a group of members', () => {
  it('never crashes on any bytes', async () => {
    const { bob } = await three();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        const error: unknown = await bob.decrypt(bytes).catch((cause: unknown) => cause);
        expect(isGlasskeyError(error)).toBe(true);
      }),
    );
    const { alice } = await three();
    const longest = await alice.sealer().encrypt(new Uint8Array(MAX_FRAME_BYTES));
    await expect(bob.decrypt(longest)).resolves.toMatchObject({ sender: ALICE });
    // How long a header is depends on the counter, which begins at random.
    const longer = concatBytes(await alice.sealer().encrypt(new Uint8Array(MAX_FRAME_BYTES)), new Uint8Array(100));
    await expect(bob.decrypt(longer)).rejects.toThrow(code('payload-too-large'));
    const tooLong = alice.sealer().encrypt(new Uint8Array(MAX_FRAME_BYTES + 1));
    await expect(tooLong).rejects.toThrow(code('payload-too-large'));
    await expect(alice.sealer().encrypt(FRAME, new Uint8Array(5000))).rejects.toThrow(code('payload-too-large'));
  });

  it('takes frames in any order, each once, also two at the same time', async () => {
    const { alice, bob } = await three();
    const sealed = await Promise.all(Array.from({ length: 40 }, (_, i) => alice.sealer().encrypt(Uint8Array.of(i))));
    const counters = new Set(sealed.map((frame) => decodeSframeHeader(frame).ctr));
    expect(counters.size).toBe(40);
    const twice = await Promise.allSettled([sealed[9]!, sealed[9]!].map((frame) => bob.decrypt(frame)));
    expect(twice.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    for (const frame of sealed.toReversed().filter((one) => one !== sealed[9])) await bob.decrypt(frame);
    for (const frame of sealed) await expect(bob.decrypt(frame)).rejects.toThrow(code('bad-frame'));
  });

  it('refuses frames that are older than the window', async () => {
    const { alice, bob } = await three();
    const old = await alice.sealer().encrypt(FRAME);
    for (let i = 1; i < REPLAY_WINDOW_FRAMES; i++) await alice.sealer().encrypt(FRAME);
    await bob.decrypt(await alice.sealer().encrypt(FRAME));
    await expect(bob.decrypt(old)).rejects.toThrow(code('bad-frame'));
  });

  it('has no key for strangers, for itself, or for streams beyond its limit', async () => {
    const { alice, bob } = await three();
    const sealed = await alice.sealer().encrypt(FRAME);
    await expect(alice.decrypt(sealed)).rejects.toThrow(code('unknown-frame-key'));
    const baseKey = await exporterOf('epoch 5')('SFrame 1.0 Base Key', new Uint8Array(), 16);
    const layout = { epochBits: 8, indexBits: 3 };
    const forged = async (sender: number, stream: number): Promise<Uint8Array> => {
      const kid = keyIdOf({ stream, sender, epoch: 5n }, layout);
      return new SframeSendKey(await SframeKey.derive('AES_128_GCM_SHA256_128', kid, baseKey)).encrypt(FRAME);
    };
    await expect(bob.decrypt(await forged(CAROL, 15))).resolves.toMatchObject({ sender: CAROL });
    await expect(bob.decrypt(await forged(CAROL, 16))).rejects.toThrow(code('unknown-frame-key'));
    await expect(bob.decrypt(await forged(2, 0))).rejects.toThrow(code('unknown-frame-key'));
    await expect(bob.decrypt(await forged(BOB, 0))).rejects.toThrow(code('unknown-frame-key'));
  });

  it('cannot tell which member made a frame: each has the keys of all', async () => {
    const { bob } = await three();
    // Carol holds the base key of the epoch, and sends as Alice.
    const asAlice = new SframeGroup();
    await asAlice.update({ epoch: 5n, exporter: exporterOf('epoch 5'), members: MEMBERS, own: ALICE });
    await expect(bob.decrypt(await asAlice.sealer().encrypt(FRAME))).resolves.toMatchObject({ sender: ALICE });
  });

  it('has a sealer for each stream, whose counters do not meet', async () => {
    const { alice, bob } = await three({ firstCounter: 0n });
    const [audio, video] = [alice.sealer(0), alice.sealer(1)];
    expect(alice.sealer(0)).toBe(audio);
    const sealed = [await audio.encrypt(FRAME), await video.encrypt(FRAME), await audio.encrypt(FRAME)];
    expect(sealed.map((frame) => decodeSframeHeader(frame))).toMatchObject([
      { kid: 5n, ctr: 0n },
      { kid: 5n + (1n << 11n), ctr: 0n },
      { kid: 5n, ctr: 1n },
    ]);
    for (const frame of sealed) await bob.decrypt(frame);
    for (const stream of [-1, 16, 0.5]) expect(() => alice.sealer(stream)).toThrow(code('usage'));
  });

  it('begins its counters at random, since a device that starts anew has the same key', async () => {
    const starts = await Promise.all(Array.from({ length: 20 }, () => three()));
    const frames = await Promise.all(starts.map(({ alice }) => alice.sealer().encrypt(FRAME)));
    expect(new Set(frames.map((frame) => decodeSframeHeader(frame).ctr)).size).toBe(20);
  });
});

describe('an update of the keys', () => {
  it('shuts a member who left out, and keeps the epoch before for a while', async () => {
    let nowMs = 0;
    const { alice, bob, carol } = await three({ keepMs: 1000, now: () => nowMs });
    const [late, later] = [await alice.sealer().encrypt(FRAME), await alice.sealer().encrypt(FRAME)];
    const sealer = alice.sealer();
    const next = { epoch: 6n, exporter: exporterOf('epoch 6'), members: [ALICE, BOB] };
    await alice.update({ ...next, own: ALICE });
    await bob.update({ ...next, own: BOB });
    const sealed = await sealer.encrypt(FRAME);
    await expect(bob.decrypt(sealed)).resolves.toMatchObject({ epoch: 6n, sender: ALICE });
    await expect(carol.decrypt(sealed)).rejects.toThrow(code('unknown-frame-key'));
    await expect(bob.decrypt(late)).resolves.toMatchObject({ epoch: 5n });
    nowMs = 1000;
    await expect(bob.decrypt(later)).rejects.toThrow(code('unknown-frame-key'));
  });

  it('keeps two epochs at most, and none with the same low bits', async () => {
    const members = [ALICE, BOB];
    const epochs = [1n, 2n, 3n, 4n];
    const senders = await Promise.all(epochs.map((epoch) => groupOf(members, { epochBits: 2 }, epoch)));
    const frames = await Promise.all(senders.map((devices) => devices.get(ALICE)!.sealer().encrypt(FRAME)));
    const bob = new SframeGroup({ epochBits: 2 });
    for (const epoch of epochs) await bob.update({ epoch, exporter: exporterOf(`epoch ${epoch}`), members, own: BOB });
    const outcomes = await Promise.allSettled(frames.map((frame) => bob.decrypt(frame)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    const again = await senders[3]!.get(ALICE)!.sealer().encrypt(FRAME);
    await bob.update({ epoch: 8n, exporter: exporterOf('epoch 8'), members, own: BOB });
    await expect(bob.decrypt(again)).rejects.toThrow(code('bad-frame'));
  });

  it('may change the width of an index with the size of the group', async () => {
    const many = [ALICE, BOB, 9];
    const next = await groupOf(many, {}, 6n);
    const { bob, alice } = await three();
    const before = await alice.sealer().encrypt(FRAME);
    await bob.update({ epoch: 6n, exporter: exporterOf('epoch 6'), members: many, own: BOB });
    await expect(bob.decrypt(await next.get(9)!.sealer().encrypt(FRAME))).resolves.toMatchObject({ sender: 9 });
    await expect(bob.decrypt(before)).resolves.toMatchObject({ sender: ALICE, epoch: 5n });
  });

  it('is refused for an epoch that is not newer, for members that are none, and for an exporter that is none', async () => {
    const { alice } = await three();
    const next = { epoch: 6n, exporter: exporterOf('epoch 6'), members: MEMBERS, own: ALICE };
    const wrong = [
      { epoch: 5n },
      { epoch: -1n },
      { members: [] },
      { members: [0, 0] },
      { members: [0, -1] },
      { members: [0, 1.5] },
      { members: [0, 2 ** 16] },
      { members: Array.from({ length: 4097 }, (_, i) => i) },
      { own: 3 },
      { exporter: async () => new Uint8Array(15) },
    ];
    for (const one of wrong) await expect(alice.update({ ...next, ...one })).rejects.toThrow(code('usage'));
    await expect(alice.update(next)).resolves.toBeUndefined();
    for (const options of [{ epochBits: 0 }, { epochBits: 17 }, { indexBits: 17 }, { epochBits: 1.5 }]) {
      expect(() => new SframeGroup(options)).toThrow(code('usage'));
    }
    await expect(new SframeGroup().sealer().encrypt(FRAME)).rejects.toThrow(code('usage'));
    const narrow = new SframeGroup({ indexBits: 2 });
    await expect(narrow.update(next)).rejects.toThrow(code('usage'));
  });

  it('ends with the call', async () => {
    const { alice, bob } = await three();
    const sealed = await alice.sealer().encrypt(FRAME);
    bob.close();
    await expect(bob.decrypt(sealed)).rejects.toThrow(code('unknown-frame-key'));
    await expect(bob.sealer().encrypt(FRAME)).rejects.toThrow(code('usage'));
  });
});

describe('a replay window', () => {
  it('accepts each counter once, as a set would, if it is not too old', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: -1200, max: 40 }), fc.integer({ min: 0, max: 3000 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (offsets) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let newest = 100_000;
        for (const offset of offsets) {
          const ctr = newest + offset;
          const isTooOld = seen.size > 0 && Math.max(...seen) - ctr >= REPLAY_WINDOW_FRAMES;
          const accepts = (() => {
            try {
              window.accept(BigInt(ctr));
              return true;
            } catch {
              return false;
            }
          })();
          expect(accepts).toBe(!isTooOld && !seen.has(ctr));
          if (accepts) seen.add(ctr);
          newest = Math.max(newest, ctr);
        }
      }),
    );
  });
});

describe('a sending key', () => {
  it('refuses counters beyond 64 bits', async () => {
    const key = await SframeKey.derive('AES_128_GCM_SHA256_128', 1n, FRAME);
    for (const first of [-1n, 2n ** 63n + 1n])
      expect(() => new SframeSendKey(key, first)).toThrow(code('value-out-of-range'));
    const sealed = await new SframeSendKey(key, 2n ** 63n).encrypt(FRAME);
    expect(decodeSframeHeader(sealed)).toMatchObject({ ctr: 2n ** 63n, length: 9 });
    await expect(SframeKey.derive('AES_128_GCM_SHA256_128', 1n, new Uint8Array())).rejects.toThrow(code('bad-key'));
  });

  it('makes another ciphertext of the same frame each time', async () => {
    const { alice } = await three();
    const [one, two] = [await alice.sealer().encrypt(FRAME), await alice.sealer().encrypt(FRAME)];
    expect(equalBytes(one.subarray(-24), two.subarray(-24))).toBe(false);
  });
});
