import { ensure, GlasskeyError } from '../../core/errors.ts';
import { ReplayWindow } from './replay-window.ts';
import type { SframeHeader } from './sframe-header.ts';
import { SframeKey } from './sframe-key.ts';
import type { SframeSuite } from './sframe-suite.ts';

/** Streams that one member encrypts with keys of their own in an epoch. */
export const MAX_STREAMS = 16;
/** The greatest leaf index of a member. */
const MAX_INDEX = 2 ** 16 - 1;
const MAX_MEMBERS = 4096;

/** The parts of a key id of an MLS sender (RFC 9605 §5.2). */
export interface SframeKeyId {
  /** The stream of the sender, which the RFC calls context. */
  readonly stream: number;
  /** The sender's leaf index in the MLS group. */
  readonly sender: number;
  readonly epoch: bigint;
}

/** The widths of a key id's parts, in bits: `E` and `S` of RFC 9605 §5.2. */
export interface KeyIdLayout {
  readonly epochBits: number;
  readonly indexBits: number;
}

/** An epoch as {@link SframeEpoch} takes it. */
export interface NewEpoch {
  readonly suite: SframeSuite;
  readonly epoch: bigint;
  /** Secret. The epoch keeps it, and wipes it at its end. */
  readonly baseKey: Uint8Array;
  /** Leaf indices. */
  readonly members: readonly number[];
  /** The leaf index of this device: frames under its keys are only encrypted, never decrypted. */
  readonly own: number;
  readonly layout: KeyIdLayout;
}

interface ReceiveKey {
  readonly key: SframeKey;
  readonly window: ReplayWindow;
}

/**
 * Returns the number of bits that the greatest leaf index takes: `S`, for a tree that MLS has truncated (RFC 9420
 * §7.8).
 */
export function indexBitsOf(members: readonly number[]): number {
  const greatest = members.reduce((most, index) => Math.max(most, index), 0);
  return greatest === 0 ? 0 : Math.floor(Math.log2(greatest)) + 1;
}

/** Throws `usage` unless these are leaf indices of a group, each once, and the own one is among them. */
export function assertMembers(members: readonly number[], own: number, { indexBits }: KeyIdLayout): void {
  const indices = new Set(members);
  const isIndex = (index: number): boolean => Number.isInteger(index) && index >= 0 && index < 2 ** indexBits;
  const fits = members.length > 0 && members.length <= MAX_MEMBERS && indices.size === members.length;
  ensure(fits && members.every((one) => isIndex(one) && one <= MAX_INDEX), 'usage', 'these are no leaf indices');
  ensure(indices.has(own), 'usage', 'the own leaf index is none of a member');
}

/** Returns the key id of a sender (RFC 9605 §5.2). */
export function keyIdOf({ stream, sender, epoch }: SframeKeyId, { epochBits, indexBits }: KeyIdLayout): bigint {
  const low = epoch % (1n << BigInt(epochBits));
  return (BigInt(stream) << BigInt(indexBits + epochBits)) + (BigInt(sender) << BigInt(epochBits)) + low;
}

/** The keys of one epoch of an MLS group. A key is kept once it has decrypted an authentic frame. */
export class SframeEpoch {
  readonly epoch: bigint;
  readonly #parts: NewEpoch;
  readonly #members: ReadonlySet<number>;
  readonly #keys = new Map<bigint, ReceiveKey>();
  #isOver = false;

  constructor(parts: NewEpoch) {
    this.epoch = parts.epoch;
    this.#parts = parts;
    this.#members = new Set(parts.members);
  }

  /** Derives the key for the own frames of a stream. */
  sendKey(stream: number): Promise<SframeKey> {
    const { layout, own } = this.#parts;
    return this.#derive(keyIdOf({ stream, sender: own, epoch: this.epoch }, layout));
  }

  /** Decrypts an untrusted frame of this epoch. Throws `bad-frame`, `unknown-frame-key`, `payload-too-large`. */
  async decrypt(header: SframeHeader, metadata: Uint8Array, frame: Uint8Array): Promise<readonly [number, Uint8Array]> {
    const sender = this.#senderOf(header.kid);
    const held = this.#keys.get(header.kid);
    held?.window.assertFresh(header.ctr);
    const { key, window } = held ?? { key: await this.#derive(header.kid), window: new ReplayWindow() };
    const opened = await key.open(header, metadata, frame);
    ensure(!this.#isOver, 'unknown-frame-key', 'a frame of an epoch that is over');
    const known = this.#keys.get(header.kid) ?? { key, window };
    known.window.accept(header.ctr);
    this.#keys.set(header.kid, known);
    return [sender, opened];
  }

  /** Wipes the base key, and forgets all others. */
  end(): void {
    this.#isOver = true;
    this.#parts.baseKey.fill(0);
    this.#keys.clear();
  }

  #derive(kid: bigint): Promise<SframeKey> {
    const { suite, baseKey } = this.#parts;
    if (this.#isOver) throw new GlasskeyError('unknown-frame-key', 'the epoch of this key is over');
    return SframeKey.derive(suite, kid, baseKey);
  }

  #senderOf(kid: bigint): number {
    const { layout, own } = this.#parts;
    const rest = kid >> BigInt(layout.epochBits);
    const sender = Number(rest & ((1n << BigInt(layout.indexBits)) - 1n));
    const isKnown = rest >> BigInt(layout.indexBits) < BigInt(MAX_STREAMS) && this.#members.has(sender);
    ensure(isKnown && sender !== own, 'unknown-frame-key', 'a frame whose key is of no other member');
    return sender;
  }
}
