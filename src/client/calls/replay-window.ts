import { ensure } from '../../core/errors.ts';

/** Frames behind the newest one that may still come: 17 s of a sender of 60 frames/s. Divisible by 32. */
export const REPLAY_WINDOW_FRAMES = 1024;

/**
 * The counters of one key that were accepted (RFC 9605 §9.3): each is accepted once, in any order within the window.
 * Takes 128 bytes, whatever arrives.
 */
export class ReplayWindow {
  readonly #seen = new Uint32Array(REPLAY_WINDOW_FRAMES / 32);
  #newest: bigint | undefined;

  /** Throws `bad-frame` for a counter that was accepted before, or is older than the window. */
  assertFresh(ctr: bigint): void {
    const age = this.#newest === undefined ? -1n : this.#newest - ctr;
    ensure(age < BigInt(REPLAY_WINDOW_FRAMES), 'bad-frame', 'a frame that comes too late');
    ensure(age < 0n || !this.#has(ctr), 'bad-frame', 'a frame that was received before');
  }

  /** Marks the counter of an authentic frame as accepted. Throws as {@link assertFresh} does. */
  accept(ctr: bigint): void {
    this.assertFresh(ctr);
    if (this.#newest === undefined) this.#newest = ctr;
    if (ctr > this.#newest) this.#advance(ctr);
    const [word, bit] = placeOf(ctr);
    this.#seen[word] = (this.#seen[word] as number) | bit;
  }

  #has(ctr: bigint): boolean {
    const [word, bit] = placeOf(ctr);
    return ((this.#seen[word] as number) & bit) !== 0;
  }

  /** Forgets what leaves the window: the places of the counters that enter it. */
  #advance(ctr: bigint): void {
    const newest = this.#newest as bigint;
    if (ctr - newest >= BigInt(REPLAY_WINDOW_FRAMES)) this.#seen.fill(0);
    else {
      for (let entering = newest + 1n; entering <= ctr; entering++) {
        const [word, bit] = placeOf(entering);
        this.#seen[word] = (this.#seen[word] as number) & ~bit;
      }
    }
    this.#newest = ctr;
  }
}

function placeOf(ctr: bigint): readonly [word: number, bit: number] {
  const place = Number(ctr % BigInt(REPLAY_WINDOW_FRAMES));
  return [place >>> 5, 1 << (place & 31)];
}
