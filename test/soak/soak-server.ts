import { readFileSync } from 'node:fs';
import { PATHS } from '../../src/contract/paths.ts';
import { type KillableServer, startKillableServer } from '../support/killable-server.ts';

/** The clock of a server jumps ahead by this much at SIGUSR2, and back at the next one, ms. */
const JUMP_MS = 3_600_000;
const CLOCK = `let byMs = 0; const now = Date.now; Date.now = () => now() + byMs;
process.on('SIGUSR2', () => { byMs = ${JUMP_MS} - byMs; });`;
const ENVIRONMENT = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(CLOCK)}` };

/** The longest time that a server may take until it is ready again, ms. It only catches what hangs. */
const RECOVERED_MS = 120_000;
const POLL_MS = 100;

/** A time in which a server was disturbed on purpose, by `performance.timeOrigin + performance.now()`. */
export interface Disturbance {
  readonly fromMs: number;
  toMs: number;
}

/** One of the servers of the log: it is killed, stopped, and its clock set, and it always comes back. */
export class SoakServer {
  readonly url: string;
  readonly disturbances: Disturbance[] = [];
  /** Resident memory, MB, in the order in which it was read. */
  readonly memory: number[] = [];
  readonly #data: string;
  readonly #database: string;
  #process: KillableServer;
  #logs = '';
  #isAbandoned = false;

  private constructor(data: string, database: string, process: KillableServer, url: string) {
    this.#data = data;
    this.#database = database;
    this.#process = process;
    this.url = url;
  }

  static async start(data: string, database: string): Promise<SoakServer> {
    const process = startKillableServer(data, database, { environment: ENVIRONMENT });
    return new SoakServer(data, database, process, await process.ready);
  }

  /** Its process of now. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Everything that its processes logged. */
  log(): string {
    return this.#logs + this.#process.log();
  }

  async isWriter(): Promise<boolean> {
    const metrics = await get(this.url + PATHS.metrics);
    return metrics !== undefined && /^glasskey_writer 1$/m.test(metrics.text);
  }

  noteMemory(): void {
    try {
      const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#process.pid}/status`, 'utf8')) ?? [];
      if (kilobytes !== undefined) this.memory.push(Math.round(Number(kilobytes) / 1024));
    } catch {
      // It is dead just now.
    }
  }

  /** Kills it and starts it again, on the same port. */
  kill(): Promise<void> {
    return this.#disturb(async () => {
      await this.#process.end('SIGKILL');
      if (this.#isAbandoned) return;
      this.#logs += this.#process.log();
      const { port } = new URL(this.url);
      this.#process = startKillableServer(this.#data, this.#database, { port: Number(port), environment: ENVIRONMENT });
      await this.#process.ready;
    });
  }

  /** Stops it, as `docker pause` does, and lets it go on after `work`. */
  pause(work: () => Promise<void>): Promise<void> {
    return this.#disturb(async () => {
      this.#process.signal('SIGSTOP');
      await work().finally(() => this.#process.signal('SIGCONT'));
    });
  }

  /** Sets its clock ahead, and right again after `work`. */
  jumpClock(work: () => Promise<void>): Promise<void> {
    return this.#disturb(async () => {
      this.#process.signal('SIGUSR2');
      await work().finally(() => this.#process.signal('SIGUSR2'));
    });
  }

  async end(): Promise<void> {
    await this.#process.end('SIGTERM');
  }

  /** For a soak that failed. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    await this.#process.end('SIGKILL');
  }

  async #disturb(work: () => Promise<void>): Promise<void> {
    const now = (): number => performance.timeOrigin + performance.now();
    const disturbance: Disturbance = { fromMs: now(), toMs: Infinity };
    this.disturbances.push(disturbance);
    await work();
    await this.#recovered();
    disturbance.toMs = now();
  }

  async #recovered(): Promise<void> {
    const deadline = performance.now() + RECOVERED_MS;
    for (let why = ''; ;) {
      const answer = await get(this.url + PATHS.ready);
      if (answer?.status === 200 || this.#isAbandoned) return;
      why = answer?.text ?? 'no answer';
      if (performance.now() > deadline) throw new Error(`${this.url} is not ready again: ${why}\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

async function get(url: string): Promise<{ readonly status: number; readonly text: string } | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}
