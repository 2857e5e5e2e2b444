import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { isGlasskeyError } from '../core/errors.ts';
import type { AuditorEvent } from '../service/auditor/auditor-event.ts';

/** The metrics of a third-party auditor, in Prometheus's text format. */
export class AuditorMetrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #logSize = this.#gauge('glasskey_auditor_log_size', 'Size of the newest checkpoint from the log');
  readonly #verifiedSize = this.#gauge('glasskey_auditor_verified_size', 'Number of log entries verified');
  readonly #signedSize = this.#gauge('glasskey_auditor_signed_size', 'Size of the newest signed head');
  readonly #signedTime = this.#gauge(
    'glasskey_auditor_signed_timestamp_seconds',
    'Timestamp of the last entry of the newest signed head',
  );
  readonly #lag = this.#gauge(
    'glasskey_auditor_lag_seconds',
    'Age of the last entry of the newest signed head: clients refuse it if it exceeds what the log allows',
  );
  readonly #delivered = this.#gauge(
    'glasskey_auditor_delivered_size',
    'Size of the newest head that the server accepted',
  );
  readonly #diverged = this.#gauge(
    'glasskey_auditor_diverged',
    '1 if the log misbehaved and the auditor has stopped signing: must be 0',
  );
  readonly #entries = this.#counter('glasskey_auditor_entries_total', 'Log entries verified by this process');
  readonly #updates = this.#counter('glasskey_auditor_updates_total', 'Label versions verified by this process');
  readonly #failures = this.#counter('glasskey_auditor_failures_total', 'Failed rounds and deliveries', ['code']);
  readonly #misbehaviour = this.#counter(
    'glasskey_auditor_misbehaviour_total',
    'Rounds in which the log failed verification: must be 0',
    ['code'],
  );
  #signedMs: number | undefined;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts an event of the auditor. */
  readonly observe = (event: AuditorEvent): void => {
    switch (event.type) {
      case 'verified':
        this.#logSize.set(event.size);
        this.#verifiedSize.set(event.size);
        this.#entries.inc(event.entries);
        return this.#updates.inc(event.updates);
      case 'signed':
        this.#signedMs = event.timestampMs;
        this.#signedSize.set(event.size);
        return this.#signedTime.set(event.timestampMs / 1000);
      case 'progress':
        this.#verifiedSize.set(event.done);
        return this.#logSize.set(event.total);
      case 'delivered':
        return this.#delivered.set(event.size);
      case 'failed': {
        const code = isGlasskeyError(event.error) ? event.error.code : 'internal';
        this.#failures.inc({ code });
        if (event.isMisbehaviour) this.#misbehaviour.inc({ code });
        return;
      }
      case 'halted':
        return this.#diverged.set(1);
    }
  };

  /** Returns the text of `GET /metrics`. */
  async format(nowMs: number): Promise<string> {
    if (this.#signedMs !== undefined) this.#lag.set(Math.max(0, nowMs - this.#signedMs) / 1000);
    return this.#registry.metrics();
  }

  /** Media type of {@link format}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: this.#registers });
  }
}
