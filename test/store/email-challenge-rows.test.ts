import { expect, test } from 'vitest';
import type { EmailChallengeRow } from '../../src/store/ports.ts';
import { openStore } from '../../src/store/open-store.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, labelKey } from './samples.ts';

const HOUR_MS = 3_600_000;
const LIMIT = { sinceMs: 1_000, maximum: 2 };
const challenge = (name: string, label = 'alice', createdMs = 2_000): EmailChallengeRow => ({
  challengeId: bytes(name, 16),
  labelKey: labelKey(label),
  spkiSha256: bytes('spki', 32),
  codeHash: bytes(`code of ${name}`, 32),
  createdMs,
  expiresMs: createdMs + 500,
});

describeEachStore('e-mail challenges', ({ newLog }) => {
  test('are given as they were stored, as often as they may be tried', async () => {
    const log = await newLog();
    const row = challenge('one');
    expect(await log.addEmailChallenge(row, LIMIT)).toBe(true);
    expect(await log.tryEmailChallenge(row.challengeId, 2)).toEqual(row);
    expect(await log.tryEmailChallenge(row.challengeId, 2)).toEqual(row);
    expect(await log.tryEmailChallenge(row.challengeId, 2)).toBeUndefined();
    expect(await log.tryEmailChallenge(bytes('another', 16), 2)).toBeUndefined();
    expect(await (await newLog()).tryEmailChallenge(row.challengeId, 9)).toBeUndefined();
  });

  test('count for one version of a label, the first that they are used for', async () => {
    const log = await newLog();
    const { challengeId } = challenge('one');
    await log.addEmailChallenge(challenge('one'), LIMIT);
    const place = { version: 3, previousCommitment: bytes('commitment', 32) };
    const uses = await Promise.all(
      [3, 3, 4, 4].map((version) => log.useEmailChallenge(challengeId, { ...place, version })),
    );
    expect(uses.filter((isUsed) => isUsed)).toHaveLength(2);
    const used = uses[0] === true ? 3 : 4;
    expect(await log.useEmailChallenge(challengeId, { ...place, version: used })).toBe(true);
    expect(await log.useEmailChallenge(challengeId, { ...place, version: 7 - used })).toBe(false);
    const other = { version: used, previousCommitment: bytes('another', 32) };
    expect(await log.useEmailChallenge(challengeId, other)).toBe(false);
    expect(await log.useEmailChallenge(bytes('absent', 16), place)).toBe(false);
    expect(await log.tryEmailChallenge(challengeId, 2)).toEqual(challenge('one'));
  });

  test('tries that come together are counted each', async () => {
    const log = await newLog();
    const { challengeId } = challenge('one');
    await log.addEmailChallenge(challenge('one'), LIMIT);
    const tries = await Promise.all(Array.from({ length: 8 }, () => log.tryEmailChallenge(challengeId, 3)));
    expect(tries.filter((row) => row !== undefined)).toHaveLength(3);
  });

  test('are so many for each label within a time, and are then cleared away', async () => {
    const log = await newLog();
    expect(await log.addEmailChallenge(challenge('one'), LIMIT)).toBe(true);
    expect(await log.addEmailChallenge(challenge('two'), LIMIT)).toBe(true);
    expect(await log.addEmailChallenge(challenge('three'), LIMIT)).toBe(false);
    expect(await log.addEmailChallenge(challenge('of bob', 'bob'), LIMIT)).toBe(true);
    const later = { sinceMs: 2_000 + HOUR_MS, maximum: 2 };
    expect(await log.addEmailChallenge(challenge('four', 'bob', 3_000 + HOUR_MS), later)).toBe(true);
    expect(await log.tryEmailChallenge(challenge('one').challengeId, 9)).toBeUndefined();
    expect(await log.tryEmailChallenge(challenge('four').challengeId, 9)).toBeDefined();
  });

  test('can be dropped, and do not count then', async () => {
    const log = await newLog();
    for (const name of ['one', 'two', 'three', 'four']) {
      expect(await log.addEmailChallenge(challenge(name), LIMIT)).toBe(true);
      await log.dropEmailChallenge(challenge(name).challengeId);
    }
  });
});

test('300 challenges for one address at once, on two servers of one PostgreSQL, are as many as one address may have', async () => {
  const database = await createTestDatabase();
  const stores = await Promise.all([openStore(database), openStore(database)]);
  try {
    const { logId } = await stores[0].createLog({ origin: 'log.example', configuration: new Uint8Array(4) });
    const names = Array.from({ length: 300 }, (_, index) => String(index));
    const asked = names.map((name, index) =>
      (stores[index % 2] ?? stores[0]).log(logId).addEmailChallenge(challenge(name), { sinceMs: 1_000, maximum: 5 }),
    );
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(5);
  } finally {
    for (const store of stores) await store.close();
  }
});
