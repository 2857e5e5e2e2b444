import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditorTreeHead } from '../../core/keytrans/tree-head.ts';
import type { Observer } from '../service-event.ts';
import { fetchHead } from './deliver-head.ts';

/** What an {@link AuditorSource} needs. */
export interface AuditorSourceOptions {
  /** Where the auditor serves its newest head. */
  readonly url: string;
  /** Media type of a TLS-encoded AuditorTreeHead. */
  readonly mediaType: string;
  readonly fetch: typeof fetch;
  /** Takes an untrusted head: verifies and stores it. */
  readonly accept: (head: AuditorTreeHead) => Promise<void>;
  readonly observe: Observer;
  /** Pause between two questions, ms; doubles up to `maxBackoffMs` while they fail. */
  readonly pollMs: number;
  readonly maxBackoffMs: number;
}

/**
 * Fetches the heads of a log's third-party auditor (KT §15.2), from when it is made until {@link AuditorSource.stop}. What
 * the auditor answers is untrusted: its signature decides.
 */
export class AuditorSource {
  readonly #options: AuditorSourceOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #accepted = 0;

  constructor(options: AuditorSourceOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { pollMs, maxBackoffMs, observe } = this.#options;
    let pauseMs = pollMs;
    while (!signal.aborted) {
      try {
        await this.#look();
        pauseMs = pollMs;
      } catch (error) {
        if (!signal.aborted) observe({ type: 'auditor-failed', error });
        pauseMs = Math.min(2 * pauseMs, Math.max(pollMs, maxBackoffMs));
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { accept } = this.#options;
    const head = await fetchHead({ ...this.#options, signal: this.#stopping.signal });
    if (head === undefined || head.treeSize === this.#accepted) return;
    await accept(head);
    this.#accepted = head.treeSize;
  }
}
