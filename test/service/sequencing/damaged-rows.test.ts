import type { PGlite } from '@electric-sql/pglite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { equalBytes } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { claimIntent } from '../../../src/service/issuance/make-version.ts';
import { submit } from '../../../src/service/issuance/submit.ts';
import { readLabelState } from '../../../src/service/log/label-state.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { SqlError } from '../../../src/store/sql-error.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { csrFor, identityOf, newDeviceKey } from '../../support/owner.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';
/** More steps than it takes to find one row of a short queue. */
const MANY_STEPS = 30;

let log: TestLog;
let database: PGlite;
afterEach(async () => {
  await log.close();
});

async function open(wrap?: (store: LogStore) => LogStore): Promise<void> {
  database = await pgliteDatabase();
  log = await createTestLog({ loop: false, target: { database }, ...(wrap === undefined ? {} : { wrap }) });
}

/** A request whose submission waits in the queue. */
interface Waiting {
  readonly answer: Promise<unknown>;
}

async function waiting(request: () => Promise<unknown>): Promise<Waiting> {
  const before = await log.context.store.queueDepth();
  const answer = request();
  answer.catch(() => undefined);
  await vi.waitFor(async () => expect(await log.context.store.queueDepth()).toBe(before + 1), {
    interval: 2,
    timeout: 10_000,
  });
  return { answer };
}

async function register(identity: string): Promise<Waiting> {
  const csr = await csrFor(await newDeviceKey(), identity);
  return waiting(() => log.service.issue({ identity, csr, token: log.token, change: undefined, last: undefined }));
}

function revoke(identity: string): Promise<Waiting> {
  const order = { identity, serials: 'all', reason: 1, token: log.token, change: undefined, last: undefined } as const;
  return waiting(() => log.service.revoke(order));
}

/** Has Alice in the log, and a version of hers in the queue before Bob's first. */
async function aliceBeforeBob(): Promise<{ alice: Waiting; bob: Waiting; labelKey: Uint8Array }> {
  const first = await register(ALICE);
  await log.service.sequencer.step();
  await first.answer;
  const alice = await revoke(ALICE);
  const bob = await register(BOB);
  return { alice, bob, labelKey: await log.context.vrf.labelKey(identityOf(ALICE).label) };
}

/** Steps as the loop does, through failures, until nothing is left to do. */
async function stepThrough(steps = MANY_STEPS): Promise<void> {
  for (let i = 0; i < steps; i++) {
    const result = await log.service.sequencer.step().catch(() => 'failed');
    if (result === 'idle') return;
  }
}

/** The store, with a label that cannot be read. */
function unreadable(plan: { labelKey?: Uint8Array | undefined; error: unknown }) {
  return (store: LogStore): LogStore => {
    const readLabelAt: LogStore['readLabelAt'] = async (labelKey, size) => {
      if (plan.labelKey !== undefined && equalBytes(labelKey, plan.labelKey)) throw plan.error;
      return store.readLabelAt(labelKey, size);
    };
    return Object.assign(Object.create(store) as LogStore, { readLabelAt });
  };
}

describe('a submission that the database cannot answer for', () => {
  it.each([
    ['was erased', 'update versions set value = null, opening = null', 'erased'],
    ['does not decode', `update versions set value = '\\x00ff'`, 'storage-corrupt'],
    ['is missing', 'delete from versions', 'version-conflict'],
    ['lost its label', 'delete from labels', 'version-conflict'],
  ])('is rejected if its predecessor %s, and the others are sequenced', async (_, damage, code) => {
    await open();
    const { alice, bob } = await aliceBeforeBob();
    await database.exec(damage);
    expect(await log.service.sequencer.step()).toBe('appended');
    await bob.answer;
    await expect(alice.answer).rejects.toMatchObject({ code });
    expect(log.service.sequencer.failure).toBeUndefined();
  });

  it('is rejected if its version is in the tree, but no row says so', async () => {
    await open();
    const first = await register(ALICE);
    await log.service.sequencer.step();
    await first.answer;
    const { context } = log;
    const { label } = identityOf(ALICE);
    const labelKey = await context.vrf.labelKey(label);
    const { record } = (await readLabelState(context, labelKey))!;
    await database.exec(
      'delete from labels; delete from versions; delete from intents; delete from certificates; delete from submissions',
    );
    // The pipeline would have refused it.
    const claim = { label, labelKey, version: 0, requestHash: new Uint8Array(32) };
    await claimIntent(context, claim);
    const act = { act: 'certificate-issued', who: 'service' } as const;
    const id = await submit(context, claim, { record, certificate: undefined, act });
    const bob = await register(BOB);
    expect(await log.service.sequencer.step()).toBe('appended');
    await bob.answer;
    const outcome = { state: 'rejected', code: 'version-conflict' };
    expect(await log.service.progress.waitForOutcome(id, 1_000)).toMatchObject(outcome);
  });

  it.each([
    ['with an error of the program', new TypeError('not a function'), 'internal'],
    ['since the store contradicts itself', new GlasskeyError('storage-corrupt', 'odd'), 'storage-corrupt'],
  ])('is rejected if reading its predecessor fails %s', async (_, error, code) => {
    const plan: Parameters<typeof unreadable>[0] = { error };
    await open(unreadable(plan));
    const { alice, bob, labelKey } = await aliceBeforeBob();
    plan.labelKey = labelKey;
    expect(await log.service.sequencer.step()).toBe('appended');
    await bob.answer;
    await expect(alice.answer).rejects.toMatchObject({ code });
  });

  it('waits while the database is overloaded', async () => {
    const plan: Parameters<typeof unreadable>[0] = { error: new GlasskeyError('overloaded', 'busy') };
    await open(unreadable(plan));
    const { alice, bob, labelKey } = await aliceBeforeBob();
    plan.labelKey = labelKey;
    await expect(log.service.sequencer.step()).rejects.toMatchObject({ code: 'overloaded' });
    plan.labelKey = undefined;
    await log.service.sequencer.step();
    await Promise.all([alice.answer, bob.answer]);
    await checkInvariants(
      log.context,
      [ALICE, BOB].map((text) => identityOf(text).label),
    );
  });
});

describe('a batch that fails again and again', () => {
  it('is split until the one row that the database refuses is found and rejected', async () => {
    await open();
    const { alice, bob, labelKey } = await aliceBeforeBob();
    // A row that nobody sees, since it is beyond the head, is in the way of the insertion.
    await database.query(
      `insert into versions select log_id, label_key, 1, 1000, vrf_output, vrf_proof, commitment, opening, value
       from versions where label_key = $1`,
      [labelKey],
    );
    const others = [];
    for (let i = 0; i < 6; i++) others.push(await register(`user${i}@example.com`));
    await stepThrough();
    await bob.answer;
    await Promise.all(others.map(({ answer }) => answer));
    await expect(alice.answer).rejects.toMatchObject({ code: 'storage-failed' });
    expect(await log.context.store.queueDepth()).toBe(0);
  });

  it('is split until the one whose predecessor cannot be read is found and rejected', async () => {
    const plan: Parameters<typeof unreadable>[0] = { error: new SqlError('bad block', 'XX001') };
    await open(unreadable(plan));
    const { alice, bob, labelKey } = await aliceBeforeBob();
    plan.labelKey = labelKey;
    await stepThrough();
    await bob.answer;
    await expect(alice.answer).rejects.toMatchObject({ code: 'storage-failed' });
    plan.labelKey = undefined;
    await checkInvariants(
      log.context,
      [ALICE, BOB].map((text) => identityOf(text).label),
    );
  });

  it('loses nothing if the database was away', async () => {
    let away = false;
    await open((store) => {
      const append: LogStore['append'] = (batch) =>
        away ? Promise.reject(new GlasskeyError('storage-failed', 'away')) : store.append(batch);
      return Object.assign(Object.create(store) as LogStore, { append });
    });
    const { alice, bob } = await aliceBeforeBob();
    away = true;
    await stepThrough();
    away = false;
    await stepThrough();
    await Promise.all([alice.answer, bob.answer]);
    await checkInvariants(
      log.context,
      [ALICE, BOB].map((text) => identityOf(text).label),
    );
  });
});
