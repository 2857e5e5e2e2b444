import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { LOG_PREFIX, PATHS } from '../../src/contract/paths.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { encodeIdentityRecord } from '../../src/identity/identity-record.ts';
import { lie, LyingOperator, refusal } from '../support/lying-operator.ts';
import { BY_OPERATOR } from '../support/victims.ts';
import { startWatcher, type TestWatcher } from '../support/watching.ts';
import { type AttackId, CATALOGUE } from './catalogue.ts';

const WINDOW_MS = 60_000;
const BOB = 'bob@example.com';

let operator: LyingOperator;
let key: ClientKey;
let watcher: TestWatcher | undefined;
beforeEach(async () => {
  operator = await LyingOperator.start({
    configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
  });
});
afterEach(async () => {
  await watcher?.close();
  watcher = undefined;
  await operator.stop();
});

/** Registers Bob, whom a watcher watches from then on; his own client never runs again. */
async function watched(fetch?: Fetch): Promise<TestWatcher> {
  const client = await operator.client();
  key = await generateKey();
  await client.register(BOB, { token: operator.server.log.token, key });
  const { url: server, log } = operator.server;
  const started = await startWatcher({ server, now: log.clock.now, fetch });
  watcher = started;
  await started.watcher.step();
  await started.watch(client, BOB, key);
  await started.watcher.step();
  expect(started.told(BOB)).toEqual([]);
  return started;
}

async function pass(windows: number): Promise<void> {
  for (let i = 0; i < windows; i++) {
    operator.server.log.clock.advance(WINDOW_MS);
    await operator.appendNothing();
  }
}

async function appendFalse(): Promise<void> {
  const certificate = await operator.certify(BOB, (await generateKey()).spki);
  await operator.appendRecord(BOB, { certificates: [certificate], authorization: BY_OPERATOR });
}

/** The subjects of what the owner is told. */
const subjects = ({ told }: TestWatcher): readonly string[] => told(BOB).map(({ subject }) => subject);
const falseVersion = (version: number): unknown =>
  expect.stringMatching(new RegExp(`^ALARM: ${BOB} has a version ${version} `));
const LOG_ALARM = expect.stringMatching(/^ALARM: the log .* does not verify$/);

/** What each attack of the catalogue that owners notice by monitoring looks like to a watcher. */
const CARRIED_OUT: Partial<Record<AttackId, () => Promise<void>>> = {
  'false-version-owned': async () => {
    const one = await watched();
    await appendFalse();
    await one.watcher.step();
    expect(subjects(one)).toEqual([falseVersion(1)]);
  },
  'false-version-and-back': async () => {
    const one = await watched();
    const honest = (await operator.latest(BOB))!.record.certificates;
    await appendFalse();
    await operator.appendRecord(BOB, { certificates: honest, authorization: BY_OPERATOR });
    await one.watcher.step();
    expect(subjects(one)).toEqual([falseVersion(1), falseVersion(2)]);
  },
  'hidden-from-its-owner': async () => {
    const one = await watched(lie(PATHS.lookup, refusalAfterFirst()));
    await appendFalse();
    await one.watcher.step();
    expect(one.events).toContainEqual(expect.objectContaining({ type: 'failed', work: 'look' }));
    expect(subjects(one)).toEqual([]);
    operator.server.log.clock.advance(one.context.limits.unshownMs);
    await one.watcher.step();
    expect(subjects(one)).toEqual([`ALARM: ${BOB} got a new version that the server does not show`]);
  },
  'own-version-taken-back': async () => {
    const one = await watched();
    await operator.takeBack(0, { forget: false });
    for (let i = 0; i < 3; i++) await one.watcher.step();
    expect(subjects(one)).toEqual([LOG_ALARM]);
    expect(one.watcher.health.misbehaviour?.code).toBe('bad-auditor-update');
  },
  'refused-to-be-shown': async () => {
    const one = await watched(refusing([PATHS.ownerMonitor, PATHS.contactMonitor], 'invalid-request'));
    await appendFalse();
    await pass(2);
    await one.watcher.step();
    expect(subjects(one)).toEqual([falseVersion(1)]);
  },
  'said-to-have-expired': async () => {
    const one = await watched(refusing([PATHS.ownerMonitor, PATHS.update, PATHS.contactMonitor], 'version-expired'));
    await appendFalse();
    await pass(3);
    await one.watcher.step();
    expect(subjects(one)).toEqual([falseVersion(1)]);
  },
  'expired-while-away': async () => {
    const one = await watched(refusing([PATHS.ownerMonitor], 'version-expired'));
    await pass(12);
    await appendFalse();
    await one.watcher.step();
    expect(subjects(one)).toEqual([falseVersion(1)]);
  },
  'recovery-hidden-from-owner': async () => {
    const one = await watched(refusing([PATHS.update], 'search-not-found'));
    const { record } = (await operator.latest(BOB))!;
    await operator.appendRecord(BOB, {
      certificates: record.certificates,
      pending: { spkiSha256: sha256((await generateKey()).spki), evidence: { type: 'application' } },
      authorization: { type: 'recovery', phase: 'requested' },
    });
    await one.watcher.step();
    expect(subjects(one)).toEqual([falseVersion(1)]);
    expect(one.told(BOB)[0]?.text).toContain('a recovery is pending');
  },
};

/** A watcher asks for no distinguished entries, so it cannot be told of false ones. */
const NOT_ASKED: readonly AttackId[] = ['false-distinguished-entry'];

describe('a watcher, while the client of the owner never runs, notices who tries to', () => {
  for (const [id, carryOut] of Object.entries(CARRIED_OUT)) {
    it(CATALOGUE[id as AttackId].attack, carryOut);
  }

  it('do anything else that owners notice by monitoring: the table is complete', () => {
    const byOwners = Object.entries(CATALOGUE).filter(([, { noticedBy }]) => noticedBy.includes('owner, monitoring'));
    const expected = byOwners.map(([id]) => id).filter((id) => !NOT_ASKED.includes(id as AttackId));
    expect(Object.keys(CARRIED_OUT).toSorted()).toEqual(expected.toSorted());
  });
});

describe('a watcher also notices who tries to', () => {
  it('leave versions out, so that no entry adds the next one', async () => {
    const one = await watched(refusing([PATHS.chain], 'erased'));
    for (let i = 1; i <= 5; i++) await appendFalse();
    await one.watcher.step();
    expect(subjects(one)).toEqual([`ALARM: ${BOB} has 4 further new versions`, falseVersion(5)]);
    const latest = (await operator.latest(BOB))!;
    expect(latest.version).toBe(5);
    const value = encodeIdentityRecord({ ...latest.record, previousCommitment: new Uint8Array(32).fill(7) });
    await operator.appendVersions(BOB, [{ version: 7, value }]);
    await one.watcher.step();
    operator.server.log.clock.advance(one.context.limits.unshownMs);
    await operator.appendNothing();
    await one.watcher.step();
    // The server's own code cannot show a label with a gap.
    expect(one.told(BOB).at(-1)?.text).toMatch(/^Log entry \d+ added a search key that only version 7 /);
  });

  it('show lookups another log than audits', async () => {
    const other = await LyingOperator.start({
      configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
    });
    try {
      const one = await watched((url, init) => {
        const { pathname } = new URL(url);
        const to = isLying && pathname.startsWith(LOG_PREFIX) ? other.server.url + pathname : url;
        return fetch(to, init);
      });
      isLying = true;
      await appendFalse();
      for (let i = 0; i < 3; i++) await one.watcher.step();
      expect(subjects(one)).toEqual([LOG_ALARM]);
    } finally {
      isLying = false;
      await other.stop();
    }
  });

  it('keep it from seeing the log for a monitoring window', async () => {
    let isDown = false;
    const one = await watched((url, init) =>
      isDown ? Promise.reject(new TypeError('fetch failed')) : fetch(url, init),
    );
    isDown = true;
    await one.watcher.step();
    expect(subjects(one)).toEqual([]);
    operator.server.log.clock.advance(one.context.limits.blindMs);
    await one.watcher.step();
    await one.watcher.step();
    expect(subjects(one)).toEqual([expect.stringMatching(/^Nobody watches your name/)]);
    isDown = false;
    await appendFalse();
    await one.watcher.step();
    expect(subjects(one).slice(1)).toEqual([expect.stringMatching(/is watched again$/), falseVersion(1)]);
  });
});

let isLying = false;

/** `fetch` of a server that refuses every request to these paths. */
function refusing(paths: readonly string[], code: string): Fetch {
  return async (url, init) => (paths.includes(new URL(url).pathname) ? refusal(code)() : fetch(url, init));
}

/** Answers the first lookup, of the mandate, and refuses all later ones. */
function refusalAfterFirst(): (honest: () => Promise<Response>) => Promise<Response> {
  let asked = 0;
  return (honest) => (asked++ === 0 ? honest() : refusal('search-not-found')());
}
