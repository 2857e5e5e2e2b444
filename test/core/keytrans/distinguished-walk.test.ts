import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import {
  distinguishedRequestCodec,
  type DistinguishedResponse,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import { isDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import {
  compareRoots,
  distinguishedHeadCodec,
  type KnownHead,
  knownHeadCodec,
  RECENT_HEADS,
  recentHeads,
} from '../../../src/core/keytrans/known-head.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { expectCodecLaws } from '../encoding/codec-laws.ts';
import * as arbitrary from './message-arbitraries.ts';
import { WINDOW_MS } from '../../support/histories.ts';
import { denseHistories, runs } from '../../support/random-histories.ts';
import { fakeVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerDistinguished } from '../../support/reference-operations.ts';

const CONFIG = referenceConfiguration(WINDOW_MS);
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });

function verify(
  log: ReferenceLog,
  last: number | undefined,
  stop: number | undefined,
  response: DistinguishedResponse,
) {
  const view = last === undefined ? undefined : log.view(last);
  return verifyDistinguished({ config: log.config, view, nowMs: log.timestamps.at(-1)! }, { last, stop }, response);
}

/** What a client knows where `position` is the rightmost entry. */
function headOf(log: ReferenceLog, position: number): KnownHead {
  const { fullSubtrees, frontier } = log.view(position + 1);
  const { timestampMs, prefixRoot } = frontier.at(-1)!;
  return { position, timestampMs, prefixRoot, logRoot: log.logRoot(position + 1), fullSubtrees, frontier };
}

const windows = fc.constantFrom(0, 60, 200, WINDOW_MS);
const lifetimes = maybe(fc.integer({ min: WINDOW_MS + 1, max: 6 * WINDOW_MS }));

describe('walking distinguished heads', () => {
  it('finds the recent distinguished entries, and the log as it was at each', () => {
    let found = 0;
    fc.assert(
      fc.property(denseHistories(40), windows, lifetimes, fc.nat(), (entries, windowMs, maximumLifetimeMs, choice) => {
        const config = { ...CONFIG, reasonableMonitoringWindowMs: windowMs, maximumLifetimeMs };
        const log = new ReferenceLog(config, fakeVrf, entries);
        const rightmostMs = log.timestamps.at(-1)!;
        const last = choice % (log.size + 1) || undefined;
        const stop = choice % 3 === 0 ? choice % log.size : undefined;
        const recent = [...log.timestamps.keys()]
          .filter((entry) => runOnTimestamps(isDistinguished(entry, log.size, windowMs), (at) => log.timestamps[at]!))
          .filter((entry) => rightmostMs - log.timestamps[entry]! < (maximumLifetimeMs ?? Infinity))
          .filter((entry) => entry > (stop ?? -1))
          .slice(-RECENT_HEADS);
        const codec = distinguishedResponseCodec(config);
        const response = decode(codec, encode(codec, answerDistinguished(log, { last, stop })));
        const result = verify(log, last, stop, response);
        expect(result.heads).toEqual(recent.map((position) => headOf(log, position)));
        expect(result.view).toEqual(log.view(log.size));
        found += recent.length;
      }),
      runs(60),
    );
    expect(found).toBeGreaterThan(100);
  });

  it('finds the same with an auditor beside it', () => {
    const config = referenceConfiguration(100, { maxAuditorLagMs: 1e6, auditorStartPosition: 0 });
    const entries = Array.from({ length: 40 }, (_, i) => ({ timestampMs: 1000 + 70 * i, labels: [] }));
    const log = new ReferenceLog(config, fakeVrf, entries);
    for (const [last, auditedSize] of [
      [undefined, 40],
      [undefined, 33],
      [37, 12],
      [12, 30],
    ] as const) {
      const response = answerDistinguished(log, { last, stop: undefined, auditedSize });
      const { heads } = verify(log, last, undefined, response);
      expect(heads).toEqual(heads.map(({ position }) => headOf(log, position)));
      expect(heads).toHaveLength(RECENT_HEADS);
    }
  });

  it('is refused with any byte changed', () => {
    fc.assert(
      fc.property(
        denseHistories(30),
        fc.nat(),
        fc.infiniteStream(fc.integer({ min: 1, max: 255 })),
        (entries, at, bits) => {
          const log = new ReferenceLog(CONFIG, fakeVrf, entries);
          const last = at % 3 === 0 ? undefined : (at % log.size) + 1;
          const codec = distinguishedResponseCodec(CONFIG);
          const encoded = encode(codec, answerDistinguished(log, { last, stop: undefined }));
          for (let i = at % 3; i < encoded.length; i += 5) {
            const changed = encoded.slice();
            changed[i]! ^= bits.next().value!;
            let error: unknown;
            try {
              verify(log, last, undefined, decode(codec, changed));
            } catch (caught) {
              error = caught;
            }
            expect(isGlasskeyError(error), `byte ${i}`).toBe(true);
          }
        },
      ),
      runs(10),
    );
  });

  it('is refused by a client that asked with another stop, where that makes a difference', () => {
    const entries = Array.from({ length: 9 }, (_, i) => ({ timestampMs: 1000 * (i + 1), labels: [] }));
    const log = new ReferenceLog(CONFIG, fakeVrf, entries);
    const response = answerDistinguished(log, { last: undefined, stop: 7 });
    expect(() => verify(log, undefined, undefined, response)).toThrow(
      expect.objectContaining({ code: 'proof-exhausted' }),
    );
    const whole = answerDistinguished(log, { last: undefined, stop: undefined });
    expect(() => verify(log, undefined, 7, whole)).toThrow(expect.objectContaining({ code: 'proof-left-over' }));
  });
});

describe('known heads', () => {
  const entries = Array.from({ length: 30 }, (_, i) => ({
    timestampMs: 1000 * (i + 1),
    labels: i % 2 === 0 ? ['a'] : [],
  }));
  const log = new ReferenceLog(CONFIG, fakeVrf, entries);
  const heads = [3, 7, 11, 13, 20].map((position) => headOf(log, position));

  it('are stored canonically', () => {
    for (const head of heads) expect(decode(knownHeadCodec, encode(knownHeadCodec, head))).toEqual(head);
    const encoded = encode(knownHeadCodec, heads[0]!);
    expect(() => decode(knownHeadCodec, encoded.slice(0, -1))).toThrow(
      expect.objectContaining({ code: 'malformed-encoding' }),
    );
  });

  it('are kept as far as they are recent, and never replaced by others', () => {
    expect(recentHeads(heads.slice(0, 3), heads.slice(2))).toEqual(heads);
    const many = Array.from({ length: 15 }, (_, i) => headOf(log, i + 5));
    expect(recentHeads(heads, many).map(({ position }) => position)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    const fork = new ReferenceLog(CONFIG, fakeVrf, entries.with(5, { timestampMs: 6000, labels: ['mallory'] }));
    expect(recentHeads(heads, [headOf(fork, 3)])).toEqual(heads);
    expect(() => recentHeads(heads, [headOf(fork, 7)])).toThrow(expect.objectContaining({ code: 'log-forked' }));
  });

  it('are compared as KT §10.2 says', () => {
    const roots = heads.map(({ logRoot }) => logRoot);
    const other = Array.from({ length: 5 }, (_, i) => new Uint8Array(32).fill(i));
    const forked = expect.objectContaining({ code: 'log-forked' });
    compareRoots(roots, roots);
    compareRoots(roots.slice(0, 4), roots.slice(1));
    compareRoots(roots.slice(1), roots.slice(0, 4));
    compareRoots(roots.slice(0, 2), roots.slice(1, 3));
    expect(() => compareRoots(roots.slice(0, 2), roots.slice(2, 4))).toThrow(forked);
    expect(() => compareRoots(roots, other)).toThrow(forked);
    expect(() => compareRoots(roots, roots.with(2, other[0]!))).toThrow(forked);
    expect(() => compareRoots(roots.with(4, other[0]!), roots)).toThrow(forked);
    expect(() => compareRoots(roots, roots.slice(1))).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => compareRoots([], [])).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('the codecs of the walk keep the laws', () => {
  it('DistinguishedRequest', () => {
    const requests = fc.record({ last: maybe(arbitrary.positions), stop: maybe(arbitrary.positions) });
    expectCodecLaws(distinguishedRequestCodec, requests);
  });
  it('DistinguishedResponse', () => {
    const responses = fc.record({
      fullTreeHead: arbitrary.fullTreeHeads('contactMonitoring'),
      distinguished: arbitrary.combinedTreeProofs,
    });
    expectCodecLaws(distinguishedResponseCodec(CONFIG), responses, 40);
  });
  it('DistinguishedHead', () => {
    const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    expectCodecLaws(distinguishedHeadCodec, fc.record({ heads: fc.array(hashes, { maxLength: 12 }) }));
  });
});
