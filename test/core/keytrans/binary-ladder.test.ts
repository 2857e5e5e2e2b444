import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  baseBinaryLadder,
  endsSearchLadder,
  GREATEST_VERSION,
  interpretSearchLadder,
  monitoringBinaryLadder,
  searchBinaryLadder,
  versionsToWatch,
} from '../../../src/core/keytrans/binary-ladder.ts';
import { versions } from './message-arbitraries.ts';

const BAD_LADDER = expect.objectContaining({ code: 'bad-ladder' });
const OUT_OF_RANGE = expect.objectContaining({ code: 'value-out-of-range' });

/** The series of lookups as KT §5 tells it, in big integers: `exists` answers each; a version above 2^32-1 is skipped. */
function lookUp(exists: (version: bigint) => boolean): { asked: number[]; greatest: bigint } {
  const asked: number[] = [];
  const look = (version: bigint): boolean => {
    if (version >= 1n << 32n) return false;
    asked.push(Number(version));
    return exists(version);
  };
  let power = 1n;
  while (look(power - 1n)) power *= 2n;
  let [found, missing] = [power / 2n - 1n, power - 1n];
  while (missing - found > 1n) {
    const middle = (found + missing) / 2n;
    if (look(middle)) found = middle;
    else missing = middle;
  }
  return { asked, greatest: found };
}

describe('the versions to watch', () => {
  it('hold the next one, and none that exists', () => {
    fc.assert(
      fc.property(versions, (greatest) => {
        const watched = versionsToWatch(greatest);
        expect(watched.every((version) => version > greatest)).toBe(true);
        expect(watched.includes(greatest + 1)).toBe(greatest < GREATEST_VERSION);
        expect(watched.length).toBeLessThanOrEqual(32);
      }),
    );
    expect(versionsToWatch(undefined)).toEqual([0]);
    expect(versionsToWatch(0)).toEqual([1]);
    expect(versionsToWatch(5)).toEqual([7, 6]);
  });

  it('hold one of every ladder that shows a greater version, also one that leaves versions out', () => {
    const small = fc.integer({ min: 0, max: 5000 });
    const pairs = fc.tuple(fc.oneof(small, versions), fc.oneof(small, versions));
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const [known, later] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(known < later);
        const watched = new Set(versionsToWatch(known));
        // Whoever finds `later`, or a version above it, is shown every version of its ladder up to it as present.
        const needed = baseBinaryLadder(later).filter((version) => version <= later);
        expect(needed.some((version) => watched.has(version))).toBe(true);
      }),
      { numRuns: 2000 },
    );
    // The next version alone is not enough: who finds version 7 after version 5 need not be shown version 6.
    expect(baseBinaryLadder(7)).not.toContain(6);
  });
});

describe('the base binary ladder', () => {
  it('is the series of lookups of KT §5 and ends at the greatest version, up to 2^32-1', () => {
    fc.assert(
      fc.property(versions, (greatest) => {
        const walked = lookUp((version) => version <= BigInt(greatest));
        expect(walked.greatest).toBe(BigInt(greatest));
        const ladder = baseBinaryLadder(greatest);
        expect(ladder).toEqual(walked.asked);
        expect(new Set(ladder).size).toBe(ladder.length);
        expect(ladder.length).toBeLessThanOrEqual(64);
      }),
      { numRuns: 300 },
    );
  });

  it('skips what is above 2^32-1', () => {
    const powers = Array.from({ length: 33 }, (_, i) => 2 ** i - 1);
    expect(baseBinaryLadder(GREATEST_VERSION)).toEqual(powers);
    expect(baseBinaryLadder(GREATEST_VERSION - 1).slice(0, 33)).toEqual(powers);
    expect(baseBinaryLadder(2 ** 31 - 1).slice(0, 33)).toEqual(powers);
    expect(monitoringBinaryLadder(GREATEST_VERSION)).toEqual(powers);
    expect(searchBinaryLadder(GREATEST_VERSION, GREATEST_VERSION)).toEqual(powers);
  });

  it('is that of the examples of the draft', () => {
    expect(baseBinaryLadder(6)).toEqual([0, 1, 3, 7, 5, 6]);
    expect(baseBinaryLadder(2)).toEqual([0, 1, 3, 2]);
    expect(baseBinaryLadder(0)).toEqual([0, 1]);
  });

  it('refuses what is no version', () => {
    for (const bad of [-1, 2 ** 32, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => baseBinaryLadder(bad)).toThrow(OUT_OF_RANGE);
      expect(() => monitoringBinaryLadder(bad)).toThrow(OUT_OF_RANGE);
      expect(() => searchBinaryLadder(bad, 0)).toThrow(OUT_OF_RANGE);
    }
  });
});

describe('the search binary ladder', () => {
  it('is a beginning of the base ladder of its target, and tells which is greater', () => {
    fc.assert(
      fc.property(versions, versions, (target, greatest) => {
        const ladder = searchBinaryLadder(target, greatest);
        expect(baseBinaryLadder(target).slice(0, ladder.length)).toEqual(ladder);
        const results = ladder.map((version) => version <= greatest);
        const verdict = interpretSearchLadder(target, results);
        if (verdict !== 0) expect(verdict).toBe(Math.sign(greatest - target));
        else expect(greatest).toBe(target);
        if (greatest === target) expect(verdict).toBe(0);
        for (const [i, version] of ladder.entries()) {
          if (i < ladder.length - 1) expect(endsSearchLadder(target, version, results[i] === true)).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of a label without versions is one absence', () => {
    fc.assert(fc.property(versions, (target) => interpretSearchLadder(target, [false]) === -1));
  });

  it('leaves out what was shown, and nothing else', () => {
    fc.assert(
      fc.property(versions, versions, fc.array(fc.nat({ max: 63 })), (target, greatest, places) => {
        const ladder = searchBinaryLadder(target, greatest);
        const shown = new Set(places.map((place) => ladder[place % ladder.length] as number));
        const rest = ladder.filter((version) => !shown.has(version));
        const included = new Set([...shown].filter((version) => version <= greatest));
        const absent = new Set([...shown].filter((version) => version > greatest));
        expect(searchBinaryLadder(target, greatest, included, absent)).toEqual(rest);
      }),
    );
  });

  it('refuses too few and too many results', () => {
    expect(() => interpretSearchLadder(6, [])).toThrow(BAD_LADDER);
    expect(() => interpretSearchLadder(6, [true, true, true, false, true])).toThrow(BAD_LADDER);
    expect(() => interpretSearchLadder(6, [true, true, true, false, true, true, true])).toThrow(BAD_LADDER);
    expect(() => interpretSearchLadder(6, [false, true])).toThrow(BAD_LADDER);
    expect(() => interpretSearchLadder(6, [true, true, true, true, false])).toThrow(BAD_LADDER);
    expect(interpretSearchLadder(6, [true, true, true, false, true, true])).toBe(0);
  });
});

describe('the monitoring binary ladder', () => {
  it('holds what of the base ladder must exist', () => {
    fc.assert(
      fc.property(versions, (target) => {
        const ladder = monitoringBinaryLadder(target);
        expect(ladder).toEqual(baseBinaryLadder(target).filter((version) => version <= target));
        expect(ladder).toContain(target);
      }),
    );
  });
});
