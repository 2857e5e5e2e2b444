import { afterEach, describe, expect, it, vi } from 'vitest';
import { commit } from '../../../src/core/crypto/commitment.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { decodeIdentityRecord, encodeIdentityRecord, NO_COMMITMENT } from '../../../src/identity/identity-record.ts';
import { Deadline } from '../../../src/service/issuance/await-log.ts';
import { makeVersion } from '../../../src/service/issuance/make-version.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { abandonCertificate, closeStaleIntents } from '../../../src/service/sequencing/intent-closing.ts';
import { Sequencer } from '../../../src/service/sequencing/sequencer.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { csrFor, identityOf, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog, type TestLogOptions } from '../../support/test-log.ts';

let log: TestLog;
afterEach(async () => {
  await log.close();
});

async function open(options: TestLogOptions = {}): Promise<void> {
  log = await createTestLog({ loop: false, ...options });
}

/** Asks for a certificate; the answer comes once the sequencer is stepped. */
async function register(identity: string): Promise<{ answer: Promise<unknown> }> {
  const csr = await csrFor(await newDeviceKey(), identity);
  const before = await log.context.store.queueDepth();
  const answer = log.service.issue({ identity, csr, token: log.token, change: undefined, last: undefined });
  answer.catch(() => undefined);
  await vi.waitFor(async () => expect(await log.context.store.queueDepth()).toBe(before + 1), { interval: 2 });
  return { answer };
}

async function check(...identities: string[]): Promise<{ size: number; leaves: number; released: number }> {
  const labels = identities.map((text) => identityOf(text).label);
  return checkInvariants(log.context, labels);
}

/** A store whose method fails when told to, before or after its work. */
function failing(method: 'append' | 'release' | 'readHead', plan: { fail?: 'before' | 'after' | undefined }) {
  return (store: LogStore): LogStore => {
    const work = store[method].bind(store) as (argument: unknown) => Promise<unknown>;
    return Object.assign(Object.create(store) as LogStore, {
      [method]: async (argument: unknown) => {
        const { fail } = plan;
        if (fail === 'before') throw new GlasskeyError('storage-failed', 'down');
        const result = await work(argument);
        if (fail === 'after') throw new GlasskeyError('storage-failed', 'down');
        return result;
      },
    });
  };
}

describe('a step', () => {
  it('does nothing while there is nothing to do, then appends a heartbeat', async () => {
    await open();
    expect(await log.service.sequencer.step()).toBe('idle');
    log.clock.advance(log.context.limits.heartbeatMs);
    expect(await log.service.sequencer.step()).toBe('appended');
    expect(await log.service.sequencer.step()).toBe('idle');
    expect(await check()).toEqual({ size: 2, leaves: 0, released: 2 });
  });

  it('takes the queue in one go, and keeps every invariant after each step', async () => {
    await open();
    const names: string[] = [];
    for (let round = 0; round < 4; round++) {
      const answers = [];
      for (let i = 0; i <= round; i++) {
        const name = `user${round}-${i}@example.com`;
        names.push(name);
        answers.push((await register(name)).answer);
      }
      log.clock.advance(1_000);
      expect(await log.service.sequencer.step()).toBe('appended');
      expect((await Promise.all(answers)).length).toBe(round + 1);
      expect(await check(...names)).toEqual({ size: round + 2, leaves: names.length, released: round + 2 });
    }
  });

  it('makes several log entries of a large batch, under one signature', async () => {
    await open({ limits: { entrySize: 3 } });
    const names = Array.from({ length: 8 }, (_, i) => `user${i}@example.com`);
    const answers = [];
    for (const name of names) answers.push((await register(name)).answer);
    await log.service.sequencer.step();
    await Promise.all(answers);
    expect(await check(...names)).toEqual({ size: 4, leaves: 8, released: 2 });
  });

  it('takes no more of fat submissions than their bytes allow, and each at last', async () => {
    await open({ limits: { batchBytes: 1 } });
    const names = Array.from({ length: 7 }, (_, i) => `user${i}@example.com`);
    const answers = [];
    for (const name of names) answers.push((await register(name)).answer);
    const queue = await log.context.store.readQueue(10);
    const length = Math.max(...queue.map(({ value }) => value.length));
    await log.service.sequencer.step();
    Object.assign(log.context.limits, { batchBytes: 3 * length });
    for (let rest = 6; rest > 0; rest -= 3) await log.service.sequencer.step();
    await Promise.all(answers);
    const appended = log.events.filter((event) => event.type === 'appended');
    expect(appended.map(({ changes }) => changes)).toEqual([1, 3, 3]);
    expect(log.service.sequencer.queueDepth).toBe(3);
    expect(await check(...names)).toEqual({ size: 4, leaves: 7, released: 4 });
  });

  it('crosses the edge of log tiles', async () => {
    await open({ limits: { heartbeatMs: 1 } });
    for (let i = 0; i < 259; i++) {
      log.clock.advance(1);
      await log.service.sequencer.step();
    }
    const { answer } = await register('alice@example.com');
    await log.service.sequencer.step();
    await answer;
    expect(await check('alice@example.com')).toEqual({ size: 261, leaves: 1, released: 261 });
  });

  it.each([
    ['value', 'bad-commitment'],
    ['vrfOutput', 'bad-vrf-proof'],
    ['vrfProof', 'bad-vrf-proof'],
  ] as const)('rejects a row with another %s, and sequences the rest', async (field, code) => {
    await open();
    const good = await register('alice@example.com');
    const bad = await register('bob@example.com');
    const queue = log.context.store.readQueue.bind(log.context.store);
    const spy = vi.spyOn(log.context.reserved.store, 'readQueue').mockImplementationOnce(async (limit) => {
      const rows = await queue(limit);
      const [, forged] = rows;
      return forged === undefined ? rows : rows.with(1, { ...forged, [field]: forged[field].toReversed() });
    });
    await log.service.sequencer.step();
    spy.mockRestore();
    await good.answer;
    await expect(bad.answer).rejects.toMatchObject({ code });
    // The certificate that was signed for it never got out, and is on the CRL.
    expect(await log.context.store.listRevoked(log.clock.nowMs)).toHaveLength(1);
    await check('alice@example.com');
  });

  it.each([
    ['a certificate that the issuer did not sign', 'bad-signature', false],
    ['a version by the operator', 'change-rejected', true],
  ] as const)('rejects a record with %s, whoever put it in the queue', async (_, code, byOperator) => {
    await open();
    const bad = await register('bob@example.com');
    const queue = log.context.store.readQueue.bind(log.context.store);
    const spy = vi.spyOn(log.context.reserved.store, 'readQueue').mockImplementationOnce(async (limit) => {
      const [row, ...rest] = await queue(limit);
      if (row === undefined) return rest;
      const record = decodeIdentityRecord(row.value);
      const certificates = record.certificates.map((der) => der.with(der.length - 1, (der.at(-1) as number) ^ 1));
      const value = encodeIdentityRecord(
        byOperator
          ? { ...record, authorization: { type: 'operator', reason: 'because' } }
          : { ...record, certificates },
      );
      const { opening, label, version } = row;
      const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
      return [{ ...row, value, commitment }, ...rest];
    });
    await log.service.sequencer.step();
    spy.mockRestore();
    await expect(bad.answer).rejects.toMatchObject({ code });
    await check();
  });

  it('rejects a first version of a label that is in the log, in the middle of others', async () => {
    await open();
    const first = await register('alice@example.com');
    const [row] = await log.context.store.readQueue(1);
    await log.service.sequencer.step();
    await first.answer;
    const other = await register('bob@example.com');
    const readQueue = log.context.store.readQueue.bind(log.context.store);
    const spy = vi.spyOn(log.context.reserved.store, 'readQueue').mockImplementationOnce(async (limit) => {
      const rows = await readQueue(limit);
      return row === undefined ? rows : [row, ...rows];
    });
    // The forged row has no submission that waits: the store refuses the batch, and the next step goes on without it.
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'head-moved' });
    spy.mockRestore();
    expect(log.events).toContainEqual({ type: 'rejected', code: 'version-conflict' });
    await log.service.sequencer.step();
    await other.answer;
    await check('alice@example.com', 'bob@example.com');
  });
});

describe('the clock', () => {
  it('never goes back in the log', async () => {
    await open();
    log.clock.advance(-30_000);
    const { answer } = await register('alice@example.com');
    await log.service.sequencer.step();
    await answer;
    await check('alice@example.com');
  });

  it('stops the log when it is out of bounds', async () => {
    await open();
    const { answer } = await register('alice@example.com');
    log.clock.advance(25 * 3_600_000);
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'clock-skew' });
    log.clock.advance(-26 * 3_600_000);
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'clock-skew' });
    log.clock.advance(3_600_000);
    await log.service.sequencer.step();
    await answer;
    await check('alice@example.com');
  });

  it('may be far ahead once, where somebody has looked at it', async () => {
    await open();
    log.clock.advance(25 * 3_600_000);
    const context = await openLog(log.options);
    const service = new LogService(context, { sequence: false, acceptClockGap: true });
    expect(await service.sequencer.step()).toBe('appended');
    await check();
  });
});

describe('when the store fails', () => {
  it.each(['before', 'after'] as const)('%s the append, the submission is sequenced once', async (fail) => {
    const plan: { fail?: 'before' | 'after' | undefined } = {};
    await open({ wrap: failing('append', plan) });
    const { answer } = await register('alice@example.com');
    plan.fail = fail;
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'storage-failed' });
    plan.fail = undefined;
    await log.service.sequencer.step();
    await answer;
    expect(await check('alice@example.com')).toEqual({ size: 2, leaves: 1, released: 2 });
  });

  it.each(['before', 'after'] as const)('%s the release, the head is signed later', async (fail) => {
    const plan: { fail?: 'before' | 'after' | undefined } = {};
    await open({ wrap: failing('release', plan) });
    const { answer } = await register('alice@example.com');
    plan.fail = fail;
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'storage-failed' });
    plan.fail = undefined;
    await log.service.sequencer.step();
    await answer;
    expect(await check('alice@example.com')).toEqual({ size: 2, leaves: 1, released: 2 });
  });

  it('between commit and release, another process signs the committed head', async () => {
    const plan: { fail?: 'before' | 'after' | undefined } = {};
    await open({ wrap: failing('release', plan) });
    await register('alice@example.com');
    plan.fail = 'before';
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'storage-failed' });
    plan.fail = undefined;
    const service = new LogService(await openLog(log.options), { sequence: false });
    expect(await service.sequencer.step()).toBe('idle');
    expect(await check('alice@example.com')).toEqual({ size: 2, leaves: 1, released: 2 });
  });

  it('the loop goes on by itself', async () => {
    const plan: { fail?: 'before' | 'after' | undefined } = {};
    await open({ wrap: failing('append', plan), loop: true });
    plan.fail = 'before';
    const { answer } = await register('alice@example.com');
    await vi.waitFor(() => expect(log.events.some(({ type }) => type === 'sequencing-failed')).toBe(true));
    plan.fail = undefined;
    await answer;
    await check('alice@example.com');
  });
});

/** Something that is waited for, and happens once. */
function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

describe('the loop', () => {
  it('collects a batch after it has checked the stored log, so that no part of one is appended alone', async () => {
    const checking = latch();
    const checked = latch();
    let isSlow = false;
    const wrap = (store: LogStore): LogStore =>
      Object.assign(Object.create(store) as LogStore, {
        readLogEnd: async () => {
          if (isSlow) {
            isSlow = false;
            checking.open();
            await checked.opened;
          }
          return store.readLogEnd();
        },
      });
    await open({ wrap, limits: { batchIntervalMs: Infinity } });
    isSlow = true;
    let isPreparing = false;
    const collected = latch();
    const expectsMore = (): boolean => {
      if (isPreparing) collected.open();
      return isPreparing;
    };
    const sequencer = new Sequencer(log.context, log.service.progress, { expectsMore });
    sequencer.start();
    await checking.opened;
    isPreparing = true;
    const first = await register('alice@example.com');
    checked.open();
    await collected.opened;
    const second = await register('bob@example.com');
    isPreparing = false;
    await Promise.all([first.answer, second.answer]);
    await sequencer.stop();
    expect(await check('alice@example.com', 'bob@example.com')).toEqual({ size: 2, leaves: 2, released: 2 });
  });
});

describe('two writers', () => {
  it('cannot both append', async () => {
    await open();
    const other = new LogService(await openLog(log.options), { sequence: false });
    await log.service.sequencer.step();
    await other.sequencer.step();
    const { answer } = await register('alice@example.com');
    const results = await Promise.allSettled([log.service.sequencer.step(), other.sequencer.step()]);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'head-moved' });
    }
    await answer;
    expect((await check('alice@example.com')).leaves).toBe(1);
  });
});

describe('an intent that nobody finishes', () => {
  it('is closed, and the identity is free again', async () => {
    await open({ loop: true, limits: { intentTimeoutMs: 1_000 } });
    const labelKey = await log.context.vrf.labelKey(identityOf('alice@example.com').label);
    await log.context.store.openIntent({
      labelKey,
      version: 0,
      requestHash: new Uint8Array(32),
      createdMs: log.clock.nowMs,
    });
    const csr = await csrFor(await newDeviceKey(), 'alice@example.com');
    const order = { identity: 'alice@example.com', csr, token: log.token, change: undefined, last: undefined };
    await expect(log.service.issue(order)).rejects.toMatchObject({ code: 'version-conflict' });
    log.clock.advance(2_000);
    await closeStaleIntents(log.context);
    await log.service.issue(order);
    await check('alice@example.com');
  });

  it('and goes on too late has its certificate on the CRL, unless that was stored', async () => {
    await open({ loop: true, limits: { intentTimeoutMs: 1_000 } });
    const { context, service, clock } = log;
    const { label } = identityOf('bob@example.com');
    const labelKey = await context.vrf.labelKey(label);
    const claim = { label, labelKey, version: 0, requestHash: new Uint8Array(32) };
    const patience = { deadline: new Deadline(10_000) };
    const late = makeVersion(service, claim, patience, async (signed) => {
      signed('abcd');
      clock.advance(2_000);
      await closeStaleIntents(context);
      const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
      const record = { previousCommitment: NO_COMMITMENT, certificates: [], pending: undefined, authorization };
      return { record, certificate: undefined, act: { act: 'certificate-issued', who: 'service' } };
    });
    await expect(late).rejects.toMatchObject({ code: 'version-conflict' });
    expect(await context.store.findStatus('abcd')).toMatchObject({ revocation: { reason: 5 } });
    const acts = (await context.store.readTrail(0, 100)).map((record) => record.acts).join('\n');
    expect(acts).toContain('"act":"certificate-abandoned","who":"service"');

    const csr = await csrFor(await newDeviceKey(), 'bob@example.com');
    const common = { identity: 'bob@example.com', token: log.token, change: undefined, last: undefined };
    const { serial } = await service.issue({ ...common, csr });
    await abandonCertificate(context, claim, serial);
    expect(await context.store.findStatus(serial)).toMatchObject({ issued: true, revocation: undefined });
  });
});
