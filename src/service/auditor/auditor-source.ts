import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditorTreeHead } from '../../core/keytrans/tree-head.ts';
import type { Fetch } from '../../core/net/bounded-fetch.ts';
import type { Observer } from '../service-event.ts';
import { fetchHead } from './deliver-head.ts';

/** Options of an {@link AuditorSource}. */
export interface AuditorSourceOptions {
  /** The URL at which the auditor serves its newest head. */
  readonly url: string;
  /** The media type of a TLS-encoded AuditorTreeHead. */
  readonly mediaType: string;
  readonly fetch: Fetch;
  /** Verifies an untrusted head and stores it. */
  readonly accept: (head: AuditorTreeHead) => Promise<void>;
  readonly observe: Observer;
  /** The pause between two requests, ms; doubles up to `maxBackoffMs` while they fail. */
  readonly pollMs: number;
  readonly maxBackoffMs: number;
}

/**
 * Fetches the heads of a log's third-party auditor (KT §15.2) from its construction until {@link AuditorSource.stop}.
 * The answers are untrusted: `accept` verifies their signatures.
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

  /** Aborts a request under way and stops. */
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
        observe({ type: 'asked', server: 'auditor', error: undefined });
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
