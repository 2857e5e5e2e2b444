import { ensure, GlasskeyError } from '../../core/errors.ts';
import { assertMembers, indexBitsOf, type KeyIdLayout, MAX_STREAMS, SframeEpoch } from './sframe-epoch.ts';
import { decodeSframeHeader } from './sframe-header.ts';
import { type FrameSealer, SframeSendKey } from './sframe-sender.ts';
import { SFRAME_SUITES, type SframeSuite } from './sframe-suite.ts';

/**
 * The exporter of an MLS group in one epoch (RFC 9420 §8.5), such as `mlsExporter` of ts-mls with the group's exporter
 * secret.
 */
export type MlsExporter = (label: string, context: Uint8Array, length: number) => Promise<Uint8Array>;

/** An epoch of an MLS group. All members give the same values, but for `own`. */
export interface GroupEpoch {
  readonly epoch: bigint;
  readonly exporter: MlsExporter;
  /** The leaf indices of all members, in any order. */
  readonly members: readonly number[];
  /** The leaf index of this device. */
  readonly own: number;
}

/** For {@link SframeGroup}. All members use the same, but for `keepMs`, `firstCounter` and `now`. */
export interface SframeGroupOptions {
  /** Default: `AES_128_GCM_SHA256_128`. */
  readonly suite?: SframeSuite | undefined;
  /** Bits of the epoch in a key id, 1 to 16. Default: 8. */
  readonly epochBits?: number | undefined;
  /** Bits of a leaf index in a key id, up to 16. Default: as many as the greatest index of the epoch takes. */
  readonly indexBits?: number | undefined;
  /** Time for which the epoch before can still be decrypted after an update, in ms. Default: 10,000. */
  readonly keepMs?: number | undefined;
  /**
   * The first counter of each sending key. Give 0 for short headers only if this device never begins anew in an epoch,
   * such as after a reload. Default: random.
   */
  readonly firstCounter?: bigint | undefined;
  /** Milliseconds that never go back, for `keepMs`. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** A decrypted frame. */
export interface OpenedFrame {
  readonly frame: Uint8Array;
  /** The leaf index of the member whose key it is. Another member can have made it: see docs/calls.md#group-calls. */
  readonly sender: number;
  readonly epoch: bigint;
}

/** Decrypts frames of media. */
export interface FrameOpener {
  /**
   * Decrypts an untrusted frame whose metadata was the same (default: none). Throws `malformed-encoding`,
   * `unknown-frame-key`, `payload-too-large`, and `bad-frame` for a frame that is not authentic or was there before.
   */
  decrypt(frame: Uint8Array, metadata?: Uint8Array): Promise<OpenedFrame>;
}

/** Epochs before the present one that are kept at the same time. */
const PAST_EPOCHS = 2;

interface PastEpoch {
  readonly keys: SframeEpoch;
  readonly untilMs: number;
}

/**
 * The media keys of an MLS group (RFC 9605 §5.2). Call {@link update} whenever a commit makes a new epoch, and at once
 * if a member has left: from then on own frames are encrypted for the new members alone.
 */
export class SframeGroup implements FrameOpener {
  readonly #suite: SframeSuite;
  readonly #epochBits: number;
  readonly #options: SframeGroupOptions;
  readonly #streams = new Map<number, FrameSealer>();
  readonly #sendKeys = new Map<number, Promise<SframeSendKey>>();
  #present: SframeEpoch | undefined;
  #past: readonly PastEpoch[] = [];

  /** Throws `usage` for widths that no key id has. */
  constructor(options: SframeGroupOptions = {}) {
    const { suite = 'AES_128_GCM_SHA256_128', epochBits = 8, indexBits = 0 } = options;
    const isWidth = (bits: number, least: number): boolean => Number.isInteger(bits) && bits >= least && bits <= 16;
    ensure(isWidth(epochBits, 1) && isWidth(indexBits, 0), 'usage', 'epoch and index have at most 16 bits');
    this.#suite = suite;
    this.#epochBits = epochBits;
    this.#options = options;
  }

  /**
   * Takes the keys of a new epoch: own frames use them at once, and those of the epoch before can be decrypted for
   * `keepMs` more. Throws `usage` for an epoch that is not newer, or members that are none.
   */
  async update({ epoch, exporter, members, own }: GroupEpoch): Promise<void> {
    const layout: KeyIdLayout = {
      epochBits: this.#epochBits,
      indexBits: this.#options.indexBits ?? indexBitsOf(members),
    };
    assertMembers(members, own, layout);
    const { keyLength } = SFRAME_SUITES[this.#suite];
    const exported = await exporter('SFrame 1.0 Base Key', new Uint8Array(), keyLength);
    ensure(
      exported.length === keyLength,
      'usage',
      `the exporter gave ${exported.length} bytes instead of ${keyLength}`,
    );
    const isNewer = epoch >= 0n && (this.#present === undefined || epoch > this.#present.epoch);
    ensure(isNewer, 'usage', 'the epoch is not newer than the one before');
    const baseKey = exported.slice();
    const next = new SframeEpoch({ suite: this.#suite, epoch, baseKey, members: [...members], own, layout });
    this.#retire(next);
  }

  /**
   * Returns the sealer of one of the own streams, 0 to 15: the same object for the same number. Streams that are
   * encrypted in workers of their own need numbers of their own, or they use counters twice. Throws `usage`.
   */
  sealer(stream = 0): FrameSealer {
    const isStream = Number.isInteger(stream) && stream >= 0 && stream < MAX_STREAMS;
    ensure(isStream, 'usage', `a stream has a number below ${MAX_STREAMS}`);
    const held = this.#streams.get(stream);
    if (held !== undefined) return held;
    const made: FrameSealer = {
      encrypt: async (frame, metadata) => (await this.#sendKey(stream)).encrypt(frame, metadata),
    };
    this.#streams.set(stream, made);
    return made;
  }

  /** See {@link FrameOpener}. */
  async decrypt(frame: Uint8Array, metadata: Uint8Array = new Uint8Array()): Promise<OpenedFrame> {
    const header = decodeSframeHeader(frame);
    const keys = this.#epochOf(header.kid);
    const [sender, opened] = await keys.decrypt(header, metadata, frame);
    return { frame: opened, sender, epoch: keys.epoch };
  }

  /** Wipes all keys, at the end of the call. */
  close(): void {
    this.#past.forEach(({ keys }) => keys.end());
    this.#present?.end();
    this.#past = [];
    this.#present = undefined;
    this.#sendKeys.clear();
  }

  /** Puts `next` into the place of the present epoch, and ends what is too old or has the same low bits. */
  #retire(next: SframeEpoch): void {
    const untilMs = this.#now() + (this.#options.keepMs ?? 10_000);
    const before = this.#present === undefined ? this.#past : [{ keys: this.#present, untilMs }, ...this.#past];
    const kept = before.filter(
      ({ keys }, i) => i < PAST_EPOCHS && this.#lowBits(keys.epoch) !== this.#lowBits(next.epoch),
    );
    before.filter((one) => !kept.includes(one)).forEach(({ keys }) => keys.end());
    this.#past = kept;
    this.#present = next;
    this.#sendKeys.clear();
  }

  #epochOf(kid: bigint): SframeEpoch {
    const nowMs = this.#now();
    this.#past.filter(({ untilMs }) => untilMs <= nowMs).forEach(({ keys }) => keys.end());
    this.#past = this.#past.filter(({ untilMs }) => untilMs > nowMs);
    const kept = [...(this.#present === undefined ? [] : [this.#present]), ...this.#past.map(({ keys }) => keys)];
    const found = kept.find(({ epoch }) => this.#lowBits(epoch) === this.#lowBits(kid));
    if (found === undefined) throw new GlasskeyError('unknown-frame-key', 'a frame of an epoch without keys here');
    return found;
  }

  #sendKey(stream: number): Promise<SframeSendKey> {
    const { firstCounter } = this.#options;
    const present = this.#present;
    ensure(present !== undefined, 'usage', 'no epoch yet: call update first');
    const held = this.#sendKeys.get(stream);
    if (held !== undefined) return held;
    const made = present.sendKey(stream).then((key) => new SframeSendKey(key, firstCounter));
    this.#sendKeys.set(stream, made);
    return made;
  }

  #lowBits(value: bigint): bigint {
    return value & ((1n << BigInt(this.#epochBits)) - 1n);
  }

  #now(): number {
    return (this.#options.now ?? (() => performance.now()))();
  }
}
