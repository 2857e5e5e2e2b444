import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LABELS, WINDOW_MS } from '../support/histories.ts';
import { contactMonitorCases, type PeerCase, searchCases, verifyPeerCase } from '../support/peer-cases.ts';
import { ownerCases } from '../support/peer-owner-cases.ts';
import { denseHistories, runs } from '../support/random-histories.ts';
import {
  labelBytes,
  p256Configuration,
  p256Vrf,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  referenceConfiguration,
} from '../support/reference-log.ts';
import { answerLookup } from '../support/reference-prover.ts';
import { verifySearch } from '../../src/core/keytrans/verify-search.ts';

type PeerSuite = 'ed25519' | 'p256';

function peerLog(suite: PeerSuite, entries: readonly ReferenceEntry[]): ReferenceLog {
  const config = referenceConfiguration(WINDOW_MS);
  if (suite === 'p256') return new ReferenceLog(p256Configuration(config), p256Vrf, entries);
  return new ReferenceLog(config, realVrf, entries);
}

/** All that a client is answered which looks every label up at `last` entries, and comes back when all are there. */
function casesOf(suite: PeerSuite, entries: readonly ReferenceEntry[], last: number): PeerCase[] {
  const early = peerLog(suite, entries.slice(0, last));
  const log = peerLog(suite, entries);
  return LABELS.flatMap((label) => {
    const searches = [
      ...[undefined, last].flatMap((known) => searchCases({ log, label, last: known })),
      ...ownerCases(early, log, label),
    ];
    const answer = answerLookup(early, { label, last: undefined });
    if (answer.type === 'absent') return searches;
    const request = { last: undefined, label: labelBytes(label), version: undefined };
    const context = { config: early.config, view: undefined, nowMs: early.timestamps.at(-1)! };
    const search = verifySearch(context, request, answer.response);
    return [...searches, ...contactMonitorCases({ log, label, last }, search)];
  });
}

/** Who was answered; only an owner's monitoring is a case of its own for a client that has the newest head. */
function clientOf({ operation, view, expect: { size } }: PeerCase): string {
  if (view === null) return 'first';
  return operation === 'owner-monitor' && view.size === size ? 'up to date' : 'returning';
}

const historyWithLast = denseHistories(12).chain((entries) =>
  fc.tuple(fc.constant(entries), fc.integer({ min: 1, max: entries.length })),
);

describe.each([
  ['ed25519', 20],
  ['p256', 5],
] as const)('cases for other implementations, %s', (suite, byDefault) => {
  it('hold everything that a verifier needs', { timeout: 120_000 }, () => {
    const seen = new Set<string>();
    const property = fc.property(historyWithLast, ([entries, last]) => {
      for (const peerCase of casesOf(suite, entries, last)) {
        const told = JSON.parse(JSON.stringify(peerCase)) as PeerCase;
        expect(verifyPeerCase(told)).toEqual(peerCase.expect);
        seen.add(`${peerCase.operation}, ${clientOf(peerCase)}`);
      }
    });
    // Random histories may lack a kind of case; these two have all: one dense, one with a distinguished entry to own from.
    const histories = [500, 1_700_000_000_000].map((startMs) =>
      Array.from({ length: 7 }, (_, i) => ({ timestampMs: startMs + 40 * i, labels: i < 6 ? [...LABELS] : [] })),
    );
    const examples = histories.map((entries): [[ReferenceEntry[], number]] => [[entries, 6]]);
    fc.assert(property, { ...runs(byDefault), examples });
    expect([...seen].toSorted()).toEqual([
      'contact-monitor, returning',
      'owner-init, first',
      'owner-init, returning',
      'owner-monitor, returning',
      'owner-monitor, up to date',
      'search, first',
      'search, returning',
    ]);
  });
});
