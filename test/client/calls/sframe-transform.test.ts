import { describe, expect, it } from 'vitest';
import type { FrameOpener } from '../../../src/client/calls/sframe-group.ts';
import type { FrameSealer } from '../../../src/client/calls/sframe-sender.ts';
import {
  type EncodedFrame,
  type FrameTransformOptions,
  sframeTransform,
} from '../../../src/client/calls/sframe-transform.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { groupOf } from './groups.ts';

interface Frame extends EncodedFrame {
  readonly name: string;
}

const frameOf = (name: string, data: Uint8Array): Frame => ({ name, data: data.slice().buffer });
const bytesOf = ({ data }: Frame): Uint8Array => new Uint8Array(data);

/** Sends frames through a transform, and returns what came out. */
async function through(frames: readonly Frame[], cryptor: FrameSealer | FrameOpener, options: FrameTransformOptions) {
  const transform = sframeTransform<Frame>(cryptor, options);
  const source = new ReadableStream<Frame>({
    start: (controller) => {
      frames.forEach((frame) => controller.enqueue(frame));
      controller.close();
    },
  });
  const passed: Frame[] = [];
  for await (const frame of source.pipeThrough(transform)) passed.push(frame);
  return { passed, counts: transform.counts() };
}

async function pair() {
  const devices = await groupOf([0, 1]);
  return { sealer: devices.get(0)!.sealer(), opener: devices.get(1)! };
}

const VP8_KEY = Uint8Array.of(0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0, ...encodeUtf8('the picture'));
const VP8_DELTA = Uint8Array.of(0x31, 2, 0, ...encodeUtf8('the difference'));

describe('a transform of encoded frames', () => {
  it('encrypts and decrypts frames in order, and leaves of VP8 what packetizers read in clear', async () => {
    const { sealer, opener } = await pair();
    const frames = [frameOf('key', VP8_KEY), frameOf('delta', VP8_DELTA)];
    const sent = await through(frames, sealer, { codec: 'vp8' });
    expect(sent.counts).toEqual({ passed: 2, dropped: 0 });
    const [key, delta] = sent.passed as [Frame, Frame];
    expect([bytesOf(key).slice(0, 10), bytesOf(delta).slice(0, 3)]).toEqual([
      VP8_KEY.slice(0, 10),
      VP8_DELTA.slice(0, 3),
    ]);
    for (const [frame, text] of [
      [key, 'picture'],
      [delta, 'difference'],
    ] as const) {
      expect(Buffer.from(bytesOf(frame)).includes(text)).toBe(false);
    }
    const received = await through(sent.passed, opener, { codec: 'vp8' });
    expect(received.passed.map(bytesOf)).toEqual([VP8_KEY, VP8_DELTA]);
    expect(received.passed.map(({ name }) => name)).toEqual(['key', 'delta']);
  });

  it('encrypts everything of an opaque codec', async () => {
    const { sealer, opener } = await pair();
    const sent = await through([frameOf('opus', encodeUtf8('sound')), frameOf('none', new Uint8Array())], sealer, {
      codec: 'opaque',
    });
    expect(sent.passed.map((frame) => Buffer.from(bytesOf(frame)).includes('sound'))).toEqual([false, false]);
    const received = await through(sent.passed, opener, { codec: 'opaque' });
    expect(received.passed.map(bytesOf)).toEqual([encodeUtf8('sound'), new Uint8Array()]);
  });

  it('drops what fails, reports it, and goes on', async () => {
    const { sealer, opener } = await pair();
    const { passed } = await through([frameOf('a', VP8_KEY), frameOf('b', VP8_DELTA)], sealer, { codec: 'vp8' });
    const [key, delta] = passed as [Frame, Frame];
    const altered = frameOf('altered', bytesOf(key).with(6, 65));
    const inClear = frameOf('clear', VP8_DELTA);
    const short = frameOf('short', VP8_DELTA.subarray(0, 2));
    const frames = [altered, key, frameOf('again', bytesOf(key)), inClear, short, delta];
    const dropped: string[] = [];
    const received = await through(frames, opener, { codec: 'vp8', onDrop: (error) => dropped.push(error.code) });
    expect(received.passed.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(received.counts).toEqual({ passed: 2, dropped: 4 });
    expect(dropped).toEqual(['bad-frame', 'bad-frame', 'unknown-frame-key', 'malformed-encoding']);
  });

  it('shows the media of one member, or tells whose it is', async () => {
    const devices = await groupOf([0, 1, 2]);
    const [alice, bob, carol] = [0, 1, 2].map((index) => devices.get(index)!);
    const sealed = async (sealer: FrameSealer) =>
      (await through([frameOf('', VP8_DELTA)], sealer, { codec: 'vp8' })).passed;
    const frames = [
      ...(await sealed(alice!.sealer())),
      ...(await sealed(bob!.sealer())),
      ...(await sealed(bob!.sealer())),
    ];
    const again = frames.map((frame) => frameOf('', bytesOf(frame)));
    const codes: string[] = [];
    const onDrop = ({ code }: { readonly code: string }) => codes.push(code);
    const ofBob = await through(frames, carol!, { codec: 'vp8', from: 1, onDrop });
    expect([ofBob.passed.length, codes]).toEqual([2, ['call-mismatch']]);
    const senders: number[] = [];
    await through(again, (await groupOf([0, 1, 2])).get(2)!, { codec: 'vp8', onSender: (one) => senders.push(one) });
    expect(senders).toEqual([0, 1]);
  });

  it('never passes a frame on in clear', async () => {
    const failing: FrameSealer = { encrypt: () => Promise.reject(new Error('no key')) };
    const codes: string[] = [];
    const sent = await through([frameOf('a', VP8_KEY)], failing, {
      codec: 'vp8',
      onDrop: (error) => codes.push(error.code),
    });
    expect([sent.passed, sent.counts, codes]).toEqual([[], { passed: 0, dropped: 1 }, ['internal']]);
  });
});
