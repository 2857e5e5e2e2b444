import { type AuditEntry, auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type AuditorTreeHead, verifyAuditorTreeHead } from '../../core/keytrans/tree-head.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';

/**
 * The heads that a log's third-party auditor has signed (KT §11.3, §15.2). Every answer that shows a new tree head carries
 * the newest of them. Other processes may take one too: the store is asked again from time to time.
 */
export class AuditorHeads {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  #newest: AuditorTreeHead | undefined;
  /** A size whose last entry names the present Configuration. */
  #currentSize = 0;
  /** The newest log that an answer was made for, and the timestamp of its rightmost entry. */
  #rightmost = { size: 0, timestampMs: 0 };
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(context: LogContext, progress: LogProgress) {
    this.#context = context;
    this.#progress = progress;
  }

  /**
   * Throws `not-audited` where the last of `size` entries was made under a Configuration before this one: its head, and what
   * its witnesses have seen, name another auditor or none, and clients that know the present bundle would take it for a lie.
   */
  async assertCurrent(size: number): Promise<void> {
    const { configuration, configHash } = this.#context;
    if (configuration.mode !== 'thirdPartyAuditing' || size === this.#currentSize) return;
    const isCurrent = equalBytes((await this.#entry(size - 1)).configHash, configHash);
    ensure(isCurrent, 'not-audited', 'no entry since the log got its auditor is released yet');
    this.#currentSize = size;
  }

  /**
   * The auditor's newest head, for an answer that shows a log of `size` entries; undefined in a log without auditor. Throws
   * `not-audited` where the auditor has signed nothing that goes with that log, or lags by more than clients accept.
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
   * Takes an untrusted head: the signature shows whose it is. One that is older than what is known changes nothing. Throws
   * `invalid-request` for a head that is not the auditor's or not of this log, `too-far-behind` for one of a size that this
   * process has not released, `unsupported-operation` in a log without auditor.
   */
  async accept(head: AuditorTreeHead): Promise<void> {
    const { configuration, store, observe } = this.#context;
    if (configuration.mode !== 'thirdPartyAuditing')
      throw new GlasskeyError('unsupported-operation', 'this log has no auditor');
    const { treeSize, timestampMs } = head;
    ensure(treeSize >= 1 && treeSize > configuration.auditorStartPosition, 'invalid-request', 'nothing was audited');
    const known = await this.#progress.released();
    const { released } = treeSize <= known.released.size ? known : await this.#progress.refresh();
    ensure(treeSize <= released.size, 'too-far-behind', `this server has released ${released.size} entries only`);
    const entry = await this.#entry(treeSize - 1);
    ensure(timestampMs === entry.timestampMs, 'invalid-request', 'the timestamp is not that of the last audited entry');
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
    return decode(auditEntryCodec, row.auditEntry);
  }

  async #read(): Promise<void> {
    const stored = await this.#context.store.readAuditorHead();
    if (stored !== undefined && stored.treeSize !== this.#newest?.treeSize && (await this.#isCurrent(stored)))
      this.#keep(stored);
    this.#readAtMs = performance.now();
  }

  /** False for a head from before the log got another auditor: clients would refuse it. */
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

  #keep(head: AuditorTreeHead): void {
    if (this.#newest === undefined || head.treeSize > this.#newest.treeSize) this.#newest = head;
  }
}
