import postgres from 'postgres';
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { enqueue } from './samples.ts';

const ROWS = 200;

test('reading the queue reads each of its rows a bounded number of times', async () => {
  const url = await createTestDatabase();
  const store = await openPostgresStore(url);
  const { logId } = await store.createLog({ origin: 'log.example', configuration: new Uint8Array(1) });
  const log = store.log(logId);
  for (let i = 0; i < ROWS; i++) await enqueue(log, `user${i}`);
  expect(await log.readQueue(ROWS)).toHaveLength(ROWS);
  // A session that ends reports what it read.
  await store.close();
  const admin = postgres(url, { max: 1 });
  try {
    const read = async (): Promise<number> => {
      const [row] = await admin`select seq_tup_read + idx_tup_fetch as read from pg_stat_user_tables
        where relname = 'submissions'`;
      return Number(row?.['read'] ?? 0);
    };
    await expect.poll(read, { timeout: 10_000 }).toBeGreaterThanOrEqual(ROWS);
    expect(await read()).toBeLessThan(10 * ROWS);
  } finally {
    await admin.end({ timeout: 1 });
  }
});
