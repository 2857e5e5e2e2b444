import postgres from 'postgres';

/** Bytes on disk of all tables of a log with their indexes, after a checkpoint. */
export async function databaseBytes(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`checkpoint`;
    const [row] = await sql<{ bytes: string }[]>`
      select sum(pg_total_relation_size(quote_ident(tablename)::regclass)) as bytes from pg_tables where schemaname = 'public'`;
    return Number(row?.bytes);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

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
