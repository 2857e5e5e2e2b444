import postgres from 'postgres';

/** Version and settings of a PostgreSQL that decide how fast, and how durable, commits are. */
export async function describePostgres(url: string): Promise<Record<string, string>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const names = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers'];
    const rows = await sql<{ name: string; value: string }[]>`
      select name, current_setting(name) as value from pg_settings where name in ${sql(names)}`;
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  } finally {
    await sql.end({ timeout: 1 });
  }
}
