import { afterEach, describe, expect, it, vi } from 'vitest';
import { verifyCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { parseNote } from '../../../src/core/audit/note.ts';
import { assertWitnessed } from '../../../src/core/audit/policy.ts';
import { formatAddCheckpoint } from '../../../src/core/audit/add-checkpoint.ts';
import { signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import type { LogContext } from '../../../src/service/log/log-context.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog, type TestLogOptions } from '../../support/test-log.ts';
import { TestWitnesses, type TestWitnessesOptions } from '../../support/test-witnesses.ts';

let log: TestLog;
let witnesses: TestWitnesses;
afterEach(async () => {
  await log.close();
  await witnesses.remove();
});

async function open(group: TestWitnessesOptions = {}, options: TestLogOptions = {}): Promise<void> {
  witnesses = await TestWitnesses.create(group);
  log = await createTestLog({ loop: false, witnesses, ...options });
}

const step = () => log.service.sequencer.step();

/** Grows the log by one entry. */
async function grow(): Promise<void> {
  log.clock.advance(log.context.limits.heartbeatMs);
  await step();
}

/** What anybody may see: the checkpoint, witnessed, and the head that it is of. */
async function released(): Promise<number> {
  await log.service.progress.refresh();
  const note = parseNote(await log.service.files.checkpoint());
  assertWitnessed(witnesses.policy, note, { nowMs: log.clock.nowMs, maxAgeMs: Infinity });
  const { size } = verifyCheckpoint(await log.service.files.checkpoint(), {
    origin: log.context.origin,
    vkeys: [log.context.noteSigner.vkey],
  });
  expect((await log.service.progress.refresh()).released.size).toBe(size);
  expect(await log.service.files.head(size)).toBeDefined();
  await expect(log.service.files.head(size + 1)).rejects.toMatchObject({ code: 'not-found' });
  return size;
}

/** Another process on the same database. */
async function restart(context?: Partial<LogContext>): Promise<LogService> {
  const other = await openLog(log.options);
  return new LogService({ ...other, ...context }, { sequence: false });
}

/** A checkpoint of another history, signed by the log's own key. */
async function forkedCheckpoint(size: number): Promise<string> {
  const { origin, noteSigner } = log.context;
  return signCheckpoint({ origin, size, rootHash: new Uint8Array(32).fill(9), extensions: [] }, [noteSigner]);
}

/** A checkpoint of this log's name that a stranger has signed: what a lying witness could make up. */
const strangers = 'log.example\n9\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u2014 log.example AAAAAAAA\n';

const outcomes = (): string[] =>
  log.events.flatMap((event) => (event.type === 'witness' ? [`${event.witness} ${event.outcome}`] : []));

describe('a log with a witness policy', () => {
  it('releases nothing before its first quorum, then each size with one', async () => {
    await open();
    await expect(log.service.files.checkpoint()).rejects.toMatchObject({ code: 'storage-failed' });
    await step();
    expect(await released()).toBe(1);
    await grow();
    await grow();
    expect(await released()).toBe(3);
  });

  it.each(['ml-dsa-44', 'both'] as const)('takes cosignatures of %s keys', async (keys) => {
    await open({ keys, count: 2 });
    await step();
    await grow();
    expect(await released()).toBe(2);
    // One request for both keys of a witness.
    expect(witnesses.requests(0).length).toBeLessThanOrEqual(2);
  });

  it('releases with as many as the quorum asks for, and goes on from where each of them is', async () => {
    await open();
    await step();
    witnesses.down(2);
    await grow();
    await grow();
    expect(await released()).toBe(3);
    witnesses.down(0);
    await grow();
    // The one that was away sends a size that is behind, and is given a proof from there.
    expect(await released()).toBe(4);
    expect(outcomes()).toContain('w0 unreachable');
  });

  it('releases nothing while the quorum is not there, says so, and appends no more', async () => {
    await open();
    await step();
    witnesses.down(0, 1);
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(step()).rejects.toMatchObject({ code: 'release-stalled' });
    await expect(step()).rejects.toMatchObject({ code: 'release-stalled' });
    log.clock.advance(30_000);
    expect(log.service.sequencer.lag).toEqual({ entries: 1, sinceMs: log.clock.nowMs - 30_000 });
    expect((await log.context.store.readHead()).size).toBe(2);
    expect(await released()).toBe(1);
    witnesses.down();
    await step();
    expect(await released()).toBe(2);
    expect(log.service.sequencer.lag).toEqual({ entries: 0, sinceMs: undefined });
  });

  it('answers a registration once witnesses have seen it, and refuses others meanwhile', async () => {
    await open({}, { loop: true });
    const order = async (identity: string) => ({
      identity,
      csr: await csrFor(await newDeviceKey(), identity),
      token: log.token,
      change: undefined,
      last: undefined,
    });
    await log.service.issue(await order('alice@example.com'));
    witnesses.down(0, 1, 2);
    let isAnswered = false;
    const waiting = log.service.issue(await order('bob@example.com')).then(() => (isAnswered = true));
    await vi.waitFor(() => expect(log.service.sequencer.trouble).toMatchObject({ code: 'release-stalled' }));
    await expect(log.service.issue(await order('carol@example.com'))).rejects.toMatchObject({
      code: 'release-stalled',
    });
    expect(isAnswered).toBe(false);
    witnesses.down();
    await waiting;
    expect(await released()).toBeGreaterThanOrEqual(3);
  });

  it('signs nothing on another host either, while a head waits for its quorum', async () => {
    await open();
    await step();
    const limits = { ...log.options.limits, releaseWaitMs: 200 };
    const other = new LogService(await openLog({ ...log.options, limits }), { sequence: false });
    const identity = 'alice@example.com';
    const order = { identity, token: log.token, change: undefined, last: undefined };
    const issue = async () => other.issue({ ...order, csr: await csrFor(await newDeviceKey(), identity) });
    witnesses.down(0, 1);
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(step()).rejects.toMatchObject({ code: 'release-stalled' });
    await expect(issue()).rejects.toMatchObject({ code: 'release-stalled' });
    expect(log.events.filter(({ type }) => type === 'signed')).toEqual([]);
    witnesses.down();
    await step();
    const issued = issue();
    await vi.waitFor(async () => expect(await step()).toBe('appended'));
    await issued;
    expect(await released()).toBe(3);
  });

  it.each([
    [
      'lines of another key',
      'bad-cosignature',
      async (ask: () => Promise<Response>) => {
        const text = await (await ask()).text();
        return new Response(text.replaceAll('witness.example/w0', 'witness.example/wx'));
      },
    ],
    [
      'a cosignature of something else',
      'bad-cosignature',
      async (ask: () => Promise<Response>) => {
        const line = (await (await ask()).text()).trim();
        const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64');
        bytes[20] = (bytes[20] ?? 0) ^ 1;
        return new Response(`— witness.example/w0 ${bytes.toString('base64')}\n`);
      },
    ],
    ['nothing', 'bad-cosignature', async () => new Response('')],
    ['a whole film', 'bad-answer', async () => new Response('x'.repeat(1_000_000))],
    ['no size', 'bad-answer', async () => new Response('many\n', { status: 409 })],
    ['a size that it does not mean', 'bad-answer', async () => new Response('1\n', { status: 409 })],
    ['a refusal', 'refused', async () => new Response('who are you?', { status: 404 })],
  ] as const)('does without a witness that answers with %s', async (_, outcome, answer) => {
    await open();
    await step();
    await grow();
    // The third answer comes after the release, and a witness is asked one thing at a time.
    await vi.waitFor(() => expect(outcomes().filter((one) => /^w[0-2] /.test(one))).toHaveLength(6), {
      timeout: 20_000,
    });
    witnesses.interfere(0, (_body, ask) => answer(ask));
    await grow();
    expect(await released()).toBe(3);
    await vi.waitFor(() => expect(outcomes()).toContain(`w0 ${outcome}`), { timeout: 20_000 });
    // Nor do two of them make a quorum.
    witnesses.down(1);
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(step()).rejects.toMatchObject({ code: 'release-stalled' });
    expect((await log.service.progress.refresh()).released.size).toBe(3);
  });

  it('counts no cosignature with a time of its own', async () => {
    await open({ count: 1, threshold: 1 });
    await step();
    await witnesses.know(log.context.noteSigner.vkey, () => log.clock.nowMs + 3_600_000);
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(step()).rejects.toMatchObject({ code: 'release-stalled' });
    expect(outcomes()).toContain('w0 bad-clock');
  });

  it('starts where it stopped between the witnesses and the release', async () => {
    await open({ count: 1, threshold: 1 });
    await step();
    // The witness has cosigned size 2, and the answer is lost.
    witnesses.interfere(0, (_, ask) => ask().then(() => new Response('', { status: 500 })));
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(step()).rejects.toMatchObject({ code: 'release-stalled' });
    witnesses.interfere(0, undefined);
    const other = await restart();
    await other.sequencer.step();
    expect(await released()).toBe(2);
  });

  it('makes an entry at once when a policy is new, so that there is a witnessed head', async () => {
    witnesses = await TestWitnesses.create();
    log = await createTestLog({ loop: false });
    await step();
    await witnesses.know(log.context.noteSigner.vkey, log.clock.now);
    const other = await openLog({ ...log.options, policy: witnesses.policy, fetchWitness: witnesses.fetch });
    expect(await new LogService(other, { sequence: false }).sequencer.step()).toBe('appended');
    expect(await released()).toBe(2);
  });

  it('refuses a policy whose quorum nobody can reach', async () => {
    await open();
    const policy = {
      ...witnesses.policy,
      witnesses: witnesses.policy.witnesses.map(({ name, vkey }) => ({ name, vkey })),
    };
    await expect(openLog({ ...log.options, policy })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a log that its witnesses know better', () => {
  /** Signs nothing any more, says why, and goes on serving. */
  async function expectRefusal(service: LogService): Promise<void> {
    const size = await log.context.store.readReleased();
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'log-rolled-back' });
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'log-rolled-back' });
    expect((await service.health()).failure).toMatchObject({ code: 'log-rolled-back' });
    const order = { identity: 'a@example.com', csr: '', token: log.token, change: undefined, last: undefined };
    await expect(service.issue(order)).rejects.toMatchObject({ code: 'log-rolled-back' });
    expect(await log.context.store.readReleased()).toEqual(size);
    expect(await service.files.checkpoint()).toBe(size?.checkpoint);
  }

  it('stops when one has cosigned a larger tree, at the start', async () => {
    await open();
    await step();
    const later = formatAddCheckpoint({ oldSize: 1, proof: [], checkpoint: await forkedCheckpoint(9) });
    witnesses.interfere(1, async () => new Response('9\n', { status: 409 }));
    witnesses.show(1, () => new Response(later.slice(later.indexOf('\n\n') + 2)));
    await expectRefusal(await restart());
    expect(log.events.filter(({ type }) => type === 'rolled-back')).toHaveLength(1);
  });

  const LIES: readonly [string, Response][] = [
    ['a larger size', new Response('9\n', { status: 409 })],
    ['another tree', new Response('your proof is wrong\n', { status: 422 })],
  ];
  it.each(LIES)('takes no single word for %s, at the start or while it runs, and goes on', async (_, lie) => {
    await open();
    await step();
    const claims = async (): Promise<Response> => lie.clone();
    witnesses.interfere(1, claims);
    for (const shown of [
      undefined,
      () => new Response('', { status: 404 }),
      () => new Response('x'.repeat(200_000)),
      () => new Response('no checkpoint\n'),
      () => new Response(strangers),
    ]) {
      witnesses.show(1, shown);
      const other = await restart();
      log.clock.advance(log.context.limits.heartbeatMs);
      expect(await other.sequencer.step()).toBe('appended');
      expect(other.sequencer.failure).toBeUndefined();
    }
    expect(outcomes()).toContain('w1 unproven');
    expect(outcomes()).not.toContain('w1 ahead');
    expect(await released()).toBe(6);
  });

  it('waits, and signs nothing new, where so many claim it that there is no quorum without them', async () => {
    await open();
    await step();
    for (const number of [0, 1]) {
      witnesses.interfere(number, async () => new Response('9\n', { status: 409 }));
      witnesses.show(number, () => new Response('', { status: 404 }));
    }
    const other = await restart();
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(other.sequencer.step()).rejects.toMatchObject({ code: 'release-stalled' });
    expect((await log.context.store.readHead()).size).toBe(1);
    witnesses.interfere(0, undefined);
    expect(await other.sequencer.step()).toBe('appended');
  });

  it('stops where one shows another tree that its own key has signed, of whatever size', async () => {
    await open();
    await step();
    await grow();
    const forked = await forkedCheckpoint(1);
    witnesses.interfere(2, async () => new Response('it does not continue\n', { status: 422 }));
    witnesses.show(2, () => new Response(forked));
    await expectRefusal(await restart());
  });

  it('stops when one has cosigned another tree, while it runs', async () => {
    await open({ count: 2, threshold: 1 });
    witnesses.down(1);
    await step();
    await grow();
    witnesses.down();
    // A fork of size 2 was shown to the one that was away.
    const forked = formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: await forkedCheckpoint(2) });
    expect((await witnesses.ask(1, forked)).status).toBe(200);
    log.clock.advance(log.context.limits.heartbeatMs);
    witnesses.interfere(0, async () => new Response('', { status: 503 }));
    await expectRefusal(log.service);
  });

  it('hears of it also after the quorum was there', async () => {
    await open({ count: 2, threshold: 1 });
    await step();
    let answer: (response: Response) => void = () => undefined;
    witnesses.interfere(1, () => new Promise((resolve) => (answer = resolve)));
    await grow();
    expect(await released()).toBe(2);
    const later = await forkedCheckpoint(77);
    witnesses.show(1, () => new Response(later));
    answer(new Response('77\n', { status: 409 }));
    await vi.waitFor(() => expect(outcomes()).toContain('w1 ahead'));
    witnesses.interfere(1, undefined);
    log.clock.advance(log.context.limits.heartbeatMs);
    await vi.waitFor(async () => {
      await expect(step()).rejects.toMatchObject({ code: 'log-rolled-back' });
    });
    expect((await log.service.progress.refresh()).released.size).toBe(2);
  });

  it('does not start before those have answered without whom there is no quorum', async () => {
    await open();
    await step();
    witnesses.down(0, 1);
    const other = await restart();
    await expect(other.sequencer.step()).rejects.toMatchObject({ code: 'release-stalled' });
    expect((await log.context.store.readHead()).size).toBe(1);
    witnesses.down(2);
    expect(await other.sequencer.step()).toBe('idle');
  });
});
