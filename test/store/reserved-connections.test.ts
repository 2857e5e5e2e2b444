import { setImmediate } from 'node:timers/promises';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { sampleBatch } from './samples.ts';

const MAX_PENDING = 10;

test('requests that fill their connections and their queue leave the writer and readiness theirs', async () => {
  const url = await createTestDatabase();
  const store = await openPostgresStore(url, { limits: { connections: 2, maxPending: MAX_PENDING } });
  const admin = postgres(url, { max: 1 });
  const { logId } = await store.createLog({ origin: 'log.example', configuration: new Uint8Array(1) });
  const [requests, writer] = [store.log(logId), store.log(logId, { reserved: true })];
  let waiting: Promise<unknown> | undefined;
  try {
    await writer.append(sampleBatch(0));
    await admin.begin(async (transaction) => {
      await transaction`lock table tokens in access exclusive mode`;
      const stuck = Promise.allSettled(Array.from({ length: MAX_PENDING }, () => requests.listTokens()));
      await setImmediate();
      await expect(requests.readHead()).rejects.toMatchObject({ code: 'overloaded' });
      await store.ping();
      await writer.append(sampleBatch(1));
      expect((await writer.readHead()).size).toBe(2);
      waiting = stuck;
    });
    await waiting;
    expect((await requests.readHead()).size).toBe(2);
  } finally {
    await admin.end({ timeout: 1 });
    await store.close();
  }
});
