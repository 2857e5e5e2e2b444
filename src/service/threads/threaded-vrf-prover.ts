import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { VrfProver, VrfResult } from '../../core/crypto/vrf-prover.ts';
import { nativeVrfProver } from './native-vrf-prover.ts';
import type { VrfJob, VrfJobResult, VrfKey } from './vrf-worker.ts';

/** The worker as it is built; sources that are run directly have none. */
const WORKER = new URL('./vrf-worker.js', import.meta.url);

/** Few enough that the first callers do not wait long for the last, many enough that messages cost little. */
const CALLS_PER_JOB = 8;

interface Waiting {
  readonly inputs: readonly Uint8Array[];
  readonly resolve: (results: readonly VrfResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A {@link VrfProver} with a thread of its own. */
export interface ThreadedVrfProver extends VrfProver {
  /** Ends the thread; proofs are then made in the caller's. */
  close(): Promise<void>;
}

/**
 * The VRF in a thread of its own, so that 0.3 to 0.8 ms per proof do not keep the event loop from serving. Proofs that are asked
 * for in one turn of the loop travel together. Where the thread cannot run or dies, proofs are made in this one; the
 * results are the same. `suiteId` is that of the cipher suite, `secretKey` is 32 bytes. Throws `bad-key`.
 */
export function threadedVrfProver(suiteId: number, secretKey: Uint8Array): ThreadedVrfProver {
  const local = nativeVrfProver(suiteId, secretKey);
  if (!existsSync(fileURLToPath(WORKER))) {
    return { publicKey: local.publicKey, prove: (inputs) => local.prove(inputs), close: () => Promise.resolve() };
  }
  const pool = new VrfThread({ suiteId, secretKey }, local);
  return { publicKey: local.publicKey, prove: (inputs) => pool.prove(inputs), close: () => pool.close() };
}

class VrfThread {
  readonly #local: VrfProver;
  readonly #waiting = new Map<number, readonly Waiting[]>();
  #gathered: Waiting[] = [];
  #worker: Worker | undefined;
  #nextId = 0;

  constructor(key: VrfKey, local: VrfProver) {
    this.#local = local;
    const worker = new Worker(WORKER, { workerData: key });
    worker.on('message', (result: VrfJobResult) => this.#settle(result));
    worker.on('error', () => this.#abandon());
    worker.on('exit', () => this.#abandon());
    // After the listeners: one for messages keeps the process alive.
    worker.unref();
    this.#worker = worker;
  }

  prove(inputs: readonly Uint8Array[]): Promise<readonly VrfResult[]> {
    if (this.#worker === undefined) return this.#local.prove(inputs);
    if (this.#gathered.length === 0) setImmediate(() => this.#send());
    return new Promise((resolve, reject) => this.#gathered.push({ inputs, resolve, reject }));
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#abandon();
  }

  #send(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    if (this.#worker === undefined) return this.#proveHere(gathered);
    // The thread keeps the process alive exactly while something waits for it.
    this.#worker.ref();
    for (let i = 0; i < gathered.length; i += CALLS_PER_JOB) {
      const calls = gathered.slice(i, i + CALLS_PER_JOB);
      const job: VrfJob = { id: this.#nextId++, inputs: calls.flatMap(({ inputs }) => inputs) };
      this.#waiting.set(job.id, calls);
      this.#worker.postMessage(job, []);
    }
  }

  #settle(result: VrfJobResult): void {
    const gathered = this.#waiting.get(result.id) ?? [];
    this.#waiting.delete(result.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ('failed' in result) return this.#proveHere(gathered);
    let next = 0;
    for (const { inputs, resolve } of gathered) {
      resolve(result.results.slice(next, next + inputs.length));
      next += inputs.length;
    }
  }

  /** The thread is gone: what it had to do is done here. */
  #abandon(): void {
    this.#worker = undefined;
    const left = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    this.#proveHere(left);
  }

  #proveHere(gathered: readonly Waiting[]): void {
    for (const { inputs, resolve, reject } of gathered) this.#local.prove(inputs).then(resolve, reject);
  }
}
