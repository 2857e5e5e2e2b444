import { getTableName } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Sql } from 'postgres';
import { ensure } from '../../core/errors.ts';
import { LOCK_KEY } from '../migrate.ts';
import { connectPlain, DEFAULT_POSTGRES_LIMITS, type PostgresLimits } from '../postgres-pool.ts';
import { certificates, entries, labels, logTiles, prefixTiles, versions } from '../schema.ts';
import { CHANNEL, PLACEMENT_CHANGED } from '../sql-driver.ts';
import { toStorageError } from '../sql-error.ts';

/**
 * The tables that grow with a log, each with the column whose hash places a row. All others stay on the coordinator.
 * A primary key holds its column, as Citus demands. Those that share a type of column share the places of their shards.
 */
const DISTRIBUTED: readonly (readonly [table: PgTable, by: PgColumn, placedWith: PgTable | undefined])[] = [
  [entries, entries.position, undefined],
  [prefixTiles, prefixTiles.position, entries],
  [logTiles, logTiles.tileIndex, entries],
  [versions, versions.labelKey, undefined],
  [labels, labels.labelKey, versions],
  [certificates, certificates.serial, versions],
];

/** Number of shards of a table, unless the operator chooses another. */
export const DEFAULT_SHARDS = 32;

/** A table's place in the database, by its name. */
export interface TablePlace {
  readonly table: string;
  readonly column: string;
  /** True if this run has distributed it; false if it was before. */
  readonly isNew: boolean;
}

/**
 * Distributes the large tables over the workers of a Citus cluster, with their rows, in one transaction. A table that
 * is distributed stays as it is. Servers can run meanwhile: writes wait. Throws `usage` if the database has no Citus,
 * no worker or no tables, and `storage-failed`.
 */
export async function distributeTables(url: string, shards = DEFAULT_SHARDS): Promise<readonly TablePlace[]> {
  const client = connectPlain(url, DEFAULT_POSTGRES_LIMITS);
  try {
    await client.unsafe(`select pg_advisory_lock(${LOCK_KEY})`);
    await assertCluster(client);
    const places = await client.begin((transaction) => distribute(transaction, shards));
    // The coordinator's copies of the rows, which nobody sees any more.
    for (const { table } of places) await client.unsafe(dropLocalRows(table));
    return places;
  } catch (error) {
    throw toStorageError(error);
  } finally {
    // Ending the session releases the lock.
    await client.end({ timeout: 1 }).catch(() => {});
  }
}

/**
 * Returns true if the large tables of a database are distributed, so that statements have to suit Citus. Throws
 * `storage-failed`.
 */
export async function readPlacement(url: string, limits: PostgresLimits): Promise<boolean> {
  const client = connectPlain(url, limits);
  try {
    const [catalogue] = await client.unsafe(`select to_regclass('pg_catalog.pg_dist_partition') is not null as exists`);
    if (catalogue?.['exists'] !== true) return false;
    const [row] = await client.unsafe(`select count(*)::int4 as count from pg_dist_partition
      where logicalrelid = to_regclass('${getTableName(entries)}')`);
    return row?.['count'] === 1;
  } catch (error) {
    throw toStorageError(error);
  } finally {
    await client.end({ timeout: 1 }).catch(() => {});
  }
}

async function assertCluster(client: Sql): Promise<void> {
  const [extension] = await client.unsafe(`select 1 from pg_extension where extname = 'citus'`);
  ensure(extension !== undefined, 'usage', 'the database has no Citus: run "create extension citus" on every node');
  const [worker] = await client.unsafe(
    `select 1 from pg_dist_node where groupid <> 0 and shouldhaveshards and isactive limit 1`,
  );
  ensure(worker !== undefined, 'usage', 'the cluster has no worker: add one with citus_add_node');
  const [schema] = await client.unsafe(`select 1 where to_regclass('${getTableName(entries)}') is not null`);
  ensure(schema !== undefined, 'usage', 'the database has no tables yet: start a server once');
}

async function distribute(transaction: Pick<Sql, 'unsafe'>, shards: number): Promise<readonly TablePlace[]> {
  const rows = await transaction.unsafe('select logicalrelid::text as name from pg_dist_partition');
  const present = new Set(rows.map((row) => String(row['name'])));
  const places: TablePlace[] = [];
  for (const [table, by, placedWith] of DISTRIBUTED) {
    const [name, column] = [getTableName(table), by.name];
    const isNew = !present.has(name);
    const place = placedWith === undefined ? `'none', shard_count => ${shards}` : `'${getTableName(placedWith)}'`;
    if (isNew)
      await transaction.unsafe(`select create_distributed_table('${name}', '${column}', colocate_with => ${place})`);
    places.push({ table: name, column, isNew });
  }
  await transaction.unsafe(`select pg_notify('${CHANNEL}', '${PLACEMENT_CHANGED}')`);
  return places;
}

function dropLocalRows(table: string): string {
  return `select truncate_local_data_after_distributing_table('${table}')`;
}
