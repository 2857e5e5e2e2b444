import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type MessagePort, Worker } from 'node:worker_threads';
import type { ErrorCode } from '../../core/error-codes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { goneError } from '../../core/still-wanted.ts';

/** Messages that the thread has not answered: one to work at, and one to go on with. Others can still be dropped. */
const MESSAGES_AT_ONCE = 2;
/** Small enough that the first caller does not wait long for the last, large enough to amortise a message. */
const JOBS_PER_MESSAGE = 8;

/** A batch: the jobs of one turn of the event loop. */
interface Message<Input> {
  readonly id: number;
  readonly inputs: readonly Input[];
}

/** The outcome of a job in the thread. */
type Outcome<Output> =
  | { readonly output: Output }
  | { readonly refused: { readonly code: ErrorCode; readonly message: string } }
  | { readonly failed: true };

interface Reply<Output> {
  readonly id: number;
  readonly outcomes: readonly Outcome<Output>[];
}

interface Waiting<Input, Output> {
  readonly input: Input;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs pure jobs in a worker thread, so that the event loop stays free. Jobs submitted in one turn of the loop travel
 * together. Jobs whose asker has gone before they travel are dropped. If the thread cannot start, dies or fails
 * unexpectedly, the calling thread does the work with the same results. Source files that run unbuilt have no worker
 * file, and therefore no thread.
 */
export class JobThread<Input, Output> {
  readonly #here: (input: Input) => Promise<Output>;
  readonly #waiting = new Map<number, readonly Waiting<Input, Output>[]>();
  #gathered: Waiting<Input, Output>[] = [];
  #worker: Worker | undefined;
  #nextId = 0;

  /** `file` is the built worker, which calls {@link serveJobs}; `here` does the same work in this thread. */
  constructor(file: URL, here: (input: Input) => Promise<Output>, workerData?: unknown) {
    this.#here = here;
    if (!existsSync(fileURLToPath(file))) return;
    const worker = new Worker(file, { workerData });
    worker.on('message', (reply: Reply<Output>) => this.#settle(reply));
    worker.on('error', () => this.#abandon());
    worker.on('exit', () => this.#abandon());
    // Comes after the listeners, because a message listener keeps the process alive.
    worker.unref();
    this.#worker = worker;
  }

  /**
   * Runs a job. Rejects with a GlasskeyError that the work threw, and with `invalid-request` if the signal is aborted
   * before the job begins.
   */
  run(input: Input, signal?: AbortSignal): Promise<Output> {
    if (this.#worker === undefined) return this.#here(input);
    if (this.#gathered.length === 0) setImmediate(() => this.#send());
    return new Promise((resolve, reject) => this.#gathered.push({ input, signal, resolve, reject }));
  }

  /** Ends the thread. The calling thread does later jobs. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#abandon();
  }

  #send(): void {
    const gathered = this.#gathered.filter(({ signal }) => signal?.aborted !== true);
    for (const { signal, reject } of this.#gathered) if (signal?.aborted === true) reject(goneError());
    this.#gathered = gathered;
    if (this.#worker === undefined) return this.#doHere(gathered.splice(0));
    while (gathered.length > 0 && this.#waiting.size < MESSAGES_AT_ONCE) {
      const jobs = gathered.splice(0, JOBS_PER_MESSAGE);
      const message: Message<Input> = { id: this.#nextId++, inputs: jobs.map(({ input }) => input) };
      this.#waiting.set(message.id, jobs);
      // The thread keeps the process alive only while a caller waits for it.
      this.#worker.ref();
      this.#worker.postMessage(message, []);
    }
  }

  #settle({ id, outcomes }: Reply<Output>): void {
    const jobs = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    this.#send();
    if (this.#waiting.size === 0) this.#worker?.unref();
    jobs.forEach((job, i) => {
      const outcome = outcomes[i];
      if (outcome === undefined || 'failed' in outcome) this.#doHere([job]);
      else if ('output' in outcome) job.resolve(outcome.output);
      else job.reject(new GlasskeyError(outcome.refused.code, outcome.refused.message));
    });
  }

  /** Runs the jobs of a dead thread in this one. */
  #abandon(): void {
    this.#worker = undefined;
    const left = [...this.#waiting.values()].flat().concat(this.#gathered.splice(0));
    this.#waiting.clear();
    this.#doHere(left);
  }

  #doHere(jobs: readonly Waiting<Input, Output>[]): void {
    for (const { input, resolve, reject } of jobs) this.#here(input).then(resolve, reject);
  }
}

/** The worker's side of a {@link JobThread}: runs the jobs that arrive through `port`. */
export function serveJobs(port: MessagePort, work: (input: never) => Promise<unknown>): void {
  const attempt = async (input: never): Promise<Outcome<unknown>> => {
    try {
      return { output: await work(input) };
    } catch (error) {
      if (!isGlasskeyError(error)) return { failed: true };
      return { refused: { code: error.code, message: error.message } };
    }
  };
  port.on('message', ({ id, inputs }: Message<never>) => {
    void Promise.all(inputs.map(attempt)).then((outcomes) =>
      port.postMessage({ id, outcomes } satisfies Reply<unknown>),
    );
  });
}
