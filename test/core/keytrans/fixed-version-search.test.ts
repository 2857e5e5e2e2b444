import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { monitoringBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import { isDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import type { Algorithm } from '../../../src/core/keytrans/evidence.ts';
import { directPath, leftChild, rightChild, rootOf } from '../../../src/core/keytrans/implicit-search-tree.ts';
import { type SearchResponse, searchResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { planEvidence } from '../../../src/core/keytrans/plan-evidence.ts';
import { updateAndSearchVersion, verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { LABELS, WINDOW_MS } from '../../support/histories.ts';
import { denseHistories, runs } from '../../support/random-histories.ts';
import { labelBytes, realVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerVersion, headFor, planVersion } from '../../support/reference-operations.ts';

const NEVER_EXPIRING = referenceConfiguration(WINDOW_MS);

function verify(log: ReferenceLog, label: string, version: number, response: SearchResponse, last?: number) {
  const view = last === undefined ? undefined : log.view(last);
  const request = { last, label: labelBytes(label), version };
  return verifySearch({ config: log.config, view, nowMs: log.timestamps.at(-1)! }, request, response);
}

/** What KT §7.2 says of a version, in its own words, on a log that hides nothing. */
function expected(log: ReferenceLog, label: string, target: number): number | 'expired' | 'absent' {
  const { size, timestamps, config } = log;
  const positions = log.versionPositions(label);
  const greatestAt = (entry: number) => positions.filter((position) => position <= entry).length - 1;
  const rightmost = timestamps[size - 1]!;
  const expired = (entry: number) =>
    config.maximumLifetimeMs !== undefined && rightmost - timestamps[entry]! >= config.maximumLifetimeMs;
  const distinguished = (entry: number) =>
    runOnTimestamps(isDistinguished(entry, size, WINDOW_MS), (position) => timestamps[position]!);
  const inspected: number[] = [];
  let anyExpired = false;
  for (let entry: number | undefined = rootOf(size); entry !== undefined;) {
    if (expired(entry)) {
      anyExpired = true;
      entry = rightChild(entry, size);
      continue;
    }
    inspected.push(entry);
    const greatest = greatestAt(entry);
    if (greatest === target) {
      const path = directPath(entry, size);
      if (!path.some(expired)) return entry;
      const here = entry;
      const checked = [here, ...path.filter((other) => other < here && !expired(other))];
      return checked.some(distinguished) ? here : 'expired';
    }
    entry = greatest < target ? rightChild(entry, size) : leftChild(entry);
  }
  const greater = inspected.filter((entry) => greatestAt(entry) > target).sort((a, b) => a - b)[0];
  if (greater === undefined) return 'absent';
  if (anyExpired && !inspected.some((entry) => entry < greater && distinguished(entry))) return 'expired';
  return greatestAt(greater) >= target ? greater : 'absent';
}

/** An algorithm run by somebody who does not mind how it ends. */
function* careless(algorithm: Algorithm<unknown>): Algorithm<void> {
  try {
    yield* algorithm;
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
  }
}

const lifetimes = fc.option(fc.integer({ min: WINDOW_MS + 1, max: 4 * WINDOW_MS }), { nil: undefined });

describe('fixed-version search', () => {
  it('finds what the section says, for every version, label and client', () => {
    let found = 0;
    let expiredOnes = 0;
    fc.assert(
      fc.property(denseHistories(24), lifetimes, fc.nat(), (entries, maximumLifetimeMs, choice) => {
        const config: Configuration = { ...NEVER_EXPIRING, maximumLifetimeMs };
        const log = new ReferenceLog(config, realVrf, entries);
        const last = choice % (entries.length + 1) || undefined;
        for (const label of LABELS) {
          for (const version of log.versionPositions(label).keys()) {
            const outcome = expected(log, label, version);
            expect(outcome).not.toBe('absent');
            if (typeof outcome === 'string') {
              expiredOnes++;
              expect(() => answerVersion(log, { label, last, version })).toThrow(
                expect.objectContaining({ code: 'version-expired' }),
              );
              continue;
            }
            found++;
            const response = answerVersion(log, { label, last, version });
            const codec = searchResponseCodec(config, { version });
            const result = verify(log, label, version, decode(codec, encode(codec, response)), last);
            const { update, commitment } = log.versions.get(label)![version]!;
            expect(result).toMatchObject({ version, value: update.value, commitment, terminalPosition: outcome });
            expect(result.view).toEqual(log.view(log.size));
            expect(result.mustMonitor).toBe(outcome > (result.rightmostDistinguished ?? -1));
          }
        }
      }),
      runs(25),
    );
    expect(found).toBeGreaterThan(100);
    expect(expiredOnes).toBeGreaterThan(10);
  });

  it('leaves nothing to monitor of which the client does not know the whole ladder', () => {
    fc.assert(
      fc.property(denseHistories(30), (entries) => {
        const log = new ReferenceLog(NEVER_EXPIRING, realVrf, entries);
        for (const label of LABELS) {
          for (const version of log.versionPositions(label).keys()) {
            const { monitor, ladder } = verify(
              log,
              label,
              version,
              answerVersion(log, { label, last: undefined, version }),
            );
            if (monitor === undefined) continue;
            expect(monitor.version).toBeGreaterThanOrEqual(version);
            expect(log.versionPositions(label)[monitor.version]).toBeLessThanOrEqual(monitor.position);
            const known = new Map(ladder.map((step) => [step.version, step.commitment]));
            for (const step of monitoringBinaryLadder(monitor.version)) {
              expect(known.get(step)).toEqual(log.versions.get(label)![step]!.commitment);
            }
          }
        }
      }),
      runs(10),
    );
  });

  it('leaves the greater version to monitor that came with the one that was searched', () => {
    // The root (7) is distinguished; both versions are in entry 9, right of it.
    const entries = Array.from({ length: 12 }, (_, i) => ({
      timestampMs: 5000 + i,
      labels: i === 9 ? ['a', 'a'] : [],
    }));
    const log = new ReferenceLog(NEVER_EXPIRING, realVrf, entries);
    const monitorOf = (version: number) =>
      verify(log, 'a', version, answerVersion(log, { label: 'a', last: undefined, version })).monitor;
    expect(monitorOf(0)).toEqual({ position: 9, version: 1 });
    expect(monitorOf(1)).toMatchObject({ version: 1 });
  });

  it('is not planned for versions that do not exist', () => {
    const log = new ReferenceLog(NEVER_EXPIRING, realVrf, [{ timestampMs: 1, labels: ['alice'] }]);
    for (const version of [1, 2, 2 ** 31 - 1, 2 ** 32 - 1]) {
      expect(() => planVersion(log, { label: 'alice', last: undefined, version })).toThrow(
        expect.objectContaining({ code: 'search-not-found' }),
      );
    }
  });

  it('refuses a response about another version, or one that names it', () => {
    const entries = [0, 1, 2, 3].map((i) => ({ timestampMs: 10 * i, labels: i < 2 ? ['alice'] : [] }));
    const log = new ReferenceLog(NEVER_EXPIRING, realVrf, entries);
    const response = answerVersion(log, { label: 'alice', last: undefined, version: 1 });
    expect(() => verify(log, 'alice', 0, response)).toThrow(expect.objectContaining({ code: 'bad-ladder' }));
    expect(() => verify(log, 'alice', 2, response)).toThrow(expect.objectContaining({ code: 'bad-prefix-proof' }));
    expect(() => verify(log, 'bob', 1, response)).toThrow(expect.objectContaining({ code: 'bad-vrf-proof' }));
    expect(() => verify(log, 'alice', 1, { ...response, version: 1 })).toThrow(
      expect.objectContaining({ code: 'version-mismatch' }),
    );
  });

  it('refuses true proofs that show the version to be absent or expired', () => {
    const entries = [0, 1, 2, 3, 4, 5].map((i) => ({ timestampMs: 1000 * i, labels: i < 2 ? ['alice'] : [] }));
    const log = new ReferenceLog(NEVER_EXPIRING, realVrf, entries);
    // Somebody claims version 2, of which the log's proofs show that it is absent.
    const planned = planEvidence({
      size: log.size,
      last: undefined,
      auditedSize: undefined,
      likely: [],
      versionPositions: [0, 1],
      source: { timestamp: (position) => log.timestamps[position] },
      algorithm: careless(updateAndSearchVersion(NEVER_EXPIRING, log.size, undefined, 2)),
    });
    if (!planned.done) throw new Error('no timestamp is missing');
    const lie: SearchResponse = {
      fullTreeHead: headFor(log, undefined),
      version: undefined,
      opening: new Uint8Array(16),
      value: { value: new Uint8Array(0), signature: undefined },
      binaryLadder: [0, 1, 3, 2].map((version) => ({
        proof: log.vrf('alice', version).proof,
        commitment: version < 2 ? log.versions.get('alice')![version]!.commitment : undefined,
      })),
      search: log.prove(planned.evidence, 'alice'),
    };
    expect(() => verify(log, 'alice', 2, lie)).toThrow(expect.objectContaining({ code: 'bad-ladder' }));
    // To a client that knows of a maximum lifetime, version 0 is past it: entries 1 and later contain version 1.
    const old = answerVersion(log, { label: 'alice', last: undefined, version: 0 });
    const request = { last: undefined, label: labelBytes('alice'), version: 0 };
    const config = { ...NEVER_EXPIRING, maximumLifetimeMs: 2000 };
    expect(() => verifySearch({ config, view: undefined, nowMs: 5000 }, request, old)).toThrow(
      expect.objectContaining({ code: 'version-expired' }),
    );
  });

  it('is refused with any byte changed', () => {
    fc.assert(
      fc.property(
        denseHistories(16),
        fc.nat(),
        fc.infiniteStream(fc.integer({ min: 1, max: 255 })),
        (entries, at, bits) => {
          const log = new ReferenceLog(NEVER_EXPIRING, realVrf, [...entries, { timestampMs: 2e12, labels: ['alice'] }]);
          const last = at % 3 === 0 ? undefined : (at % log.size) + 1;
          const version = at % log.versionPositions('alice').length;
          const codec = searchResponseCodec(NEVER_EXPIRING, { version });
          const encoded = encode(codec, answerVersion(log, { label: 'alice', last, version }));
          for (let i = at % 7; i < encoded.length; i += 29) {
            const changed = encoded.slice();
            changed[i]! ^= bits.next().value!;
            let error: unknown;
            try {
              verify(log, 'alice', version, decode(codec, changed), last);
            } catch (caught) {
              error = caught;
            }
            expect(isGlasskeyError(error), `byte ${i}`).toBe(true);
          }
        },
      ),
      runs(6),
    );
  });
});
