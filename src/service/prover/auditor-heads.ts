import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type AuditorTreeHead, verifyAuditorTreeHead } from '../../core/keytrans/tree-head.ts';
import type { LogContext } from '../log/log-context.ts';
import { auditEntryOf } from '../log/stored-data.ts';
import type { LogProgress } from '../log/log-progress.ts';

/**
 * The heads that a log's third-party auditor has signed (KT §11.3, §15.2). Every answer with a new tree head carries
 * the newest one. It reads the store again every `limits.pollMs`, because another replica may have accepted a newer
 * one.
 */
export class AuditorHeads {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  #newest: AuditorTreeHead | undefined;
  /** A size whose last entry names the current Configuration. */
  #currentSize = 0;
  /** Size of the newest log that an answer showed, and the timestamp of its rightmost entry. */
  #rightmost = { size: 0, timestampMs: 0 };
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(context: LogContext, progress: LogProgress) {
    this.#context = context;
    this.#progress = progress;
    progress.onLoss(() => this.#forget());
  }

  /**
   * Throws `not-audited` if the last of `size` entries was made under an earlier Configuration. Its head and
   * cosignatures name another auditor or none, so clients with the current bundle would report a misbehaving log.
   */
  async assertCurrent(size: number): Promise<void> {
    const { configuration, configHash } = this.#context;
    if (configuration.mode !== 'thirdPartyAuditing' || size === this.#currentSize) return;
    const isCurrent = equalBytes((await this.#entry(size - 1)).configHash, configHash);
    ensure(isCurrent, 'not-audited', 'the log has not released an entry since it got its auditor');
    this.#currentSize = size;
  }

  /**
   * Returns the auditor's newest head, for an answer that shows a log of `size` entries; undefined in a log without
   * auditor. Throws `not-audited` if the auditor has signed no head of that log, or lags by more than clients accept.
   */
  async newestFor(size: number): Promise<AuditorTreeHead | undefined> {
    const { configuration, limits } = this.#context;
    if (configuration.mode !== 'thirdPartyAuditing') return undefined;
    if (performance.now() - this.#readAtMs >= limits.pollMs) {
      this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    const newest = this.#newest;
    const fits = newest !== undefined && newest.treeSize <= size;
    ensure(fits, 'not-audited', "the log's auditor has not signed a head of it yet");
    const lagMs = (await this.#rightmostMs(size)) - newest.timestampMs;
    ensure(lagMs <= configuration.maxAuditorLagMs, 'not-audited', `the log's auditor lags by ${lagMs} ms`);
    return newest;
  }

  /**
   * Verifies the auditor's signature on an untrusted head and accepts it. A head older than the newest changes nothing.
   * Throws `invalid-request` for a head that is not the auditor's or not of this log, `too-far-behind` for a size that
   * this process has not released, `unsupported-operation` in a log without auditor.
   */
  async accept(head: AuditorTreeHead): Promise<void> {
    const { configuration, store, observe } = this.#context;
    if (configuration.mode !== 'thirdPartyAuditing')
      throw new GlasskeyError('unsupported-operation', 'this log has no auditor');
    const { treeSize, timestampMs } = head;
    ensure(
      treeSize >= 1 && treeSize > configuration.auditorStartPosition,
      'invalid-request',
      'the head covers no audited entry',
    );
    const known = await this.#progress.released();
    const { released } = treeSize <= known.released.size ? known : await this.#progress.refresh();
    ensure(treeSize <= released.size, 'too-far-behind', `this server has released only ${released.size} entries`);
    const entry = await this.#entry(treeSize - 1);
    ensure(
      timestampMs === entry.timestampMs,
      'invalid-request',
      'the timestamp differs from that of the last audited entry',
    );
    try {
      verifyAuditorTreeHead(configuration, head, entry.logRoot);
    } catch (cause) {
      throw new GlasskeyError('invalid-request', 'the signature is not the auditor’s over this log', { cause });
    }
    if (await store.storeAuditorHead(head)) observe({ type: 'audited', size: treeSize, timestampMs });
    this.#keep(head);
  }

  async #rightmostMs(size: number): Promise<number> {
    if (this.#rightmost.size === size) return this.#rightmost.timestampMs;
    const { timestampMs } = await this.#entry(size - 1);
    this.#rightmost = { size, timestampMs };
    return timestampMs;
  }

  async #entry(position: number): Promise<AuditEntry> {
    const [row] = await this.#context.store.readEntries([position]);
    if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
    return auditEntryOf(row);
  }

  async #read(): Promise<void> {
    const stored = await this.#context.store.readAuditorHead();
    if (stored !== undefined && stored.treeSize !== this.#newest?.treeSize && (await this.#isCurrent(stored)))
      this.#keep(stored);
    this.#readAtMs = performance.now();
  }

  /** Returns false for a head of an earlier auditor of the log: clients would refuse it. */
  async #isCurrent(head: AuditorTreeHead): Promise<boolean> {
    const { logRoot } = await this.#entry(head.treeSize - 1);
    try {
      verifyAuditorTreeHead(this.#context.configuration, head, logRoot);
      return true;
    } catch (error) {
      if (isGlasskeyError(error, 'bad-signature')) return false;
      throw error;
    }
  }

  #forget(): void {
    this.#newest = undefined;
    this.#currentSize = 0;
    this.#rightmost = { size: 0, timestampMs: 0 };
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  #keep(head: AuditorTreeHead): void {
    if (this.#newest === undefined || head.treeSize > this.#newest.treeSize) this.#newest = head;
  }
}
