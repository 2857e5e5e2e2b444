import postgres, { type Sql } from 'postgres';
import { distributeTables } from '../../src/store/citus/distributed-tables.ts';
import { openStore } from '../../src/store/open-store.ts';
import { randomBytes } from 'node:crypto';

/** URL of the coordinator of a Citus cluster, as a superuser; undefined where the tests have none. */
const COORDINATOR = process.env['GLASSKEY_TEST_CITUS'];

/** Why tests on distributed tables are skipped; undefined if they run. */
export const NO_CITUS =
  COORDINATOR === undefined ? 'GLASSKEY_TEST_CITUS names no coordinator of a Citus cluster' : undefined;

const made: string[] = [];

/** Returns where the coordinator reaches a worker, such as a proxy. */
type Reach = (worker: Pick<CitusNode, 'host' | 'port'>) => Pick<CitusNode, 'host' | 'port'>;

/**
 * URL of a new, empty database on every node of the cluster that `GLASSKEY_TEST_CITUS` names. {@link dropCitusDatabases}
 * removes it.
 */
export async function createCitusDatabase(reach: Reach = (node) => node): Promise<string> {
  const name = `glasskey_test_${randomBytes(6).toString('hex')}`;
  const nodes = await nodesOfCluster();
  for (const node of nodes) await on(node.url, (sql) => sql.unsafe(`create database ${name}`));
  for (const node of nodes) await on(withDatabase(node.url, name), (sql) => sql.unsafe('create extension citus'));
  const url = withDatabase(String(COORDINATOR), name);
  await on(url, async (sql) => {
    for (const node of nodes) {
      const { isCoordinator } = node;
      const { host, port } = isCoordinator ? node : reach(node);
      const add = isCoordinator ? 'citus_set_coordinator_host' : 'citus_add_node';
      await sql.unsafe(`select ${add}($1, $2::int4)`, [host, String(port)]);
    }
  });
  made.push(name);
  return url;
}

/** URL of a new, empty database of this program's schema, whose large tables are distributed. */
export async function createDistributedDatabase(shards = 8): Promise<string> {
  const url = await createCitusDatabase();
  await (await openStore(url)).close();
  await distributeTables(url, shards);
  return url;
}

/** Drops the databases that this process has made. */
export async function dropCitusDatabases(): Promise<void> {
  for (const name of made.splice(0)) {
    for (const { url } of (await nodesOfCluster()).toReversed()) {
      await on(url, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`));
    }
  }
}

/** A server of the cluster. */
interface CitusNode {
  readonly host: string;
  readonly port: number;
  readonly isCoordinator: boolean;
  readonly url: string;
}

async function nodesOfCluster(): Promise<readonly CitusNode[]> {
  const rows = await on(String(COORDINATOR), (sql) =>
    sql.unsafe(
      'select nodename as host, nodeport as port, groupid = 0 as coordinator from pg_dist_node order by groupid',
    ),
  );
  return rows.map((row) => {
    const url = new URL(String(COORDINATOR));
    [url.hostname, url.port] = [String(row['host']), String(row['port'])];
    return { host: url.hostname, port: Number(url.port), isCoordinator: row['coordinator'] === true, url: url.href };
  });
}

/** Runs `work` on one connection. */
async function on<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

function withDatabase(text: string, name: string): string {
  const url = new URL(text);
  url.pathname = `/${name}`;
  return url.href;
}

/** The workers of the cluster. */
export async function citusWorkers(): Promise<readonly Pick<CitusNode, 'host' | 'port' | 'url'>[]> {
  return (await nodesOfCluster()).filter((node) => !node.isCoordinator);
}
