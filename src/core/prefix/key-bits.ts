/** Search keys of a prefix tree as bit strings: 32 bytes, most significant bit first (KT §3.3). */

/** The length of a search key (a VRF output) in bytes. */
export const KEY_LENGTH = 32;

/** The greatest depth of a terminal node: a proof encodes the depth as a uint8 (KT §12.2). */
export const MAX_DEPTH = 255;

/** Returns bit `depth` (0..255) of `key`. */
export function bitAt(key: Uint8Array, depth: number): 0 | 1 {
  return (((key[depth >> 3] as number) >> (7 - (depth & 7))) & 1) as 0 | 1;
}

/** Returns true if the first `depth` bits (0..255) of two keys are equal. */
export function sharesPrefix(a: Uint8Array, b: Uint8Array, depth: number): boolean {
  const whole = depth >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = depth & 7;
  return rest === 0 || ((a[whole] as number) ^ (b[whole] as number)) >> (8 - rest) === 0;
}

/**
 * Finds where the left child's keys end and the right child's begin. Among ascending keys `low <= i < high` that share
 * their first `depth` bits, it returns the first key whose bit `depth` is 1, or `high`.
 */
export function splitIndex(keyOf: (index: number) => Uint8Array, low: number, high: number, depth: number): number {
  let start = low;
  let end = high;
  while (start < end) {
    const middle = (start + end) >> 1;
    if (bitAt(keyOf(middle), depth) === 0) start = middle + 1;
    else end = middle;
  }
  return start;
}
