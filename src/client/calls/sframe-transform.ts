import { concatBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { FrameOpener } from './sframe-group.ts';
import type { FrameSealer } from './sframe-sender.ts';

/** The part of `RTCEncodedVideoFrame` and `RTCEncodedAudioFrame` that is needed. */
export interface EncodedFrame {
  data: ArrayBuffer;
}

/** For {@link sframeTransform}. Sender and receiver use the same. */
export interface FrameTransformOptions {
  /**
   * The codec of the stream. `vp8` leaves the first bytes of each frame in clear, since packetizers read them: 3, and
   * 10 of a key frame. `opaque` encrypts every byte: for Opus and VP9. Packetizers of H.264, H.265 and AV1 look for
   * structure in the whole frame, so that no option fits these.
   */
  readonly codec: 'vp8' | 'opaque';
  /**
   * The leaf index of the member whose media this stream shows. Frames by the keys of others are dropped, so that a
   * media server cannot show one member's picture under the name of another. Default: any member; see `onSender`.
   */
  readonly from?: number | undefined;
  /** Called with the leaf index whenever another member's frames begin to be passed on. It must not throw. */
  readonly onSender?: ((sender: number) => void) | undefined;
  /** Called for each frame that was dropped, with the error. It must not throw. */
  readonly onDrop?: ((error: GlasskeyError) => void) | undefined;
}

/** Frames that a transform has passed on and dropped. */
export interface FrameCounts {
  readonly passed: number;
  readonly dropped: number;
}

/** A transform as `pipeThrough` takes it. */
export interface FrameTransform<F extends EncodedFrame> {
  readonly readable: TransformStream<F, F>['readable'];
  readonly writable: TransformStream<F, F>['writable'];
  counts(): FrameCounts;
}

/**
 * Makes a transform that encrypts or decrypts each frame of a stream, in order: for `RTCRtpScriptTransform` in a
 * worker, and for `createEncodedStreams`. A frame that fails is dropped, so that nothing leaves in clear and nothing
 * unproven is played. The clear bytes are authenticated.
 */
export function sframeTransform<F extends EncodedFrame>(
  cryptor: FrameSealer | FrameOpener,
  options: FrameTransformOptions,
): FrameTransform<F> {
  const { codec, onDrop } = options;
  const counts = { passed: 0, dropped: 0 };
  const convert = 'encrypt' in cryptor ? sealing(cryptor) : opening(cryptor, options);
  const stream = new TransformStream<F, F>({
    transform: async (frame, controller) => {
      try {
        const data = new Uint8Array(frame.data);
        const clear = data.subarray(0, clearLength(codec, data));
        const converted = await convert(clear, data.subarray(clear.length));
        frame.data = concatBytes(clear, converted).buffer as ArrayBuffer;
      } catch (error) {
        counts.dropped++;
        onDrop?.(isGlasskeyError(error) ? error : new GlasskeyError('internal', 'a frame failed', { cause: error }));
        return;
      }
      counts.passed++;
      controller.enqueue(frame);
    },
  });
  return { readable: stream.readable, writable: stream.writable, counts: () => ({ ...counts }) };
}

type Convert = (clear: Uint8Array, rest: Uint8Array) => Promise<Uint8Array>;

function sealing(sealer: FrameSealer): Convert {
  return (clear, rest) => sealer.encrypt(rest, clear);
}

function opening(opener: FrameOpener, { from, onSender }: FrameTransformOptions): Convert {
  let shown: number | undefined;
  return async (clear, rest) => {
    const { frame, sender } = await opener.decrypt(rest, clear);
    ensure(from === undefined || sender === from, 'call-mismatch', 'a frame of another member than this stream shows');
    if (sender !== shown) onSender?.(sender);
    shown = sender;
    return frame;
  };
}

/**
 * Returns the bytes that a packetizer reads: of VP8 the frame tag, and start code and size of a key frame (RFC 6386
 * §9.1).
 */
function clearLength(codec: 'vp8' | 'opaque', data: Uint8Array): number {
  if (codec === 'opaque') return 0;
  const isKeyFrame = ((data[0] ?? 0) & 1) === 0;
  const length = isKeyFrame ? 10 : 3;
  ensure(data.length >= length, 'malformed-encoding', 'a frame shorter than the header of VP8');
  return length;
}
