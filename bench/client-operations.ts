import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installNativeSha256 } from '../src/service/native-sha256.ts';
import { chromiumMissing } from '../test/support/chromium.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { BenchPage } from './bench-page.ts';
import { type Costs, measureLookups } from './client-work.ts';
import { fillLog } from './fill.ts';
import { Clients } from './load.ts';
import { describeMachine } from './machine.ts';
import { identityOf } from './registrations.ts';
import { startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:client -- [--labels 10000] [--samples 50] [--no-chromium]

Measures what each operation of the client library costs a client: milliseconds without the wait for the server, and
bytes both ways; in Node, with its state in memory, and in chromium, with its state in IndexedDB. The server is the
program's \`serve\` on a PostgreSQL that is started for it. Prints JSON; what it is doing goes to stderr.`;

/** What the project promises, ms. */
const CEILINGS = { 'lookup, returning': 10 } as const;

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
  const [labels, samples] = [Number(values.labels), Number(values.samples)];
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const database = await startPostgresServer();
  try {
    const server = await startServerProcess(join(folder, 'server'), database.url, undefined);
    try {
      const clients = new Clients(server.url, 64, () => ({}));
      await fillLog(clients, server.token, 0, labels);
      clients.close();
      const missing = values['no-chromium'] ? 'not wanted' : chromiumMissing();
      if (missing !== undefined) console.error(`chromium: ${missing}`);
      const node = await inNode(server.url, labels, samples);
      const chromium = missing === undefined ? await inChromium(server.url, labels, samples) : undefined;
      const aboveCeiling = Object.entries(CEILINGS).flatMap(([name, ms]) => {
        return (node[name]?.p50Ms ?? 0) > ms ? [`${name}: more than ${ms} ms in Node`] : [];
      });
      console.log(JSON.stringify({ machine: describeMachine(), labels, node, chromium, aboveCeiling }, undefined, 2));
    } finally {
      await server.stop();
    }
  } finally {
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function inNode(server: string, labels: number, samples: number): Promise<Costs> {
  console.error('measuring in Node');
  installNativeSha256();
  return measureLookups({ server, names: randomNames(labels, samples) });
}

async function inChromium(server: string, labels: number, samples: number): Promise<Costs> {
  console.error('measuring in chromium');
  const page = await BenchPage.open(server);
  try {
    return await page.measureLookups({ server, names: randomNames(labels, samples) });
  } finally {
    await page.close();
  }
}

/** Names for `samples` measured runs and those before them. */
function randomNames(labels: number, samples: number): readonly string[] {
  return Array.from({ length: samples + 10 }, () => identityOf(Math.floor(Math.random() * labels)));
}

await main();
