import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OwnState, parseReadiness, type Readiness } from '../../http/own-state.ts';
import type { Logger } from '../service-logger.ts';
import { joinMetrics } from './join-metrics.ts';
import {
  MEMBER_VARIABLE,
  type MemberMessage,
  type MemberPart,
  type ParentMessage,
  Questions,
  type StateName,
  TELL_WITHIN_MS,
} from './messages.ts';

/** Pause before a process that has died is started again, ms: doubled each time, up to the second. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A process that has lived so long was well: the next pause is the first again. */
const WELL_AFTER_MS = 60_000;
/** Longest wait for processes to stop, ms: above that of a drain. */
const STOP_WITHIN_MS = 20_000;

/** Where a process listens, and what its log is. */
interface Served {
  readonly url: string;
  readonly fingerprint: string;
}

interface Place {
  readonly number: number;
  worker: Worker | undefined;
  isReady: boolean;
  pauseMs: number;
  /** Messages that the process has not taken from its channel. */
  unsent: number;
}

/** A process that hangs, with so many unsent messages, is told of no more spending: the parent must not fill up. */
const MAX_UNSENT = 100;

/** Options of {@link Fleet}. */
export interface FleetOptions {
  readonly count: number;
  /** `host:port` that all share; the port is not 0. */
  readonly listen: string;
  readonly hasOperatorListener: boolean;
  readonly logger: Logger;
}

/**
 * Several processes that serve one log on one address, and their parent, which hands connections to them in turn. One
 * that dies is started again. To the database they are several servers: one of them is the writer.
 */
export class Fleet implements OwnState {
  readonly #options: FleetOptions;
  readonly #places: readonly Place[];
  readonly #questions = new Questions();
  #restarts = 0;
  readonly #stopping = new AbortController();
  /** Answers under way: however many ask, every process is asked once. */
  readonly #telling = new Map<StateName, Promise<string>>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, i) => ({
      number: i + 1,
      worker: undefined,
      isReady: false,
      pauseMs: FIRST_PAUSE_MS,
      unsent: 0,
    }));
  }

  /**
   * Starts one process, which migrates the database if that is due, and then the others. Returns undefined if the first
   * one ends before it listens: it has said why on stderr.
   */
  async start(): Promise<Served | undefined> {
    const [first, ...others] = this.#places;
    const served = first && (await this.#launch(first));
    if (served === undefined) return undefined;
    await Promise.all(others.map((place) => this.#launch(place)));
    return served;
  }

  /** Lets every process read its settings again. */
  reload(): void {
    this.#broadcast({ type: 'reload' });
  }

  /** Stops every process, and kills those that take too long. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const workers = this.#places.flatMap(({ worker }) => worker ?? []);
    const ended = workers.map((worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())));
    this.#broadcast({ type: 'stop' });
    const timer = setTimeout(() => workers.forEach((worker) => worker.process.kill('SIGKILL')), STOP_WITHIN_MS);
    await Promise.all(ended);
    clearTimeout(timer);
  }

  async metrics(): Promise<string> {
    const told = await this.#askEach('metrics');
    const texts = told.flatMap(({ number, text }) => (text === undefined ? [] : [{ process: number, text }]));
    const pids = this.#places.flatMap(({ number, worker }) =>
      worker === undefined ? [] : [`glasskey_process_id{process="${number}"} ${worker.process.pid ?? 0}`],
    );
    return [
      joinMetrics(texts).trimEnd(),
      '# HELP glasskey_processes Processes that shall serve',
      '# TYPE glasskey_processes gauge',
      `glasskey_processes ${this.#options.count}`,
      '# HELP glasskey_process_restarts_total Processes that died and were started again',
      '# TYPE glasskey_process_restarts_total counter',
      `glasskey_process_restarts_total ${this.#restarts}`,
      '# HELP glasskey_process_id Id of the process in the system',
      '# TYPE glasskey_process_id gauge',
      ...pids,
      '',
    ].join('\n');
  }

  /** Ready if every process is. */
  async readiness(): Promise<Readiness> {
    const told = await this.#askEach('readiness');
    const all = told.map(({ number, text }) => ({ number, found: parseReadiness(text) }));
    const checks = all.flatMap(({ number, found }) =>
      found.checks.map(({ name, ok, detail }) => ({ name: `${name} of process ${number}`, ok, detail })),
    );
    return { ok: all.every(({ found }) => found.ok), checks };
  }

  /** Starts a process. Resolves when it listens; undefined if it ends before. */
  #launch(place: Place): Promise<Served | undefined> {
    const { listen, hasOperatorListener } = this.#options;
    const part: MemberPart = { number: place.number, listen, hasOperatorListener };
    const worker = cluster.fork({ [MEMBER_VARIABLE]: JSON.stringify(part) });
    const startedMs = performance.now();
    place.worker = worker;
    place.unsent = 0;
    return new Promise((resolve) => {
      worker.on('message', (message: MemberMessage) => {
        if (message.type === 'ready') {
          place.isReady = true;
          resolve({ url: message.url, fingerprint: message.fingerprint });
        } else this.#receive(place, message);
      });
      worker.once('exit', (code, signal) => {
        const wasReady = place.isReady;
        place.worker = undefined;
        place.isReady = false;
        resolve(undefined);
        if (performance.now() - startedMs > WELL_AFTER_MS) place.pauseMs = FIRST_PAUSE_MS;
        if (!wasReady && this.#restarts === 0 && place.number === 1) return;
        void this.#restart(place, signal ?? String(code));
      });
    });
  }

  async #restart(place: Place, ending: string): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const { logger } = this.#options;
    logger.error({ process: place.number, ending, pauseMs: place.pauseMs }, 'a process died, and is started again');
    this.#restarts++;
    // While every process is down, this pause is all that keeps the parent alive.
    await sleep(place.pauseMs, undefined, { signal }).catch(() => undefined);
    place.pauseMs = Math.min(2 * place.pauseMs, LONGEST_PAUSE_MS);
    if (!signal.aborted) await this.#launch(place);
  }

  #receive(place: Place, message: Exclude<MemberMessage, { type: 'ready' }>): void {
    switch (message.type) {
      case 'spent':
        return this.#broadcast(message, place);
      case 'told':
        return this.#questions.told(message.id, message.text);
      case 'ask-all':
        return void this.#tellAll(place, message.id, message.what);
    }
  }

  async #tellAll(place: Place, id: number, what: StateName): Promise<void> {
    sendTo(place, { type: 'told-all', id, text: await this.#stateOfAll(what) });
  }

  #stateOfAll(what: StateName): Promise<string> {
    const underWay = this.#telling.get(what);
    if (underWay !== undefined) return underWay;
    const made = what === 'metrics' ? this.metrics() : this.readiness().then((ready) => JSON.stringify(ready));
    const telling = made.finally(() => this.#telling.delete(what));
    this.#telling.set(what, telling);
    return telling;
  }

  #askEach(what: StateName): Promise<{ readonly number: number; readonly text: string | undefined }[]> {
    return Promise.all(
      this.#places.map(async (place) => {
        const ask = (id: number): void => sendTo(place, { type: 'ask', id, what });
        const text = place.isReady ? await this.#questions.ask(ask, TELL_WITHIN_MS) : undefined;
        return { number: place.number, text };
      }),
    );
  }

  #broadcast(message: ParentMessage, except?: Place): void {
    for (const place of this.#places) if (place !== except) sendTo(place, message);
  }
}

/** A process that is gone hears nothing: it starts with fresh settings. */
function sendTo(place: Place, message: ParentMessage): void {
  const { worker } = place;
  if (worker?.isConnected() !== true) return;
  if (message.type === 'spent' && place.unsent >= MAX_UNSENT) return;
  place.unsent++;
  worker.send(message, () => {
    if (place.worker === worker) place.unsent--;
  });
}
