import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeUtf8 } from '../src/core/encoding/bytes.ts';
import { encode } from '../src/core/encoding/codec.ts';
import { lookupRequestCodec } from '../src/core/keytrans/messages.ts';
import { KEYTRANS_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { PATHS } from '../src/contract/paths.ts';
import { installNativeHashes } from '../src/native/native-hashes.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { type ClientCost, measureClient } from './client-cost.ts';
import { Clients, round, type Timing } from './load.ts';
import { fillLog } from './fill.ts';
import { describeMachine } from './machine.ts';
import { databaseBytes, describePostgres } from './postgres-settings.ts';
import { processorSeconds } from './processor-time.ts';
import { identityOf } from './registrations.ts';
import { runAudit, type ServerProcess, startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench -- [--labels 10000[,100000]] [--clients 64] [--lookups 10000]
                        [--database postgres://…] [--cpu-prof DIR]

Measures a server in a process of its own (the program's \`serve\`), on PostgreSQL, from this process over HTTP. Without
--database it starts a PostgreSQL of its own, which syncs every commit. Prints JSON; what it is doing goes to stderr.`;

/** What the project promises on a machine of two processors with everything on it. */
const FLOORS = {
  registrationsPerSecond: 500,
  lookupsPerSecond: 1_000,
  auditedUpdatesPerSecond: 20_000,
  firstProofBytes: 8_192,
  serverPeakMb: 600,
};

const CLIENT_SAMPLES = 100;

interface Measurement {
  readonly labels: number;
  readonly registrations: Timing;
  /** Bytes on disk in PostgreSQL for a binding, with indexes. */
  readonly storedBytes: number;
  readonly lookups: { readonly first: Timing; readonly returning: Timing };
  readonly client: ClientCost;
  readonly audit: { readonly updates: number; readonly seconds: number; readonly updatesPerSecond: number };
  readonly server: { readonly rssMb: number; readonly peakMb: number };
  readonly belowFloor: readonly string[];
}

interface Setup {
  readonly server: ServerProcess;
  readonly clients: Clients;
  readonly folder: string;
  readonly database: string;
  readonly lookups: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      labels: { type: 'string', default: '10000' },
      clients: { type: 'string', default: '64' },
      lookups: { type: 'string', default: '10000' },
      database: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  installNativeHashes();
  const sizes = values.labels.split(',').map(Number);
  const clientCount = Number(values.clients);
  const lookups = Number(values.lookups);
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const ownDatabase = values.database === undefined ? await startPostgresServer() : undefined;
  const database = values.database ?? ownDatabase?.url ?? '';
  let server: ServerProcess | undefined;
  try {
    server = await startServerProcess(join(folder, 'server'), database, { profile: values['cpu-prof'] });
    const serverPid = server.pid;
    const postgresPid = ownDatabase?.pid();
    const clients = new Clients(server.url, clientCount, () => ({
      server: processorSeconds(serverPid),
      ...(postgresPid === undefined ? {} : { postgres: processorSeconds(postgresPid) }),
      clients: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    }));
    const results: Measurement[] = [];
    for (const labels of sizes) {
      results.push(await measure({ server, clients, folder, database, lookups }, results.at(-1)?.labels ?? 0, labels));
    }
    clients.close();
    const machine = { ...describeMachine(), postgres: await describePostgres(database) };
    console.log(JSON.stringify({ machine, clients: clientCount, floors: FLOORS, results }, undefined, 2));
  } finally {
    await server?.stop();
    await ownDatabase?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(setup: Setup, before: number, labels: number): Promise<Measurement> {
  const { server, clients, folder } = setup;
  const registrations = await fillLog(clients, server.token, before, labels);
  const storedBytes = round((await databaseBytes(setup.database)) / labels, 0);
  note(`${labels} labels: lookups`);
  const first = await measureLookups(setup, labels, undefined);
  const treeSize = await currentSize(server.url);
  const returning = await measureLookups({ clients, lookups: setup.lookups }, labels, treeSize);
  note(`${labels} labels: client`);
  const client = await measureClient(server.url, labels, CLIENT_SAMPLES);
  note(`${labels} labels: audit`);
  const { updates, seconds } = await runAudit(server.url, join(folder, `audit-${labels}`));
  const updatesPerSecond = round(updates / seconds, 0);
  const measured = {
    labels,
    registrations,
    storedBytes,
    lookups: { first, returning },
    client,
    audit: { updates, seconds, updatesPerSecond },
    server: server.memory(),
  };
  return { ...measured, belowFloor: belowFloor(measured) };
}

function measureLookups(
  { clients, lookups }: Pick<Setup, 'clients' | 'lookups'>,
  labels: number,
  last: number | undefined,
): Promise<Timing> {
  const headers = { 'content-type': KEYTRANS_MEDIA_TYPE };
  return clients.run(lookups, 200, () => {
    const label = encodeUtf8(`mailto:${identityOf(Math.floor(Math.random() * labels))}`);
    return { path: PATHS.lookup, headers, body: encode(lookupRequestCodec, { last, label }) };
  });
}

/** The size of the newest checkpoint. */
async function currentSize(server: string): Promise<number> {
  const checkpoint = await (await fetch(server + PATHS.checkpoint)).text();
  return Number(checkpoint.split('\n')[1]);
}

function belowFloor(measured: Omit<Measurement, 'belowFloor'>): string[] {
  const { registrations, lookups, audit, client, server } = measured;
  const missed = {
    registrationsPerSecond: registrations.perSecond < FLOORS.registrationsPerSecond,
    lookupsPerSecond: lookups.first.perSecond < FLOORS.lookupsPerSecond,
    auditedUpdatesPerSecond: audit.updatesPerSecond < FLOORS.auditedUpdatesPerSecond,
    firstProofBytes: client.firstProofBytes.max >= FLOORS.firstProofBytes,
    serverPeakMb: server.peakMb >= FLOORS.serverPeakMb,
  };
  return Object.entries(missed).flatMap(([name, isMissed]) => (isMissed ? [name] : []));
}

function note(text: string): void {
  console.error(text);
}

await main();
