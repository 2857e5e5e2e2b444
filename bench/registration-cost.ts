import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { Clients, type PreparedRequest, type Timing } from './load.ts';
import { describeMachine } from './machine.ts';
import { processorSeconds } from './processor-time.ts';
import { prepareRegistrations } from './registrations.ts';
import { PROGRAM, startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:registrations -- [--count 500] [--rounds 6] [--clients 32] [--against DIR]

Measures the server's processor time for one registration: by clients that name themselves owner, as ours does, and by clients
that do not. The two kinds alternate, --count registrations at a time. --against measures another built checkout too,
in the same rounds. Prints JSON: medians over the rounds.`;

const KINDS = ['owner', 'plain'] as const;

type Kind = (typeof KINDS)[number];

/** One build of the server with a database of its own. */
class Subject {
  readonly name: string;
  readonly stop: () => Promise<void>;
  readonly #clients: Clients;
  readonly #token: string;
  readonly #timings: Record<Kind, Timing[]> = { owner: [], plain: [] };
  #registered = 0;

  private constructor(name: string, clients: Clients, token: string, stop: () => Promise<void>) {
    this.name = name;
    this.#clients = clients;
    this.#token = token;
    this.stop = stop;
  }

  static async start(name: string, program: string, connections: number): Promise<Subject> {
    const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
    const database = await startPostgresServer();
    const server = await startServerProcess(join(folder, 'server'), database.url, { program });
    const clients = new Clients(server.url, connections, () => ({ server: processorSeconds(server.pid) }));
    return new Subject(name, clients, server.token, async () => {
      clients.close();
      await server.stop();
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    });
  }

  async register(kind: Kind, count: number): Promise<void> {
    const start = this.#registered;
    this.#registered += count;
    const prepared = await prepareRegistrations(start, start + count, this.#token, kind === 'owner');
    const timing = await this.#clients.run(count, 201, (index) => prepared[index] as PreparedRequest);
    this.#timings[kind].push(timing);
    console.error(`${this.name} ${kind}: ${timing.cpuMs['server']} ms`);
  }

  /** The first round warms up, and does not count. */
  result(kind: Kind): { readonly serverCpuMs: number; readonly perSecond: number } {
    const timings = this.#timings[kind].slice(1);
    return {
      serverCpuMs: median(timings.map(({ cpuMs }) => cpuMs['server'] ?? Number.NaN)),
      perSecond: median(timings.map(({ perSecond }) => perSecond)),
    };
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '6' },
      clients: { type: 'string', default: '32' },
      against: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [count, rounds, connections] = [Number(values.count), Number(values.rounds), Number(values.clients)];
  const programs: [string, string][] = [['this', PROGRAM]];
  if (values.against !== undefined) programs.push(['against', resolve(values.against, 'dist/cli/main.js')]);
  const subjects: Subject[] = [];
  try {
    for (const [name, program] of programs) subjects.push(await Subject.start(name, program, connections));
    for (let round = 0; round <= rounds; round++) {
      for (const kind of KINDS) {
        for (const subject of subjects) await subject.register(kind, count);
      }
    }
    const results = subjects.map((subject) => [
      subject.name,
      Object.fromEntries(KINDS.map((kind) => [kind, subject.result(kind)])),
    ]);
    const run = { count, rounds, clients: connections };
    console.log(JSON.stringify({ machine: describeMachine(), run, ...Object.fromEntries(results) }, undefined, 2));
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

await main();
