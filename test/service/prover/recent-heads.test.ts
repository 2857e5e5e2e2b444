import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import {
  distinguishedRequestCodec,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import { frontierLength } from '../../../src/core/keytrans/implicit-search-tree.ts';
import { lookupRequestCodec, lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import type { FullTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { updateRequestCodec, updateResponsesCodec } from '../../../src/core/keytrans/update-messages.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { createTestAuditor } from '../../support/auditor.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';
import { TestWitnesses } from '../../support/test-witnesses.ts';

const MINUTE_MS = 60_000;
/** Half of `max_behind`. */
const HALF_MS = 5 * MINUTE_MS;

/** Looks up as a client with this view would, and verifies. */
async function lookUp(log: HistoryLog, name: string, view?: TreeView, service = log.service) {
  const { configuration: config } = log.context;
  const request = { last: view?.size, label: identityOf(name).label };
  const answer = decode(
    lookupResponseCodec(config),
    await service.keytrans.lookup(encode(lookupRequestCodec, request)),
  );
  const verified = verifyLookup({ config, view, nowMs: log.clock.nowMs }, request, answer);
  const version = verified.type === 'found' ? verified.version : undefined;
  return { size: verified.view.size, view: verified.view, version };
}

const sizeOf = async (log: HistoryLog): Promise<number> => (await log.service.progress.released()).released.size;
const headSize = (head: FullTreeHead, last?: number) => (head.type === 'same' ? last : head.treeHead.treeSize);

async function settle(log: HistoryLog, name: string): Promise<number> {
  const { answer } = await log.submit(name);
  await log.step(MINUTE_MS);
  await answer;
  return sizeOf(log);
}

describe('an answer to a lookup', () => {
  let log: HistoryLog;
  /** The time of each released size. */
  const times = new Map<number, number>();
  const [absent, there] = ['user0@example.com', 'user1@example.com'];
  /** The size that holds all versions of a name. */
  let least: number;

  const step = async (): Promise<void> => {
    await log.step(MINUTE_MS);
    times.set(await sizeOf(log), log.clock.nowMs);
  };
  /** Sizes that an answer may have, from the newest to the oldest. */
  const allowed = (last = 1): number[] =>
    [...times]
      .filter(([size, atMs]) => size >= Math.max(least, last) && atMs >= log.clock.nowMs - HALF_MS)
      .map(([size]) => size)
      .toSorted((a, b) => b - a);

  beforeAll(async () => {
    log = await createHistoryLog({ labels: 2, rounds: 0 });
    least = await settle(log, there);
    times.set(least, log.clock.nowMs);
  });
  afterAll(() => log.close());

  it('is of the size with the shortest proof for a new client, of those that are recent enough', async () => {
    let older = 0;
    for (let entries = 0; entries < 40; entries++) {
      await step();
      const { size, version } = await lookUp(log, there);
      expect(version).toBe(0);
      expect(allowed()).toContain(size);
      expect(frontierLength(size)).toBe(Math.min(...allowed().map(frontierLength)));
      expect((await lookUp(log, absent)).version).toBeUndefined();
      if (size < (await sizeOf(log))) older++;
    }
    expect(older).toBeGreaterThan(12);
  });

  it('is never before the size that a client has seen, and shows that one again where this is cheapest', async () => {
    let same = 0;
    let view: TreeView | undefined;
    for (let entries = 0; entries < 24; entries++) {
      await step();
      const seen = view?.size ?? 1;
      const next = await lookUp(log, entries % 3 === 0 ? absent : there, view);
      expect(next.size).toBeGreaterThanOrEqual(seen);
      expect(allowed(seen)).toContain(next.size);
      if (next.size === seen) same++;
      ({ view } = next);
    }
    expect(same).toBeGreaterThan(2);
    expect(same).toBeLessThan(22);
  });

  it('is of the newest size where all others are too old', async () => {
    for (let entries = 0; entries < 5; entries++) {
      await log.step(HALF_MS + 1);
      expect((await lookUp(log, there)).size).toBe(await sizeOf(log));
    }
  });

  it('is the same that the newest size gives: no version is stale, and no name is said to be absent', async () => {
    for (let version = 1; version < 5; version++) {
      const size = await settle(log, there);
      for (let entries = 0; entries < 3; entries++) {
        const found = await lookUp(log, there);
        expect(found.version).toBe(version);
        expect(found.size).toBeGreaterThanOrEqual(size);
        await log.step(MINUTE_MS);
      }
    }
    await log.step(3 * MINUTE_MS);
    while (frontierLength((await sizeOf(log)) + 1) <= frontierLength(await sizeOf(log))) await log.step(MINUTE_MS);
    const size = await settle(log, absent);
    expect(await lookUp(log, absent)).toMatchObject({ version: 0, size });
    expect((await lookUp(log, there)).size).toBeLessThan(size);
  });

  it('is of one size for a batch, at which it is right for every name', async () => {
    const { configuration: config } = log.context;
    const asker = { assertMayAsk: () => undefined, assertMayAskOfLog: () => undefined, signal: undefined };
    for (const names of [[there], [absent, there], [there, absent, 'nobody@example.com']]) {
      const labels = names.map((name) => identityOf(name).label);
      const outcomes = await log.service.prover.lookupBatch({ last: undefined, labels }, asker);
      const sizes = outcomes.map((outcome, i) => {
        if (outcome.type !== 'answered') throw new Error(outcome.type);
        const answer = decode(lookupResponseCodec(config), outcome.response);
        const request = { last: undefined, label: labels[i] as Uint8Array };
        const verified = verifyLookup({ config, view: undefined, nowMs: log.clock.nowMs }, request, answer);
        expect(verified.type).toBe(names[i] === 'nobody@example.com' ? 'absent' : 'found');
        return verified.view.size;
      });
      expect(new Set(sizes).size).toBe(1);
      expect(sizes[0]).toBe(names.includes(absent) ? await sizeOf(log) : (await lookUp(log, there)).size);
    }
  });

  it('is of the newest size for every other question', async () => {
    const { service, context } = log;
    const newest = await sizeOf(log);
    expect((await lookUp(log, there)).size).toBeLessThan(newest);
    const { label } = identityOf(there);
    const config = context.configuration;
    const search = await service.prover.search({ last: undefined, label, version: undefined });
    expect(headSize(search.fullTreeHead)).toBe(newest);
    const walk = encode(distinguishedRequestCodec, { last: undefined, stop: undefined });
    const walked = decode(distinguishedResponseCodec(config), await service.keytrans.distinguished(walk));
    expect(headSize(walked.fullTreeHead)).toBe(newest);
    const asked = encode(updateRequestCodec, { last: undefined, label, greatestVersion: 0, values: [] });
    const updates = decode(updateResponsesCodec(config), await service.keytrans.update(asked));
    expect(headSize(updates[0]?.fullTreeHead as FullTreeHead)).toBe(newest);
  });

  it('is of the newest size once the database has lost entries, until later ones are released', async () => {
    const newest = await sizeOf(log);
    expect((await lookUp(log, there)).size).toBeLessThan(newest);
    log.service.progress.forget();
    expect((await lookUp(log, there)).size).toBe(newest);
    expect(log.events.filter((event) => event.type === 'self-verified' && event.error !== undefined)).toEqual([]);
  });
});

describe('an answer of an earlier size', () => {
  let log: HistoryLog;
  afterEach(() => log.close());

  /** Appends until the newest size has a longer proof than one before it. */
  async function growTo(size: number): Promise<void> {
    while ((await sizeOf(log)) < size) await log.step(MINUTE_MS);
  }

  it('carries the cosignatures that the present policy asks for', async () => {
    const [before, after] = await Promise.all([TestWitnesses.create(), TestWitnesses.create({ keys: 'ml-dsa-44' })]);
    log = await createHistoryLog({ labels: 2, rounds: 0, witnesses: before });
    // The head of the log's first entry waits for the witnesses, too.
    await log.step(0);
    await settle(log, 'user1@example.com');
    // Another server of the log has the policy of a later bundle, and hears of releases under the one before.
    const { policy } = after;
    const other = new LogService(await openLog({ ...log.options, policy }), { sequence: false });
    await other.start();
    try {
      for (const size of [4, 5, 6, 7]) {
        await growTo(size);
        await other.progress.refresh();
      }
      expect((await lookUp(log, 'user1@example.com')).size).toBe(4);
      expect((await lookUp(log, 'user1@example.com', undefined, other)).size).toBe(7);
    } finally {
      await other.stop();
      await Promise.all([before.remove(), after.remove()]);
    }
  });

  it("is not below the auditor's head, and carries it", async () => {
    const auditor = await createTestAuditor(60 * MINUTE_MS);
    log = await createHistoryLog({
      labels: 2,
      rounds: 0,
      limits: { pollMs: 0 },
      configuration: auditor.configuration,
      onCreated: async (made) => made.service.auditor.accept(await auditor.sign(made.context, 1)),
    });
    await settle(log, 'user1@example.com');
    await growTo(7);
    const first = await lookUp(log, 'user1@example.com');
    expect([first.size, first.view.auditorTreeHead?.treeSize]).toEqual([4, 1]);
    await log.service.auditor.accept(await auditor.sign(log.context, 5));
    const later = await lookUp(log, 'user1@example.com');
    expect([later.size, later.view.auditorTreeHead?.treeSize]).toEqual([6, 5]);
    const returning = await lookUp(log, 'user1@example.com', first.view);
    expect([returning.size, returning.view.auditorTreeHead?.treeSize]).toEqual([6, 5]);
  });
});
