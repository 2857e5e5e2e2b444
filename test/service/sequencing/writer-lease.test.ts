import { afterEach, describe, expect, it, vi } from 'vitest';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { LogProgress } from '../../../src/service/log/log-progress.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { SequencingStep } from '../../../src/service/sequencing/sequencing-step.ts';
import { WriterLease } from '../../../src/service/sequencing/writer-lease.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { csrFor, identityOf, newDeviceKey } from '../../support/owner.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { createTestLog, type TestLog, type TestLogOptions } from '../../support/test-log.ts';

const ALICE = 'alice@example.com';

/** What an append writes into the row of the head. */
const HEAD_COLUMNS = ['size', 'timestamp_ms', 'log_root', 'audit_root', 'log_edge', 'audit_edge', 'mac'];

let log: TestLog;
let other: LogService | undefined;
afterEach(async () => {
  await other?.stop();
  other = undefined;
  await log.close();
});

/** Opens a log whose writer has a store with other methods, once they are switched on. */
async function open(methods: (store: LogStore) => Partial<LogStore>, options: TestLogOptions = {}) {
  const plan = { broken: false };
  log = await createTestLog({
    limits: { writerPatienceMs: 50 },
    wrap: (store) => {
      const get = (target: LogStore, name: keyof LogStore): unknown =>
        (plan.broken ? methods(store)[name] : undefined) ?? target[name];
      return new Proxy(store, { get });
    },
    ...options,
  });
  await vi.waitFor(() => expect(log.service.sequencer.isWriter).toBe(options.loop ?? true));
  return plan;
}

/** Another server of the log, with whose store nothing is wrong. */
async function startOther(): Promise<LogService> {
  other = new LogService(await openLog({ ...log.options, store: log.store }));
  await other.start();
  return other;
}

async function issue(service: LogService, identity: string): Promise<unknown> {
  const csr = await csrFor(await newDeviceKey(), identity);
  return service.issue({ identity, csr, token: log.token, change: undefined, last: undefined });
}

/** Asserts that a step appends, and releases nothing because it has lost the lock; the next writer releases it. */
async function expectNotReleased(run: () => Promise<unknown>): Promise<void> {
  const { store } = log.context;
  await expect(run()).rejects.toMatchObject({ code: 'head-moved' });
  expect((await store.readHead()).size).toBe(2);
  expect((await store.readReleased())?.size).toBe(1);
  await log.service.sequencer.step();
  expect((await store.readReleased())?.size).toBe(2);
}

describe('a writer that cannot append', () => {
  it('leaves the writing to another server after repeated failures', async () => {
    const plan = await open(() => ({
      append: () => Promise.reject(new GlasskeyError('storage-failed', 'disk full')),
    }));
    const next = await startOther();
    plan.broken = true;
    await issue(next, ALICE);
    expect(next.sequencer.isWriter).toBe(true);
    expect(log.service.sequencer.isWriter).toBe(false);
    await checkInvariants(log.context, [identityOf(ALICE).label]);
  });

  it('tries again if there is no other server', async () => {
    const plan = await open(() => ({
      append: () => Promise.reject(new GlasskeyError('storage-failed', 'disk full')),
    }));
    plan.broken = true;
    const answer = issue(log.service, ALICE);
    const lost = { type: 'writer', holds: false };
    await vi.waitFor(() => expect(log.events.filter(({ type }) => type === 'writer')).toContainEqual(lost));
    plan.broken = false;
    await answer;
    expect(log.service.sequencer.isWriter).toBe(true);
  });

  it('leaves it, too, while an append has no end, and signs nothing when that ends', async () => {
    let goOn!: () => void;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const plan = await open((store) => ({ append: (batch) => gate.then(() => store.append(batch)) }));
    const next = await startOther();
    plan.broken = true;
    await issue(next, ALICE);
    expect(log.service.sequencer.isWriter).toBe(false);
    const released = (): unknown[] => log.events.filter(({ type }) => type === 'released');
    const before = released().length;
    goOn();
    const failure = { type: 'sequencing-failed', error: expect.objectContaining({ code: 'head-moved' }) };
    await vi.waitFor(() => expect(log.events).toContainEqual(failure));
    expect(released()).toHaveLength(before);
    await checkInvariants(log.context, [identityOf(ALICE).label]);
  });

  it('keeps it if the stored log contradicts itself, so that nobody else signs over it', async () => {
    const plan = await open(() => ({
      readQueue: () => Promise.reject(new GlasskeyError('storage-corrupt', 'rows are missing')),
    }));
    plan.broken = true;
    await vi.waitFor(() => expect(log.service.sequencer.failure).toBeDefined());
    const failures = (): number => log.events.filter(({ type }) => type === 'sequencing-failed').length;
    await vi.waitFor(() => expect(failures()).toBeGreaterThan(10));
    expect(log.service.sequencer.isWriter).toBe(true);
    expect(await log.context.store.tryWriterLock()).toBeUndefined();
  });
});

describe('a step whose lease is over', () => {
  it('signs nothing of what it has appended; the next writer releases that', async () => {
    const held: WriterLease[] = [];
    const plan = await open(
      (store) => ({
        append: async (batch) => {
          await store.append(batch);
          await held[0]?.release();
        },
      }),
      { loop: false },
    );
    const { context } = log;
    const lease = await WriterLease.take(context.store, () => Infinity);
    if (lease !== undefined) held.push(lease);
    const step = new SequencingStep(context, new LogProgress(context.store, context.limits));
    await step.run(lease);
    plan.broken = true;
    log.clock.advance(context.limits.heartbeatMs);
    await expectNotReleased(() => step.run(lease));
  });

  it('releases nothing either, where it was stopped just before, and a failover lost what it had appended', async () => {
    const database = await pgliteDatabase();
    const plan = await open(
      (store) => ({
        release: async (head) => {
          plan.broken = false;
          await lease?.release();
          await database.exec(`update heads set ${HEAD_COLUMNS.map((name) => `${name} = kept.${name}`).join()} from kept;
            delete from entries where position = 1`);
          log.clock.advance(1);
          await expect(next.run()).rejects.toMatchObject({ code: 'storage-failed' });
          await store.release(head);
        },
      }),
      { loop: false, target: { database } },
    );
    const { context } = log;
    const failing = Object.create(context.store) as LogStore;
    failing.release = () => Promise.reject(new GlasskeyError('storage-failed', 'no connection'));
    const progress = new LogProgress(context.store, context.limits);
    const next = new SequencingStep({ ...context, store: failing }, progress);
    const lease = await WriterLease.take(context.store, () => Infinity);
    const step = new SequencingStep(context, progress);
    await step.run(lease);
    await database.exec('create table kept as select * from heads');
    plan.broken = true;
    log.clock.advance(context.limits.heartbeatMs);
    await expectNotReleased(() => step.run(lease));
    await checkInvariants(context, []);
  });
});
