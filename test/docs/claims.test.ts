import { describe, expect, it } from 'vitest';
import { type Part, unitsOf } from './claim-units.ts';
import type { Claims } from './claims/claims.ts';
import { ATTACKERS, GUARANTEES, PROMISES } from './claims/guarantees.ts';
import { CLIENT_SETTINGS, LOG_SETTINGS, SERVER_SETTINGS } from './claims/settings.ts';
import { NO_WEAKNESS, PRIVATE_NAMES, STOLEN_KEYS } from './claims/stolen-keys.ts';
import { WATCHERS } from './claims/watchers.ts';
import { type TestName, whatIsWrongWith } from './test-titles.ts';

/** A part of a document, its claims, and how the sentences begin that claim nothing a test could show. */
interface Page {
  readonly part: Part;
  readonly claims: Claims;
  /** Definitions, directions to the reader, and what is admitted not to hold. */
  readonly noClaims: readonly string[];
}

const PAGES: readonly Page[] = [
  {
    part: { document: 'README.md', heading: 'What it promises' },
    claims: PROMISES,
    noClaims: ['The promise has edges'],
  },
  {
    part: { document: 'docs/guarantees.md', heading: 'What it guarantees' },
    claims: GUARANTEES,
    noClaims: ['To a client that uses this library'],
  },
  {
    part: { document: 'docs/guarantees.md', heading: 'An attacker who controls X can… / cannot…' },
    claims: ATTACKERS,
    noClaims: [],
  },
  {
    part: { document: 'docs/threat-model.md' },
    claims: {
      ...STOLEN_KEYS,
      ...PRIVATE_NAMES,
      ...WATCHERS,
      ...NO_WEAKNESS,
      ...LOG_SETTINGS,
      ...SERVER_SETTINGS,
      ...CLIENT_SETTINGS,
    },
    noClaims: [
      'What somebody can do who has a key',
      '"Client" is a client that uses this library',
      'The attacks that a lying server can try',
      'Where a row speaks of one key',
      'Seals and proofs leave this open',
      'An older tree',
      'Where newer rows of released_heads are hidden and an older head row is put back',
      'A moment',
      'Where newer rows of released_heads are hidden for a moment',
      'An older head row',
      'It keeps its valid seal',
      'A host that was away while the log grew',
      'A rollback within a second',
      'A database that is rolled back within that second',
      'The order of the queue',
      'The database numbers queued versions',
      'Whoever changes it can reorder',
      'Intents and revocations',
      'These rows have no seal',
      'Certificates can be put on the CRL',
      'OCSP and EST take a certificate',
      'Clients read none of these',
      'Receipts.',
      'The position and the number of deleted rows',
      'The trail.',
      'Its acts have no seal',
      'The act of a queued version',
      'It is no part of what clients rely on',
      'What each door tells such a stranger',
      'What this does not hide',
      'Budgets are each process',
      'For ever, from who has asked once',
      'Every answer, also one of absence, shows the VRF output',
      'A token that has expired takes that back from nobody',
      'From who sees the connection',
      'The time and size of answers to bearers',
      'From who knows when somebody registered',
      'From who holds a certificate',
      'From the operator, and whoever has the VRF key',
      'Whether a kind is private at all',
      'No server lies in these attacks',
      'Each row names the file of its tests',
      'test/docs/claims/ names the tests of each sentence',
      'Advisories of other authorities',
      'Nobody else sees these',
      'A watcher is somebody else',
      'A watcher learns',
      'A lying watcher',
      'The operator learns that a name is watched',
      'An operator that recognises a watcher',
      'A thief of a device key can replace',
      'Whoever reads the watcher',
    ],
  },
];

/** The files of tests that a sentence or row names itself. */
const testsIn = (unit: string) => (unit.match(/\btest\/[\w./-]+\.test\.ts/g) ?? []) as TestName[];

const straight = (text: string): string => text.replaceAll('’', "'");

describe.each(PAGES)('what $part.document ($part.heading) says', ({ part, claims, noClaims }) => {
  const beginnings = [...Object.keys(claims), ...noClaims];
  const units = unitsOf(part).map(straight);

  it('names its tests, sentence by sentence', () => {
    const counted = units.map((unit) => [beginnings.filter((one) => unit.startsWith(straight(one))).length, unit]);
    const without = counted.filter(([count, unit]) => count === 0 && testsIn(String(unit)).length === 0);
    const ambiguous = counted.filter(([count]) => Number(count) > 1);
    expect({ without, ambiguous }).toEqual({ without: [], ambiguous: [] });
  });

  it('names only tests that there are', () => {
    expect(units.flatMap((unit) => testsIn(unit).map(whatIsWrongWith)).filter(Boolean)).toEqual([]);
  });

  it('is said', () => {
    expect(beginnings.filter((one) => !units.some((unit) => unit.startsWith(straight(one))))).toEqual([]);
  });

  it('is shown by tests that there are', () => {
    expect(Object.entries(claims).filter(([, tests]) => tests.length === 0)).toEqual([]);
    expect(Object.values(claims).flatMap((tests) => tests.map(whatIsWrongWith).filter(Boolean))).toEqual([]);
  });
});
