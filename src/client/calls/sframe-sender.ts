import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import type { SframeKey } from './sframe-key.ts';

/** Frames that one key may encrypt: AES-GCM stays within its bounds (NIST SP 800-38D §8.3) at any frame rate. */
export const MAX_FRAMES_PER_KEY = 2 ** 32;

/** Encrypts frames of media. */
export interface FrameSealer {
  /**
   * Encrypts one frame, and authenticates `metadata`, which the receiver has to know (default: none). Throws
   * `payload-too-large`; `usage` once the key has encrypted 2^32 frames, or is no longer a key of the group.
   */
  encrypt(frame: Uint8Array, metadata?: Uint8Array): Promise<Uint8Array>;
}

/**
 * The counters of one sending key (RFC 9605 §9.1): each is used once. They start at random, since a program that is
 * started again within an epoch has the same key and does not know how far it came.
 */
export class SframeSendKey implements FrameSealer {
  readonly #key: SframeKey;
  readonly #first: bigint;
  #sent = 0;

  /** `first` is the first counter; the default is random, below 2^55. Throws `value-out-of-range`. */
  constructor(key: SframeKey, first: bigint = randomCounter()) {
    const fits = first >= 0n && first <= 2n ** 63n;
    ensure(fits, 'value-out-of-range', 'the first counter of a key is 0 to 2^63');
    this.#key = key;
    this.#first = first;
  }

  /** See {@link FrameSealer}. */
  async encrypt(frame: Uint8Array, metadata: Uint8Array = NO_METADATA): Promise<Uint8Array> {
    ensure(
      this.#sent < MAX_FRAMES_PER_KEY,
      'usage',
      'this key has encrypted 2^32 frames: change the keys of the group',
    );
    // Taken before anything waits, and never given back: frames at the same time have counters of their own.
    const ctr = this.#first + BigInt(this.#sent++);
    return this.#key.seal(ctr, metadata, frame);
  }
}

const NO_METADATA = new Uint8Array();

/** A number of 55 bits: two starts of one key overlap with a probability below 2^-22 even after 2^32 frames each. */
function randomCounter(): bigint {
  const view = new DataView(platformRandom(8).buffer);
  return view.getBigUint64(0) >> 9n;
}
