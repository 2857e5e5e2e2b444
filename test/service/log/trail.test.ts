import type { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTrail, type TrailEntry } from '../../../src/service/admin/read-trail.ts';
import type { TrailHead } from '../../../src/store/ports.ts';
import { createToken, revokeToken } from '../../../src/service/log/tokens.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

let database: PGlite;
let log: TestLog;
beforeEach(async () => {
  database = await pgliteDatabase();
  log = await createTestLog({ target: { database } });
});
afterEach(async () => {
  await log.close();
});

async function read(anchor?: TrailHead): Promise<{ entries: TrailEntry[]; head: TrailHead }> {
  const entries: TrailEntry[] = [];
  const acts = readTrail(log.context, { anchor });
  let step = await acts.next();
  for (; step.done !== true; step = await acts.next()) entries.push(step.value);
  return { entries, head: step.value };
}

async function register(identity: string): Promise<string> {
  const csr = await csrFor(await newDeviceKey(), identity);
  const order = { identity, csr, token: log.token, change: undefined, last: undefined, requestId: `for ${identity}` };
  return (await log.service.issue(order)).serial;
}

describe('the trail', () => {
  it('tells who did what, each act in the transaction of its record', async () => {
    const serial = await register('alice@example.com');
    const revocation = { identity: 'alice@example.com', serials: [serial], reason: 1, change: undefined };
    await log.service.revoke({ ...revocation, token: log.token, last: undefined });
    const { info } = await createToken(log.context, 'second', 'admin:eve');
    await revokeToken(log.context, info.id, 'admin:eve');
    const { entries, head } = await read();
    const identity = Buffer.from(await log.context.vrf.labelKey(new TextEncoder().encode('mailto:alice@example.com')));
    const alice = { identity: identity.toString('hex'), who: 'token:1' };
    expect(entries).toMatchObject([
      { record: 0, act: 'token-created', who: 'service', token: 1, name: 'test' },
      { act: 'certificate-issued', ...alice, serial, version: 0, position: 1, request: 'for alice@example.com' },
      { act: 'certificates-revoked', ...alice, removed: [serial], reason: 1, version: 1, position: 2 },
      { act: 'token-created', who: 'admin:eve', token: info.id },
      { record: 4, act: 'token-revoked', who: 'admin:eve', token: info.id },
    ]);
    expect(head.size).toBe(5);
    expect(JSON.stringify(entries)).not.toContain('mailto');
  });

  it('has nothing of an act that did not happen', async () => {
    await expect(revokeToken(log.context, 4711)).rejects.toMatchObject({ code: 'not-found' });
    await expect(createToken(log.context, '')).rejects.toMatchObject({ code: 'invalid-request' });
    expect((await read()).head.size).toBe(1);
  });

  it('is one chain, however many write at once', async () => {
    await Promise.all([
      ...Array.from({ length: 8 }, (_, i) => register(`person${i}@example.com`)),
      ...Array.from({ length: 8 }, (_, i) => createToken(log.context, `token ${i}`)),
    ]);
    const { entries } = await read();
    expect(entries.filter(({ act }) => act === 'certificate-issued')).toHaveLength(8);
    expect(entries.filter(({ act }) => act === 'token-created')).toHaveLength(9);
  });

  it('tells of a certificate that was signed and kept out', async () => {
    const labelKey = new Uint8Array(32).fill(7);
    const { store, trail } = log.context;
    await store.openIntent({
      labelKey,
      version: 0,
      requestHash: new Uint8Array(32),
      createdMs: log.clock.nowMs - 120_000,
    });
    const revocation = { serial: 'abcd', revokedMs: 1, reason: 5 };
    const act = { act: 'certificate-abandoned', who: 'service', serial: 'abcd' } as const;
    const fail = () =>
      trail.record([act], (record) => store.failIntent({ labelKey, version: 0 }, 'open', revocation, record));
    expect([await fail(), await fail()]).toEqual([true, false]);
    expect((await read()).entries.filter((one) => one.act === 'certificate-abandoned')).toMatchObject([
      { serial: 'abcd' },
    ]);
  });

  it.each([
    ['an act that was changed', "update trail set acts = replace(acts, 'token:1', 'token:2') where sequence = 1"],
    ['a time that was changed', `update trail set acts = replace(acts, '"at":1', '"at":2') where sequence = 2`],
    ['a hash that was changed', "update trail set hash = sha256('x') where sequence = 1"],
    ['a record that was taken out', 'delete from trail where sequence = 1'],
    ['the last record taken away', 'delete from trail where sequence = (select max(sequence) from trail)'],
    ['all records taken away', 'delete from trail'],
    ['a trail that never was', 'delete from trail_heads'],
    [
      'the last record taken away, and the end moved',
      `delete from trail where sequence = 3;
       update trail_heads set size = 3, hash = (select hash from trail where sequence = 1)`,
    ],
    [
      'two records that changed places',
      `update trail set sequence = 100 where sequence = 1; update trail set sequence = 1 where sequence = 2;
       update trail set sequence = 2 where sequence = 100`,
    ],
    [
      'a record too many',
      'insert into trail select log_id, 9, acts, hash from trail where sequence = 3; update trail set sequence = 4 where sequence = 9',
    ],
  ])('shows %s', async (_, sql) => {
    for (const name of ['alice', 'bob', 'carol']) await register(`${name}@example.com`);
    expect((await read()).head.size).toBe(4);
    await database.exec(sql);
    await expect(read()).rejects.toMatchObject({ code: 'trail-broken' });
  });

  it('that was written anew as a whole does not go through an end that was noted', async () => {
    await register('alice@example.com');
    const { head } = await read();
    await register('bob@example.com');
    expect((await read(head)).head.size).toBe(3);
    await database.exec('delete from trail; delete from trail_heads');
    for (const name of ['carol', 'dave', 'erin']) await register(`${name}@example.com`);
    expect((await read()).head.size).toBe(3);
    await expect(read(head)).rejects.toMatchObject({ code: 'trail-broken' });
    await database.exec('delete from trail; delete from trail_heads');
    await expect(read(head)).rejects.toMatchObject({ code: 'trail-broken' });
  });
});
