import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SoakServer } from './soak-server.ts';

interface Sample {
  readonly url: string;
  /** By `performance.timeOrigin + performance.now()`. */
  readonly atMs: number;
  readonly ms: number;
  /** How long the server's main thread worked in that time, ms; undefined where the system does not tell it. */
  readonly work?: number;
  readonly ok: boolean;
}

/** How long a page took, of the answers in some time. */
export interface HealthFigures {
  /** Answers while their server was left alone. */
  readonly answers: number;
  /** Of these, the ones that were none, or no 200. */
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The same of the server's own work until the answer: what else the machine does is not in it. 0 if unknown. */
  readonly workP99Ms: number;
}

/** The interval between two looks at the processes of the servers, ms. */
const PROCESS_PERIOD_MS = 100;

/** Asks every server for `/healthz` all the time, from a process of its own. */
export class HealthProbe {
  readonly #servers: readonly SoakServer[];
  readonly #samples: Sample[] = [];
  readonly #process: ChildProcess;
  readonly #timer: NodeJS.Timeout;

  constructor(servers: readonly SoakServer[]) {
    this.#servers = servers;
    const urls = servers.map(({ url }) => `${url}/healthz`);
    const script = join(import.meta.dirname, 'health-probe.mjs');
    const child = spawn(process.execPath, [script, ...urls], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(child.stdout).on('line', (line) => this.#samples.push(JSON.parse(line) as Sample));
    this.#process = child;
    // It may be killed at any time.
    child.stdin.on('error', () => undefined);
    this.#timer = setInterval(() => {
      for (const { url, pid } of servers) child.stdin.write(`${url}/healthz ${pid}\n`);
    }, PROCESS_PERIOD_MS);
  }

  /** The figures of requests that began in a time, without those that overlap a disturbance of their server. */
  figures(fromMs: number, toMs: number): HealthFigures {
    const counted = this.#samples.filter((sample) => {
      const { disturbances } = this.#servers.find(({ url }) => sample.url.startsWith(url)) ?? { disturbances: [] };
      const isDisturbed = disturbances.some((one) => sample.atMs < one.toMs && sample.atMs + sample.ms > one.fromMs);
      return sample.atMs >= fromMs && sample.atMs < toMs && !isDisturbed;
    });
    const times = sortedOf(counted.map(({ ms }) => ms));
    const work = sortedOf(counted.flatMap((sample) => sample.work ?? []));
    const failures = counted.filter(({ ok }) => !ok).length;
    return {
      answers: counted.length,
      failures,
      p50Ms: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
      maxMs: quantile(times, 1),
      workP99Ms: quantile(work, 0.99),
    };
  }

  end(): void {
    clearInterval(this.#timer);
    this.#process.kill('SIGKILL');
  }
}

function sortedOf(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}

function quantile(sorted: readonly number[], part: number): number {
  return Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
}
