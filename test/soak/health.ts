import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SoakServer } from './soak-server.ts';

interface Sample {
  readonly url: string;
  /** By `performance.timeOrigin + performance.now()`. */
  readonly atMs: number;
  readonly ms: number;
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
}

/** Asks every server for `/healthz` all the time, from a process of its own. */
export class HealthProbe {
  readonly #servers: readonly SoakServer[];
  readonly #samples: Sample[] = [];
  readonly #process: ChildProcess;

  constructor(servers: readonly SoakServer[]) {
    this.#servers = servers;
    const urls = servers.map(({ url }) => `${url}/healthz`);
    const script = join(import.meta.dirname, 'health-probe.mjs');
    const child = spawn(process.execPath, [script, ...urls], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(child.stdout).on('line', (line) => this.#samples.push(JSON.parse(line) as Sample));
    this.#process = child;
  }

  /** The figures of requests that began in a time, without those that overlap a disturbance of their server. */
  figures(fromMs: number, toMs: number): HealthFigures {
    const counted = this.#samples.filter((sample) => {
      const { disturbances } = this.#servers.find(({ url }) => sample.url.startsWith(url)) ?? { disturbances: [] };
      const isDisturbed = disturbances.some((one) => sample.atMs < one.toMs && sample.atMs + sample.ms > one.fromMs);
      return sample.atMs >= fromMs && sample.atMs < toMs && !isDisturbed;
    });
    const sorted = counted.map(({ ms }) => ms).sort((a, b) => a - b);
    const at = (part: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
    const failures = counted.filter(({ ok }) => !ok).length;
    return { answers: counted.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
