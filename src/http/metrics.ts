import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { isGlasskeyError } from '../core/errors.ts';
import type { LogHealth } from '../service/log-service.ts';
import type { ServiceEvent } from '../service/service-event.ts';

const REQUEST_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Media type of {@link Metrics.format}. */
export const METRICS_MEDIA_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** The metrics of one server, in Prometheus's text format. Holds no identities. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #http = new Histogram({
    name: 'glasskey_http_request_seconds',
    help: 'Time to answer an HTTP request',
    labelNames: ['route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers: [this.#registry],
  });
  readonly #requests = this.#counter('glasskey_issuance_requests_total', 'Requests to issue or revoke', [
    'kind',
    'code',
  ]);
  readonly #signed = this.#counter('glasskey_certificates_signed_total', 'Certificates signed');
  readonly #changes = this.#counter('glasskey_log_changes_total', 'Versions added to the log');
  readonly #entries = this.#counter('glasskey_log_entries_total', 'Log entries appended');
  readonly #rejected = this.#counter('glasskey_submissions_rejected_total', 'Submissions refused', ['code']);
  readonly #unsealed = this.#counter(
    'glasskey_unsealed_rows_total',
    'Rows that were refused because they have no valid seal: must be 0',
    ['table'],
  );
  readonly #failures = this.#counter('glasskey_sequencing_failures_total', 'Failed appends, which are retried');
  readonly #intents = this.#counter('glasskey_intents_closed_total', 'Abandoned intents that were closed', ['signed']);
  readonly #selfVerified = this.#counter(
    'glasskey_self_verified_total',
    'Answers of this server that it verified itself',
    ['result'],
  );
  readonly #corrupt = this.#gauge('glasskey_self_check_failed', '1 if the stored log contradicts itself: must be 0');
  readonly #releasedSize = this.#gauge('glasskey_log_released_size', 'Greatest released size');
  readonly #ended = this.#gauge('glasskey_log_ended', '1 if the log has ended');
  readonly #releasedTime = this.#gauge(
    'glasskey_log_released_timestamp_seconds',
    'Timestamp of the newest released entry',
  );
  readonly #lagEntries = this.#gauge('glasskey_release_lag_entries', 'Committed entries that are not released yet');
  readonly #lagSeconds = this.#gauge('glasskey_release_lag_seconds', 'Age of the oldest of them');
  readonly #witnesses = this.#counter('glasskey_witness_requests_total', 'Requests to a witness, by outcome', [
    'witness',
    'outcome',
  ]);
  readonly #witnessSeconds = new Histogram({
    name: 'glasskey_witness_request_seconds',
    help: 'Time to get an answer from a witness',
    labelNames: ['witness'],
    buckets: REQUEST_BUCKETS,
    registers: [this.#registry],
  });
  readonly #rolledBack = this.#gauge(
    'glasskey_log_rolled_back',
    '1 if a file or a witness has seen another log than the database holds: must be 0',
  );
  readonly #auditedSize = this.#gauge('glasskey_audited_size', 'Greatest size that the third-party auditor has signed');
  readonly #auditedTime = this.#gauge('glasskey_audited_timestamp_seconds', 'Timestamp of the newest audited entry');
  readonly #auditorFailures = this.#counter(
    'glasskey_auditor_failures_total',
    'Failures to fetch a head from the third-party auditor',
    ['code'],
  );
  readonly #pruned = this.#counter('glasskey_pruned_tiles_total', 'Expired tiles of the prefix tree that were deleted');
  readonly #prunedPosition = this.#gauge('glasskey_pruned_position', 'Log entry up to which the prefix tree is pruned');
  readonly #pruningFailures = this.#counter('glasskey_pruning_failures_total', 'Failed steps of pruning');
  readonly #recoveryFailures = this.#counter(
    'glasskey_recovery_failures_total',
    'Failures to complete a recovery or to notify its owner, which are retried',
  );
  readonly #mailFailures = this.#counter('glasskey_mail_failures_total', 'Mails that the mail server did not accept', [
    'reason',
  ]);
  readonly #notices = this.#counter('glasskey_notices_total', 'Attempts to tell an owner of a change', [
    'channel',
    'outcome',
  ]);
  readonly #notifyFailures = this.#counter(
    'glasskey_notify_failures_total',
    'Failures to look after the notices of a name, which are retried',
  );
  readonly #writer = this.#gauge('glasskey_writer', '1 if this process is the writer of the log');
  readonly #queueDepth = this.#gauge('glasskey_queue_depth', 'Submissions waiting to be sequenced');
  readonly #queueWait = this.#gauge(
    'glasskey_queue_wait_seconds',
    'Time for which the oldest submission was seen to wait while the log did not take it',
  );
  readonly #inFlight = this.#gauge('glasskey_issuance_in_flight', 'Requests inside the issuance pipeline');
  readonly #answering = this.#gauge('glasskey_answers_under_way', 'Answers to KEYTRANS requests that are being made');
  readonly #answersWaiting = this.#gauge('glasskey_answers_waiting', 'KEYTRANS requests that wait for room');

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const result of ['ok', 'failed']) this.#selfVerified.inc({ result }, 0);
  }

  /** Counts an event of the service: an {@link Observer}. */
  readonly observe = (event: ServiceEvent): void => {
    switch (event.type) {
      case 'appended':
        this.#entries.inc(event.entries);
        this.#changes.inc(event.changes);
        return;
      case 'released':
        this.#releasedSize.set(event.size);
        return this.#releasedTime.set(event.timestampMs / 1000);
      case 'audited':
        this.#auditedSize.set(event.size);
        return this.#auditedTime.set(event.timestampMs / 1000);
      case 'auditor-failed':
        return this.#auditorFailures.inc({ code: isGlasskeyError(event.error) ? event.error.code : 'internal' });
      case 'sequencing-failed':
        return this.#failures.inc();
      case 'writer':
        return this.#writer.set(event.holds ? 1 : 0);
      case 'witness':
        this.#witnesses.inc({ witness: event.witness, outcome: event.outcome });
        return this.#witnessSeconds.observe({ witness: event.witness }, event.milliseconds / 1000);
      case 'rolled-back':
        return this.#rolledBack.set(1);
      case 'self-check-failed':
        return this.#corrupt.set(1);
      case 'pruned':
        this.#pruned.inc(event.tiles);
        return this.#prunedPosition.set(event.position);
      case 'pruning-failed':
        return this.#pruningFailures.inc();
      case 'asked':
      case 'recoveries-tended':
        return undefined;
      case 'mail-failed':
        return this.#mailFailures.inc({ reason: event.reason });
      case 'recovery-failed':
        return this.#recoveryFailures.inc();
      case 'notice':
        return this.#notices.inc({ channel: event.channel, outcome: event.outcome });
      case 'notify-failed':
        return this.#notifyFailures.inc();
      case 'signed':
        return this.#signed.inc();
      case 'request':
        return this.#requests.inc({ kind: event.kind, code: event.code });
      case 'self-verified':
        return this.#selfVerified.inc({ result: event.error === undefined ? 'ok' : 'failed' });
      case 'intent-closed':
        return this.#intents.inc({ signed: String(event.signed) });
      case 'unsealed-row':
        return this.#unsealed.inc({ table: event.table });
      case 'rejected':
        return this.#rejected.inc({ code: event.code });
    }
  };

  /** Counts an answered request. `route` is a pattern, never a path with somebody's data in it. */
  observeHttp(route: string, status: number, seconds: number): void {
    this.#http.observe({ route, status }, seconds);
  }

  /** Returns the text of `GET /metrics`; `nowMs` is by the log's clock. */
  async format(health: LogHealth | undefined, nowMs: number): Promise<string> {
    if (health !== undefined) {
      const { entries, sinceMs } = health.lag;
      this.#lagEntries.set(entries);
      this.#lagSeconds.set(sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs) / 1000);
      this.#queueDepth.set(health.queueDepth);
      this.#queueWait.set(health.standstill.queueMs / 1000);
      this.#inFlight.set(health.inFlight);
      this.#answering.set(health.answering.underWay);
      this.#answersWaiting.set(health.answering.waiting);
      this.#releasedSize.set(health.size);
      this.#ended.set(health.hasEnded ? 1 : 0);
    }
    return this.#registry.metrics();
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }
}
