import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { verifyConsistency } from '../../core/audit/rfc6962.ts';
import { AuditProofs } from './audit-proofs.ts';
import type { LogContext } from './log-context.ts';
import type { LogProgress } from './log-progress.ts';
import type { ReleasedLog } from './released-log.ts';

/** Least time between two notes, ms. */
const NOTE_MS = 1_000;
/** Full tiles that a consistency proof is made from: few of each level. */
const PROOF_TILES = 16;

/**
 * Notes releases that this process hears of, whoever signed them, in the file of its host: so every host of a log
 * refuses a database that is older than what any of them has released. A release that does not continue what the host
 * has noted is not noted, and the check before the next signature of this host finds it.
 */
export class SeenReleases {
  readonly #context: LogContext;
  /** The newest release that is to be noted. */
  #next: ReleasedLog | undefined;
  #noting: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(context: LogContext, progress: LogProgress) {
    this.#context = context;
    if (context.lastSigned !== undefined) progress.onRelease((log) => this.#hear(log));
  }

  /** Notes what is still to be noted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#note();
    await this.#noting;
  }

  /** Notes a release at once, unless one was noted within the last second. */
  #hear(log: ReleasedLog): void {
    if (this.#stopped) return;
    this.#next = log;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#next !== undefined) this.#hear(this.#next);
    }, NOTE_MS).unref();
    this.#note();
  }

  #note(): void {
    const log = this.#next;
    this.#next = undefined;
    if (log === undefined) return;
    // The next release comes within minutes, and readiness tells of a folder that cannot be written.
    this.#noting = this.#noting.then(() => this.#write(log)).catch(() => undefined);
  }

  async #write({ released, auditEdge }: ReleasedLog): Promise<void> {
    const { lastSigned, store, origin, noteSigner } = this.#context;
    const { size, checkpoint: text } = released;
    if (lastSigned === undefined || lastSigned.writtenSize >= size) return;
    const known = await lastSigned.read();
    if (known === undefined || known.size >= size) return;
    const { rootHash, size: signedSize } = verifyCheckpoint(text, { origin, vkeys: [noteSigner.vkey] });
    const proof = await new AuditProofs(store, PROOF_TILES).consistency(known.size, signedSize, auditEdge);
    verifyConsistency(known.size, signedSize, known.rootHash, rootHash, proof);
    await lastSigned.noteSeen({ size: signedSize, text });
  }
}
