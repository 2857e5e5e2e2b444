import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { describeMachine } from './machine.ts';
import { PROGRAM, startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:start -- [--samples 20]

Measures how long short commands take from start to end: --version, init, and a lookup beside a local server. Each sample is
preceded by \`node -e 0\`, so that a busy machine shows: the ratio of the medians says more than the milliseconds. Prints JSON.`;

const run = promisify(execFile);
const NAME = 'alice@example.com';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { samples: { type: 'string', default: '20' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return void process.stdout.write(`${USAGE}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-start-'));
  const data = join(folder, 'server');
  const server = await startServerProcess(data, undefined);
  try {
    const known = ['--server', server.url, '--state', join(folder, 'state')];
    const token = ['--token-file', join(data, 'registration.token')];
    await run(process.execPath, [PROGRAM, 'register', NAME, ...known, ...token, '--out', join(folder, 'alice')]);
    const commands = {
      '--version': () => ['--version'],
      lookup: () => ['lookup', NAME, ...known],
      init: (sample: number) => ['init', '--data', join(folder, `new-${sample}`)],
    };
    const results: Record<string, unknown> = {};
    for (const [name, arguments_] of Object.entries(commands)) {
      results[name] = await measure(Number(values.samples), (sample) => [PROGRAM, ...arguments_(sample)]);
    }
    process.stdout.write(`${JSON.stringify({ machine: describeMachine(), ...results }, null, 2)}\n`);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

/** Returns the medians of a command and of `node -e 0`, ms, and their ratio. */
async function measure(samples: number, arguments_: (sample: number) => readonly string[]): Promise<unknown> {
  const empty: number[] = [];
  const command: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    empty.push(await timed(['-e', '0']));
    command.push(await timed(arguments_(sample)));
  }
  const [nodeMs, medianMs] = [median(empty), median(command)];
  return { medianMs: Math.round(medianMs), nodeMs: Math.round(nodeMs), ratio: Number((medianMs / nodeMs).toFixed(1)) };
}

async function timed(arguments_: readonly string[]): Promise<number> {
  const begin = performance.now();
  await run(process.execPath, [...arguments_]);
  return performance.now() - begin;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

await main();
