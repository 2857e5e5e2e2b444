import { randomBytes } from 'node:crypto';
import { and, desc, eq, inArray, lt, or, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { PostgresDriver } from '../src/store/postgres-driver.ts';
import { DEFAULT_POSTGRES_LIMITS } from '../src/store/postgres-pool.ts';
import { Queries } from '../src/store/queries.ts';
import { certificates, labels, prefixTiles, submissions, versions } from '../src/store/schema.ts';
import { sqlStore } from '../src/store/sql-store.ts';
import { arrays, columnsBut, fields, given, names, statement } from '../src/store/statement.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { compare, type Contender, printComparison } from './compare.ts';
import { describeMachine } from './machine.ts';

/** Rows of each table: enough that an index pays, and that making them takes seconds. */
const ROWS = 5_000;
const NAMES = 64;
const BATCH = 128;
const LOG = 1;

interface Bench {
  readonly driver: PostgresDriver;
  readonly queries: Queries;
}

/** Compares the query builder with statements that are written by hand, on a PostgreSQL of its own. */
async function main(): Promise<void> {
  const server = await startPostgresServer();
  try {
    await makeTables(server.url);
    const driver = new PostgresDriver({
      url: server.url,
      limits: DEFAULT_POSTGRES_LIMITS,
      synchronousCommit: 'on',
      isDistributed: false,
    });
    const bench = { driver, queries: new Queries(driver) };
    await fill(bench);
    console.log(JSON.stringify(describeMachine()));
    for (const [operation, contenders] of Object.entries(operations(bench))) {
      printComparison(operation, await compare(contenders));
    }
    await driver.close();
  } finally {
    await server.stop();
  }
}

async function makeTables(url: string): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  await migrate(drizzle(client), { migrationsFolder: 'migrations' });
  await client.end();
}

function operations(bench: Bench): Record<string, readonly Contender[]> {
  return {
    'find a certificate': findCertificate(bench),
    [`read ${NAMES} prefix tiles`]: readTiles(bench),
    [`look ${NAMES} labels up`]: lookUpLabels(bench),
    [`insert ${BATCH} submissions`]: insertSubmissions(bench),
  };
}

/** 32 bytes that stand for the row of a number. */
function key(index: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, index + 1);
  return bytes;
}

const some = (): number => Math.floor(Math.random() * ROWS);
const someOf = <T>(make: (index: number) => T): T[] => Array.from({ length: NAMES }, () => make(some()));
const serial = (index: number): Uint8Array => key(index).subarray(0, 16);

async function fill({ driver, queries }: Bench): Promise<void> {
  await sqlStore(driver, Date.now).createLog({ origin: 'bench.example', configuration: new Uint8Array(4) });
  const hash = new Uint8Array(32);
  const times = { notBeforeMs: 0, notAfterMs: 1 };
  for (let start = 0; start < ROWS; start += 500) {
    const rows = Array.from({ length: 500 }, (_, index) => start + index);
    await queries.run((db) =>
      db.insert(certificates).values(
        rows.map((row) => ({
          logId: LOG,
          serial: serial(row),
          labelKey: key(row),
          version: 0,
          content: randomBytes(600),
          spkiSha256: hash,
          requestHash: hash,
          ...times,
        })),
      ),
    );
    await queries.run((db) =>
      db
        .insert(prefixTiles)
        .values(rows.map((row) => ({ logId: LOG, position: row, counter: 0, data: randomBytes(2_000) }))),
    );
    await queries.run((db) =>
      db
        .insert(labels)
        .values(rows.map((row) => ({ logId: LOG, labelKey: key(row), label: key(row), greatestVersion: 0 }))),
    );
    await queries.run((db) => db.insert(versions).values(rows.map((row) => versionRow(row))));
  }
  await driver.query('analyze', []);
}

function versionRow(row: number) {
  const proof = { vrfOutput: key(row), vrfProof: randomBytes(80), commitment: key(row) };
  const opened = { opening: randomBytes(16), value: randomBytes(300) };
  return { logId: LOG, labelKey: key(row), version: 0, position: row, ...proof, ...opened };
}

function findCertificate({ driver, queries }: Bench): Contender[] {
  const columns = columnsBut(certificates, 'logId');
  const byHand = statement(
    ['log', 'serial'],
    (values) => sql`select ${fields(columns)} from ${certificates}
      where ${certificates.logId} = ${values.log} and ${certificates.serial} = ${values.serial}`,
  );
  const ofLog = eq(certificates.logId, LOG);
  const prepared = queries.prepare(['serial'], (db, values) =>
    db
      .select(columns)
      .from(certificates)
      .where(and(ofLog, eq(certificates.serial, values.serial))),
  );
  return [
    { name: 'by hand', run: () => driver.query(byHand.text, byHand.bind({ log: LOG, serial: serial(some()) })) },
    { name: 'builder, prepared', run: () => prepared({ serial: serial(some()) }) },
    {
      name: 'builder',
      run: () =>
        queries.run((db) =>
          db
            .select(columns)
            .from(certificates)
            .where(and(ofLog, eq(certificates.serial, serial(some())))),
        ),
    },
  ];
}

function readTiles({ driver, queries }: Bench): Contender[] {
  const log = sqlStore(driver, Date.now).log(LOG);
  const { logId, position, counter, data } = prefixTiles;
  const tiles = () => someOf((index) => ({ position: index, counter: 0 }));
  const one = queries.prepare(['position', 'counter'], (db, values) =>
    db
      .select({ data })
      .from(prefixTiles)
      .where(and(eq(logId, LOG), eq(position, values.position), eq(counter, values.counter))),
  );
  return [
    { name: 'by hand (unnest)', run: () => log.readPrefixTiles(tiles()) },
    {
      name: 'builder (or)',
      run: () =>
        queries.run((db) => {
          const asked = tiles().map((tile) => and(eq(position, tile.position), eq(counter, tile.counter)));
          const found = { position, counter, data };
          return db
            .select(found)
            .from(prefixTiles)
            .where(and(eq(logId, LOG), or(...asked)));
        }),
    },
    { name: 'builder, prepared, one each', run: () => Promise.all(tiles().map((tile) => one(tile))) },
  ];
}

function lookUpLabels({ driver, queries }: Bench): Contender[] {
  const log = sqlStore(driver, Date.now).log(LOG);
  const ofVersions = (labelKey: Uint8Array) =>
    and(eq(versions.logId, LOG), eq(versions.labelKey, labelKey), lt(versions.position, ROWS));
  const ofEach = async (labelKey: Uint8Array): Promise<void> => {
    const { position, version } = versions;
    await Promise.all([
      log.findLabel(labelKey),
      log.readVersionPositions(labelKey, ROWS),
      queries.run((db) =>
        db.select({ position }).from(versions).where(ofVersions(labelKey)).orderBy(desc(version)).limit(1),
      ),
    ]);
  };
  const ofAll = async (labelKeys: readonly Uint8Array[]): Promise<void> => {
    const sameLabels = and(eq(versions.logId, LOG), inArray(versions.labelKey, [...labelKeys]));
    await Promise.all([
      queries.run((db) =>
        db
          .select(columnsBut(labels, 'logId'))
          .from(labels)
          .where(and(eq(labels.logId, LOG), inArray(labels.labelKey, [...labelKeys]))),
      ),
      queries.run((db) =>
        db
          .select(columnsBut(versions, 'logId'))
          .from(versions)
          .where(and(sameLabels, lt(versions.position, ROWS))),
      ),
    ]);
  };
  return [
    { name: 'by hand (unnest)', run: () => Promise.all(someOf(key).map((label) => log.readLabelAt(label, ROWS))) },
    { name: 'builder (in)', run: () => ofAll(someOf(key)) },
    { name: 'builder, one each', run: () => Promise.all(someOf(key).map(ofEach)) },
  ];
}

function insertSubmissions({ driver, queries }: Bench): Contender[] {
  const { labelKey, version, label, vrfOutput, vrfProof, commitment, opening, value } = submissions;
  const columns = [labelKey, version, label, vrfOutput, vrfProof, commitment, opening, value] as const;
  const parameters = ['keys', 'versions', 'labels', 'outputs', 'proofs', 'commitments', 'openings', 'values'] as const;
  const byHand = statement(
    ['log', ...parameters],
    (given_) => sql`insert into ${submissions} (${names(submissions.logId, ...columns, submissions.state)})
      select ${given(submissions.logId, given_.log)}, asked.*, 'queued' from unnest(${arrays(
        [labelKey, given_.keys],
        [version, given_.versions],
        [label, given_.labels],
        [vrfOutput, given_.outputs],
        [vrfProof, given_.proofs],
        [commitment, given_.commitments],
        [opening, given_.openings],
        [value, given_.values],
      )}) as asked`,
  );
  const rows = () => Array.from({ length: BATCH }, submissionRow);
  const insert = (): Promise<unknown> => {
    const made = rows();
    const values = byHand.bind({
      log: LOG,
      keys: made.map((row) => row.labelKey),
      versions: made.map((row) => row.version),
      labels: made.map((row) => row.label),
      outputs: made.map((row) => row.vrfOutput),
      proofs: made.map((row) => row.vrfProof),
      commitments: made.map((row) => row.commitment),
      openings: made.map((row) => row.opening),
      values: made.map((row) => row.value),
    });
    return driver.query(byHand.text, values);
  };
  return [
    { name: 'by hand (unnest)', run: insert },
    { name: 'builder (values)', run: () => queries.run((db) => db.insert(submissions).values(rows())) },
  ];
}

function submissionRow() {
  const { logId, labelKey, version, vrfOutput, vrfProof, commitment, opening, value } = versionRow(some());
  return {
    logId,
    labelKey,
    version,
    vrfOutput,
    vrfProof,
    commitment,
    opening,
    value,
    label: randomBytes(24),
    state: 'queued' as const,
  };
}

await main();
