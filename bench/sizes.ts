import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { installNativeHashes } from '../src/native/native-hashes.ts';
import type { Timing } from './load.ts';
import { describeMachine } from './machine.ts';
import { MeasuredLog } from './measured-log.ts';
import { type CostsAtSize, LOOKUP_ROUNDS, plotCosts } from './plot-costs.ts';
import { describePostgres } from './postgres-settings.ts';
import { PROGRAM } from './server-process.ts';

const USAGE = `usage: npm run bench:sizes -- [--labels 10000,100000,1000000] [--lookups 5000] [--clients 64] [--no-audit]
  [--against DIR] [--plot FILE.svg]

How costs grow with a log. Fills one log by \`glasskey admin import\` to each size in turn, on a PostgreSQL of its own that
syncs every commit. At each size it starts the server anew, and looks up random names as clients that know nothing: first
with nothing in a cache, then again, then by clients that take compressed answers, as ours do. Then it audits the log over
HTTP, publishes it to a folder, and audits that copy. At a million labels that takes most of an hour: \`--no-audit\` leaves
it out. \`--against\` measures another built checkout beside this one, with a log of its own; their lookups alternate.
Prints JSON, and draws a plot if asked; what it is doing goes to stderr.`;

interface Work {
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
      against: { type: 'string' },
      plot: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  installNativeHashes();
  const work = { lookups: Number(values.lookups), clients: Number(values.clients), audits: !values['no-audit'] };
  const logs: MeasuredLog[] = [];
  try {
    logs.push(await MeasuredLog.create('this', PROGRAM));
    const { against } = values;
    if (against !== undefined) logs.push(await MeasuredLog.create('against', resolve(against, 'dist/cli/main.js')));
    const costs = logs.map((): CostsAtSize[] => []);
    for (const labels of values.labels.split(',').map(Number)) {
      (await measure(work, logs, labels)).forEach((cost, i) => costs[i]?.push(cost));
    }
    const machine = { ...describeMachine(), postgres: await describePostgres(logs[0]?.database ?? '') };
    const sizes = Object.fromEntries(logs.map(({ name }, i) => [name, costs[i]]));
    console.log(JSON.stringify({ machine, ...sizes }, undefined, 2));
    if (values.plot !== undefined) await writeText(values.plot, plotCosts(costs[0] ?? []));
  } finally {
    for (const log of logs) await log.remove();
  }
}

/** Fills each log to `labels` names and measures it; gives the costs by log. */
async function measure({ lookups, clients, audits }: Work, logs: readonly MeasuredLog[], labels: number) {
  const costs: CostsAtSize[] = [];
  try {
    const imported: number[] = [];
    for (const log of logs) imported.push(await log.growTo(labels));
    const ready: number[] = [];
    for (const log of logs) ready.push(await log.start());
    const timings = logs.map((): Timing[] => []);
    for (const round of LOOKUP_ROUNDS) {
      for (const [i, log] of logs.entries()) {
        console.error(`${log.name}: ${labels} labels, ${round} lookups`);
        timings[i]?.push(await log.lookUp(lookups, clients, round === 'packed'));
      }
    }
    for (const [i, log] of logs.entries()) {
      const [cold, warm, packed] = timings[i] as [Timing, Timing, Timing];
      const [importedPerSecond, readyMs] = [imported[i] as number, ready[i] as number];
      const known = { labels, importedPerSecond, readyMs, cold, warm, packed };
      // The audits may take longer than all before: nothing is lost if they are given up.
      console.error(JSON.stringify({ log: log.name, ...known }));
      const auditTimes = audits ? await log.audit() : undefined;
      costs.push({ ...known, audits: auditTimes, ...(await log.space()) });
      console.error(JSON.stringify({ log: log.name, ...costs.at(-1) }));
    }
    return costs;
  } finally {
    for (const log of logs) await log.stop();
  }
}

async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

await main();
