import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { useNativeCrypto } from '../src/native/native-crypto.ts';
import { chromiumMissing } from '../test/support/chromium.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { BenchPage } from './bench-page.ts';
import { type Costs, type LookupWork, measureLookups, Monitors, type MonitorWork } from './client-work.ts';
import { fillLog } from './fill.ts';
import { Clients } from './load.ts';
import { describeMachine } from './machine.ts';
import { identityOf } from './registrations.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:client -- [--labels 10000] [--samples 50] [--no-chromium]

Measures what each operation of the client library costs a client: milliseconds without the wait for the server, and
bytes both ways; in Node, with its state in memory, and in chromium, with its state in IndexedDB. The server is the
program's \`serve\` on a PostgreSQL that is started for it. Prints JSON; what it is doing goes to stderr.`;

/** What the project promises, ms. */
const CEILINGS = [
  ['lookup, returning', 10],
  ['monitor 100 contacts, after growth', 300],
] as const;

/** Names registered while clients monitor, and names that each of them monitors. */
const GROWTH = 2_000;
const CONTACTS = 100;
const OWN = 20;

/** Where clients are measured. */
interface Platform {
  measureLookups(work: LookupWork): Promise<Costs>;
  look(work: MonitorWork): Promise<void>;
  measureMonitors(): Promise<Costs>;
  close(): Promise<void>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      labels: { type: 'string', default: '10000' },
      samples: { type: 'string', default: '50' },
      'no-chromium': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const database = await startPostgresServer();
  try {
    const server = await startServerProcess(join(folder, 'server'), database.url);
    try {
      const [labels, samples] = [Number(values.labels), Number(values.samples)];
      const missing = values['no-chromium'] ? 'not wanted' : chromiumMissing();
      if (missing !== undefined) console.error(`chromium: ${missing}`);
      const costs = await measure(server, labels, samples, missing === undefined);
      const aboveCeiling = CEILINGS.flatMap(([name, ms]) => {
        return (costs['node']?.[name]?.p50Ms ?? 0) > ms ? [`${name}: more than ${ms} ms in Node`] : [];
      });
      console.log(JSON.stringify({ machine: describeMachine(), labels, ...costs, aboveCeiling }, undefined, 2));
    } finally {
      await server.stop();
    }
  } finally {
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(
  server: ServerProcess,
  labels: number,
  samples: number,
  withChromium: boolean,
): Promise<Readonly<Record<string, Costs>>> {
  const clients = new Clients(server.url, 64, () => ({}));
  await fillLog(clients, server.token, 0, labels);
  const platforms: [string, Platform][] = [['node', nodePlatform()]];
  if (withChromium) platforms.push(['chromium', await BenchPage.open(server.url)]);
  try {
    const lookups: Record<string, Costs> = {};
    const last = Array.from({ length: Math.max(CONTACTS, OWN) }, (_, i) => identityOf(labels - 1 - i));
    const [contacts, own] = [last.slice(0, CONTACTS), last.slice(0, OWN)];
    const early = Array.from({ length: Math.min(OWN, labels) }, (_, i) => identityOf(i));
    const late = Array.from({ length: OWN }, (_, i) => identityOf(labels + GROWTH - 1 - i));
    for (const [name, platform] of platforms) {
      console.error(`lookups in ${name}`);
      lookups[name] = await platform.measureLookups({ server: server.url, names: randomNames(labels, samples) });
      await platform.look({ server: server.url, contacts, own, early, late });
    }
    await fillLog(clients, server.token, labels, labels + GROWTH);
    const costs: Record<string, Costs> = {};
    for (const [name, platform] of platforms) {
      console.error(`monitoring in ${name}`);
      costs[name] = { ...lookups[name], ...(await platform.measureMonitors()) };
    }
    return costs;
  } finally {
    for (const [, platform] of platforms) await platform.close();
    clients.close();
  }
}

function nodePlatform(): Platform {
  useNativeCrypto();
  let monitors: Monitors | undefined;
  return {
    measureLookups,
    look: async (work) => {
      monitors = await Monitors.look(work);
    },
    measureMonitors: async () => (await monitors?.measure()) ?? {},
    close: () => Promise.resolve(),
  };
}

/** Names for `samples` measured runs and those before them. */
function randomNames(labels: number, samples: number): readonly string[] {
  return Array.from({ length: samples + 10 }, () => identityOf(Math.floor(Math.random() * labels)));
}

await main();
