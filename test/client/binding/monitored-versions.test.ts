import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { monitorOnly, monitorSearched } from '../../../src/client/binding/monitored-versions.ts';
import { baseBinaryLadder, monitoringBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import type { KnownVersion } from '../../../src/core/keytrans/verify-search.ts';

/** What a search for `version` shows: its ladder, commitments of what exists. */
function ladderOf(version: number): readonly KnownVersion[] {
  return baseBinaryLadder(version).map((one) => ({
    version: one,
    vrfOutput: new Uint8Array(32).fill(one),
    commitment: one <= version ? new Uint8Array(32).fill(one) : undefined,
  }));
}

const searched = (version: number, position: number, mustMonitor = true) => ({
  monitor: mustMonitor ? { position, version } : undefined,
  ladder: ladderOf(version),
});

describe('what is to be monitored', () => {
  it('is nothing where the version is in a distinguished entry', () => {
    expect(monitorSearched(undefined, searched(3, 9, false))).toEqual({ monitored: [], ladder: [] });
  });

  it('is each version at its own place, by position', () => {
    const first = monitorSearched(undefined, searched(5, 20));
    expect(first.monitored).toEqual([{ position: 20, version: 5 }]);
    const second = monitorSearched(first, searched(6, 25));
    expect(second.monitored).toEqual([
      { position: 20, version: 5 },
      { position: 25, version: 6 },
    ]);
  });

  it('comes with commitments of all that its ladders look up, and with nothing else', () => {
    const versions = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(versions, (all) => {
        const ascending = all.sort((a, b) => a - b);
        let known = monitorSearched(undefined, searched(ascending[0] as number, 0));
        for (const [i, version] of ascending.entries()) known = monitorSearched(known, searched(version, i));
        const needed = new Set(ascending.flatMap((version) => monitoringBinaryLadder(version)));
        expect(known.ladder.map(({ version }) => version)).toEqual([...needed].sort((a, b) => a - b));
        expect(known.ladder.every(({ commitment }) => commitment !== undefined)).toBe(true);
        expect(monitorOnly([], known.ladder)).toEqual({ monitored: [], ladder: [] });
      }),
    );
  });
});
