import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { PrefixRoot } from '../../core/prefix/prefix-tree.ts';
import { AuditProofs } from './audit-proofs.ts';
import type { LogContext } from './log-context.ts';
import type { LogProgress } from './log-progress.ts';
import type { ReleasedLog } from './released-log.ts';
import { readTrustedEntry, type TrustedLog } from './trusted-entry.ts';

/** Interval at which the file of this host is compared with what is signed, ms. */
const COMPARE_MS = 60_000;

/** The prefix tree of the last entry of a log that is signed. */
export interface SignedPrefixTree extends TrustedLog {
  readonly root: PrefixRoot;
}

/**
 * The prefix tree of the newest released head, proved by the log's own signature. Whoever writes to the database can
 * change and hide rows, but not sign: so every row that decides what this server signs is compared with this tree.
 */
export class SignedTree {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  readonly #proofs: AuditProofs;
  #newest: { readonly size: number; readonly tree: Promise<SignedPrefixTree> } | undefined;

  #comparedAtMs = -Infinity;

  constructor(context: LogContext, progress: LogProgress) {
    this.#context = context;
    this.#progress = progress;
    this.#proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
    progress.onLoss(() => {
      this.#newest = undefined;
      this.#proofs.clear();
    });
  }

  /**
   * Returns the tree of the newest released head that this process knows, verified once for each size. Throws
   * `storage-corrupt` if the database does not hold what was signed, `log-rolled-back` if it holds less than this
   * process has seen, `storage-failed`.
   */
  async newest(): Promise<SignedPrefixTree> {
    const log = await this.#progress.released();
    const { size } = log.released;
    const loss = this.#progress.findLoss(size);
    if (loss !== undefined) throw loss;
    if (this.#newest?.size !== size) {
      const made = { size, tree: this.#verify(log) };
      made.tree.catch(() => {
        if (this.#newest === made) this.#newest = undefined;
      });
      this.#newest = made;
    }
    return this.#newest.tree;
  }

  /** The checkpoint's signature covers the last entry, and the entry its prefix tree. */
  async #verify({ released, auditEdge }: ReleasedLog): Promise<SignedPrefixTree> {
    const { origin, noteSigner } = this.#context;
    const { size, checkpoint } = released;
    const signed = asStored(() => verifyCheckpoint(checkpoint, { origin, vkeys: [noteSigner.vkey] }));
    ensure(signed.size === size, 'storage-corrupt', 'the released checkpoint has another size');
    const log = { size, auditRoot: signed.rootHash, auditEdge };
    const { prefix } = await readTrustedEntry(this.#context, this.#proofs, log, size - 1);
    await this.#compareWithFile(size, checkpoint);
    return { ...log, root: prefix };
  }

  /**
   * Compares a signed size with the file of this host, and puts a larger one there, now and then: so a restarted server
   * refuses a database that is older than what it has seen, whoever signed it. Throws `log-rolled-back`.
   */
  async #compareWithFile(size: number, text: string): Promise<void> {
    const { lastSigned, monotonic, store } = this.#context;
    if (lastSigned === undefined || monotonic() - this.#comparedAtMs < COMPARE_MS) return;
    const seen = await lastSigned.read();
    // The file is written before a head is released.
    const isLost = seen !== undefined && seen.size > size && seen.size > (await store.readHead()).size;
    const message = `${lastSigned.path} says that this host has seen size ${seen?.size}; the database is older`;
    ensure(!isLost, 'log-rolled-back', message);
    await lastSigned.noteSeen({ size, text });
    this.#comparedAtMs = monotonic();
  }
}

function asStored<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new GlasskeyError('storage-corrupt', 'the released checkpoint is not one of this log', { cause });
  }
}
