import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs, promisify } from 'node:util';
import { encodeUtf8 } from '../src/core/encoding/bytes.ts';
import { encode } from '../src/core/encoding/codec.ts';
import { lookupRequestCodec } from '../src/core/keytrans/messages.ts';
import { KEYTRANS_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { PATHS } from '../src/contract/paths.ts';
import { installNativeHashes } from '../src/native/native-hashes.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { serveFolder } from '../test/support/static-server.ts';
import { Clients, round, type Timing } from './load.ts';
import { describeMachine } from './machine.ts';
import { databaseBytes, describePostgres } from './postgres-settings.ts';
import { processorSeconds } from './processor-time.ts';
import { identityOf } from './registrations.ts';
import { PROGRAM, runAudit, type ServerProcess, startServerProcess } from './server-process.ts';
import { type AuditTimes, type CostsAtSize, plotCosts } from './plot-costs.ts';

const USAGE = `usage: npm run bench:sizes -- [--labels 10000,100000,1000000] [--lookups 5000] [--clients 64] [--no-audit] [--plot FILE.svg]

How costs grow with a log. Fills one log by \`glasskey admin import\` to each size in turn, on a PostgreSQL of its own that
syncs every commit. At each size it starts the server anew, and looks up random names as clients that know nothing: first
with nothing in a cache, then again. Then it audits the log over HTTP, publishes it to a folder, and audits that copy. At a
million labels that takes most of an hour: \`--no-audit\` leaves it out.
Prints JSON, and draws a plot if asked; what it is doing goes to stderr.`;

const run = promisify(execFile);

interface Setup {
  readonly folder: string;
  readonly database: string;
  readonly postgresPid: number;
  readonly lookups: number;
  readonly clients: number;
  readonly audits: boolean;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      labels: { type: 'string', default: '10000,100000,1000000' },
      lookups: { type: 'string', default: '5000' },
      clients: { type: 'string', default: '64' },
      'no-audit': { type: 'boolean', default: false },
      plot: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  installNativeHashes();
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-sizes-'));
  const postgres = await startPostgresServer();
  try {
    const [lookups, clients] = [Number(values.lookups), Number(values.clients)];
    const audits = !values['no-audit'];
    const setup = { folder, database: postgres.url, postgresPid: postgres.pid() ?? 0, lookups, clients, audits };
    const sizes: CostsAtSize[] = [];
    for (const labels of values.labels.split(',').map(Number)) {
      sizes.push(await measure(setup, sizes.at(-1)?.labels ?? 0, labels));
      console.error(JSON.stringify(sizes.at(-1)));
    }
    const machine = { ...describeMachine(), postgres: await describePostgres(postgres.url) };
    console.log(JSON.stringify({ machine, sizes }, undefined, 2));
    if (values.plot !== undefined) await writeText(values.plot, plotCosts(sizes));
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(setup: Setup, before: number, labels: number): Promise<CostsAtSize> {
  const { folder, database } = setup;
  const data = join(folder, 'server');
  // The first start makes the log, which an import needs.
  if (before === 0) await (await startServerProcess(data, database)).stop();
  const importedPerSecond = await importNames(setup, before, labels);
  const startMs = performance.now();
  const server = await startServerProcess(data, database, { isNew: false });
  const readyMs = round(performance.now() - startMs, 0);
  try {
    const cold = await lookUp(setup, server, labels);
    const warm = await lookUp(setup, server, labels);
    // The audits may take longer than all before: nothing is lost if they are given up.
    console.error(JSON.stringify({ labels, importedPerSecond, readyMs, cold, warm }));
    const audits = setup.audits ? await timeAudits(setup, server, labels) : undefined;
    const { peakMb } = server.memory();
    const storedBytes = round((await databaseBytes(database)) / labels, 0);
    return { labels, importedPerSecond, storedBytes, readyMs, cold, warm, audits, peakMb };
  } finally {
    await server.stop();
  }
}

async function timeAudits({ folder }: Setup, server: ServerProcess, labels: number): Promise<AuditTimes> {
  console.error('auditing, publishing, auditing the copy');
  const audit = (await runAudit(server.url, join(folder, `audit-${labels}`))).seconds;
  const copy = join(folder, `copy-${labels}`);
  const publishMs = performance.now();
  await run(process.execPath, [PROGRAM, 'publish', server.url, '--to', copy]);
  const publish = round((performance.now() - publishMs) / 1000, 1);
  const web = await serveFolder(copy);
  const copyAudit = (await runAudit(web.url, join(folder, `audit-copy-${labels}`))).seconds;
  await web.close();
  await rm(copy, { recursive: true, force: true });
  return { audit, publish, copyAudit };
}

/** Imports the names `before` to `labels`-1; gives how many a second. */
async function importNames({ folder, database }: Setup, before: number, labels: number): Promise<number> {
  console.error(`importing ${before} to ${labels}`);
  const file = join(folder, 'names.jsonl');
  const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    type: 'spki',
    format: 'pem',
  });
  const output = createWriteStream(file);
  for (let i = before; i < labels; i++) output.write(`${JSON.stringify({ identity: identityOf(i), publicKey })}\n`);
  output.end();
  await finished(output);
  const target = ['--data', join(folder, 'server'), '--database', database, '--json'];
  const { stdout } = await run(process.execPath, [PROGRAM, 'admin', 'import', file, ...target]);
  await rm(file);
  const { imported, perSecond } = JSON.parse(stdout) as { imported: number; perSecond: number };
  if (imported !== labels - before) throw new Error(`only ${imported} names were imported`);
  return perSecond;
}

/** Looks random names up, as clients that know nothing. */
async function lookUp(
  { clients, lookups, postgresPid }: Setup,
  server: ServerProcess,
  labels: number,
): Promise<Timing> {
  console.error(`${labels} labels: lookups`);
  const pool = new Clients(server.url, clients, () => ({
    server: processorSeconds(server.pid),
    postgres: processorSeconds(postgresPid),
  }));
  const headers = { 'content-type': KEYTRANS_MEDIA_TYPE };
  try {
    return await pool.run(lookups, 200, () => {
      const label = encodeUtf8(`mailto:${identityOf(Math.floor(Math.random() * labels))}`);
      return { path: PATHS.lookup, headers, body: encode(lookupRequestCodec, { last: undefined, label }) };
    });
  } finally {
    pool.close();
  }
}

async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

await main();
