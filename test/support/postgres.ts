import postgres from 'postgres';
import { inject } from 'vitest';

/**
 * URL of a new, empty, migrated PostgreSQL database: made from a template in well under 0.1 s, on one real server for the
 * whole run (the server that GLASSKEY_TEST_POSTGRES names, else one of our own). It goes when the run ends.
 */
export async function createTestDatabase(): Promise<string> {
  const response = await fetch(`${inject('postgresBroker')}/database`, {
    method: 'POST',
    headers: { connection: 'close' },
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return answer;
}

/** URL of a new database without any table, as an administrator makes it. */
export async function createEmptyDatabase(): Promise<string> {
  const url = await createTestDatabase();
  await query(url, 'drop schema public cascade; drop schema drizzle cascade; create schema public');
  return url;
}

/** Counts the tables of a database. */
export async function tablesOf(url: string): Promise<number> {
  const rows = await query(url, "select 1 from pg_tables where schemaname in ('public', 'drizzle')");
  return rows.length;
}

async function query(url: string, text: string): Promise<readonly unknown[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await client.unsafe(text);
  } finally {
    await client.end();
  }
}
