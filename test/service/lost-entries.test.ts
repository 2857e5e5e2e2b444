import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { parseNote } from '../../src/core/audit/note.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { LogStore, Store } from '../../src/store/ports.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { identityOf } from '../support/owner.ts';
import { pgliteDatabase } from '../support/pglite.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
let standby: Store;
let failOver: () => void;

/** A server whose database fails over to a standby that lacks the last registration. Its sequencer has stopped. */
beforeEach(async () => {
  const database = await pgliteDatabase();
  let current: LogStore | undefined;
  const wrap = (store: LogStore): LogStore =>
    new Proxy(store, {
      get: (_, name) => {
        const target = current ?? store;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  server = await createTestServer({ target: { database }, wrap });
  const client = await server.client();
  const register = async (identity: string): Promise<unknown> =>
    client.register(identity, { token: server.log.token, key: await generateKey() });
  await register('alice@example.com');
  const copy = await database.dumpDataDir('none');
  await register('bob@example.com');
  await server.log.service.sequencer.stop();
  standby = await openStore({ database: await PGlite.create({ loadDataDir: copy }) }, { now: server.log.clock.now });
  const row = await standby.findLog('log.example');
  failOver = () => (current = standby.log(row?.logId ?? 0));
});
afterEach(async () => {
  await server.close();
  await standby.close();
});

const shownSize = async (): Promise<number> =>
  parseCheckpoint(parseNote(await server.log.service.files.checkpoint()).text).size;

const lookUp = (name: string) =>
  server.log.service.prover.lookup({ last: undefined, label: identityOf(`${name}@example.com`).label });

async function ready(): Promise<string> {
  return (await fetch(server.url + PATHS.ready)).text();
}

describe('after a failover that lost entries, a server', () => {
  it('shows what the database holds, from the moment it looks', async () => {
    await lookUp('bob');
    expect(await shownSize()).toBe(3);
    failOver();
    await server.log.service.progress.refresh();
    expect(await shownSize()).toBe(2);
    const answer = await lookUp('bob');
    expect(answer).toMatchObject({ fullTreeHead: { treeHead: { treeSize: 2 } } });
    await lookUp('alice');
  });

  it('says so in /readyz, which looks, and takes no more requests to change the log', async () => {
    failOver();
    expect(await ready()).toContain('log-rolled-back: this server has seen size 3 released');
    expect(await shownSize()).toBe(2);
    const order = { identity: 'alice@example.com', serials: 'all', reason: 1, change: undefined } as const;
    const revoked = server.log.service.revoke({ ...order, token: server.log.token, last: undefined });
    await expect(revoked).rejects.toMatchObject({ code: 'log-rolled-back' });
  });

  it('signs nothing over it, without a file and without witnesses', async () => {
    failOver();
    server.log.clock.advance(server.log.context.limits.heartbeatMs);
    await expect(server.log.service.sequencer.step()).rejects.toMatchObject({ code: 'log-rolled-back' });
    expect(await shownSize()).toBe(2);
    expect((await server.log.context.store.readHead()).size).toBe(2);
  });
});
