import { afterEach, describe, expect, it, vi } from 'vitest';
import { LogService } from '../../../src/service/log-service.ts';
import { findUnreadiness } from '../../../src/service/readiness.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, TestClock, type TestLog, type TestLogOptions } from '../../support/test-log.ts';

const HOUR_MS = 3_600_000;

let log: TestLog;
afterEach(async () => {
  await log.close();
});

/** A log whose writer has run a step, so that its clock is known. */
async function running(options: TestLogOptions = {}): Promise<void> {
  log = await createTestLog({ loop: false, ...options });
  expect(await log.service.sequencer.step()).toBe('idle');
}

const size = async (): Promise<number> => (await log.context.store.readHead()).size;

async function stepOften(): Promise<void> {
  for (let i = 0; i < 20; i++) await log.service.sequencer.step().catch(() => undefined);
}

async function issue(service: LogService, identity: string): Promise<unknown> {
  const csr = await csrFor(await newDeviceKey(), identity);
  return service.issue({ identity, csr, token: log.token, change: undefined, last: undefined });
}

/** Another server of the log, with a clock of its own. */
async function another(sequence = true): Promise<{ readonly service: LogService; readonly clock: TestClock }> {
  const clock = new TestClock();
  clock.nowMs = log.clock.nowMs;
  const context = await openLog({ ...log.options, now: clock.now, monotonic: clock.monotonic });
  return { service: new LogService(context, { sequence }), clock };
}

/** Registers; the answer waits for a step of the sequencer. */
async function register(identity: string): Promise<{ answer: Promise<unknown> }> {
  const answer = issue(log.service, identity);
  answer.catch(() => undefined);
  await vi.waitFor(async () => expect(await log.context.store.queueDepth()).toBe(1), { interval: 2 });
  return { answer };
}

describe('an idle writer', () => {
  it.each([-50_000, 50_000, -HOUR_MS, HOUR_MS, 48 * HOUR_MS])(
    'appends no heartbeats because its clock steps by %i ms',
    async (ms) => {
      await running();
      log.clock.step(ms);
      await stepOften();
      expect(await size()).toBe(1);
    },
  );

  it.each([-50_000, 50_000])('appends one each interval after a step by %i ms', async (ms) => {
    await running();
    log.clock.step(ms);
    for (let beats = 1; beats <= 3; beats++) {
      log.clock.advance(log.context.limits.heartbeatMs);
      await stepOften();
      expect(await size()).toBe(1 + beats);
    }
    await checkInvariants(log.context, []);
  });

  it('appends one each interval if it starts with a clock behind the log', async () => {
    await running();
    log.clock.step(-50_000);
    const restarted = new LogService(await openLog(log.options), { sequence: false });
    for (let i = 0; i < 5; i++) expect(await restarted.sequencer.step()).toBe('idle');
    log.clock.advance(log.context.limits.heartbeatMs);
    expect(await restarted.sequencer.step()).toBe('appended');
    expect(await restarted.sequencer.step()).toBe('idle');
  });
});

describe('a running writer', () => {
  it.each([HOUR_MS, 23 * HOUR_MS, 48 * HOUR_MS, -HOUR_MS, 61_000])(
    'refuses a clock that was set by %i ms, until it is right again',
    async (ms) => {
      await running();
      const { answer } = await register('alice@example.com');
      log.clock.step(ms);
      await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'clock-skew' });
      expect(await size()).toBe(1);
      log.clock.step(-ms);
      expect(await log.service.sequencer.step()).toBe('appended');
      await answer;
    },
  );

  it('adds up what its clock was set by', async () => {
    await running();
    for (let i = 0; i < 2; i++) {
      log.clock.advance(log.context.limits.heartbeatMs);
      log.clock.step(25_000);
      expect(await log.service.sequencer.step()).toBe('appended');
    }
    log.clock.step(25_000);
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'clock-skew' });
  });

  it('takes the time that passes for no step', async () => {
    await running();
    log.clock.advance(23 * HOUR_MS);
    expect(await log.service.sequencer.step()).toBe('appended');
  });

  it('is another one at its next start, which takes the clock as it is', async () => {
    await running();
    log.clock.step(23 * HOUR_MS);
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'clock-skew' });
    const restarted = new LogService(await openLog(log.options), { sequence: false });
    expect(await restarted.sequencer.step()).toBe('appended');
  });

  it.each([HOUR_MS, -HOUR_MS])('gives the lock to another server if its clock is set by %i ms', async (ms) => {
    log = await createTestLog();
    await vi.waitFor(() => expect(log.service.sequencer.isWriter).toBe(true));
    await issue(log.service, 'alice@example.com');
    const { service: other, clock } = await another();
    await other.start();
    try {
      log.clock.step(ms);
      clock.advance(1_000);
      await issue(other, 'bob@example.com');
      expect(other.sequencer.isWriter).toBe(true);
      expect(log.service.sequencer.isWriter).toBe(false);
      expect(log.service.sequencer.trouble).toMatchObject({ code: 'clock-skew' });
    } finally {
      await other.stop();
    }
  });
});

describe('a server that is not the writer', () => {
  it.each([HOUR_MS, -HOUR_MS, 61_000])('signs nothing by a clock that was set by %i ms, and says so', async (ms) => {
    log = await createTestLog();
    await vi.waitFor(() => expect(log.service.sequencer.isWriter).toBe(true));
    const { service, clock } = await another();
    await service.start();
    try {
      expect(await findUnreadiness(service)).toBeUndefined();
      clock.step(ms);
      await expect(issue(service, 'alice@example.com')).rejects.toMatchObject({ code: 'clock-skew' });
      await expect(findUnreadiness(service)).rejects.toMatchObject({ code: 'clock-skew' });
      expect(await log.context.store.queueDepth()).toBe(0);
      clock.step(-ms);
      await issue(service, 'alice@example.com');
      expect(service.sequencer.isWriter).toBe(false);
    } finally {
      await service.stop();
    }
  });

  it('has a submission rejected whose certificate is from the future, and the name stays free', async () => {
    await running();
    const { service, clock } = await another(false);
    // It was wrong from the start: only the writer's clock tells. A signed head looks too old to it only by `max_behind`.
    clock.step(log.context.configuration.maxBehindMs - 60_000);
    await service.start();
    try {
      const refused = expect(issue(service, 'alice@example.com')).rejects.toMatchObject({ code: 'clock-skew' });
      await vi.waitFor(async () => expect(await log.context.store.queueDepth()).toBe(1), { interval: 2 });
      await log.service.sequencer.step();
      await refused;
      const { answer } = await register('alice@example.com');
      expect(await log.service.sequencer.step()).toBe('appended');
      await answer;
    } finally {
      await service.stop();
    }
  });
});
