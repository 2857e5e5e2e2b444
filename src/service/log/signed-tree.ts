import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { PrefixRoot } from '../../core/prefix/prefix-tree.ts';
import { AuditProofs } from './audit-proofs.ts';
import type { LogContext } from './log-context.ts';
import type { LogProgress } from './log-progress.ts';
import { isOwnSignature } from './own-signature.ts';
import type { ReleasedLog } from './released-log.ts';
import { asStored } from './stored-data.ts';
import { readTrustedEntry, type TrustedLog } from './trusted-entry.ts';

/** Interval at which the file of this host and the sealed head are compared with what is signed, ms. */
const COMPARE_MS = 10_000;

/** The prefix tree of the last entry of a log that is signed. */
export interface SignedPrefixTree extends TrustedLog {
  readonly root: PrefixRoot;
  /** The time of its last entry, ms. */
  readonly timestampMs: number;
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
  /** The last comparison: the size that was committed then. */
  #compared: { readonly atMs: number; readonly committed: Promise<number> } | undefined;

  constructor(context: LogContext, progress: LogProgress) {
    this.#context = context;
    this.#progress = progress;
    this.#proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
    progress.onLoss(() => {
      this.#newest = undefined;
      this.#compared = undefined;
      this.#proofs.clear();
    });
  }

  /**
   * Returns the tree of the newest released head, verified once for each size. Somebody may hide the rows of later
   * releases. So this waits for the release of what the sealed head covers, and of a head that is not too old for
   * clients. Throws `storage-corrupt` if the database does not hold what was signed, `log-rolled-back` if it holds less
   * than this process or this host has seen, `release-stalled` if that release does not come, `storage-failed`.
   */
  async newest(): Promise<SignedPrefixTree> {
    const { releaseWaitMs } = this.#context.limits;
    const endMs = performance.now() + releaseWaitMs;
    for (;;) {
      const tree = await this.released();
      const least = await this.#leastReleased(tree);
      if (tree.size >= least) return tree;
      await this.#awaitRelease(least, endMs - performance.now());
    }
  }

  /**
   * Returns the tree of the newest released head that the database shows, which may hide later ones: for a log that
   * nobody serves, and for what counts only once it is proved again. Throws as {@link newest}, but waits for nothing.
   */
  async released(): Promise<SignedPrefixTree> {
    const log = await this.#progress.released();
    const { size } = log.released;
    this.#assertNoLoss(size);
    if (this.#newest?.size !== size) {
      const made = { size, tree: this.#verify(log) };
      made.tree.catch(() => {
        if (this.#newest === made) this.#newest = undefined;
      });
      this.#newest = made;
    }
    return this.#newest.tree;
  }

  #assertNoLoss(size: number): void {
    const loss = this.#progress.findLoss(size);
    if (loss !== undefined) throw loss;
  }

  /** The checkpoint's signature covers the last entry, and the entry its prefix tree. */
  async #verify({ released, auditEdge }: ReleasedLog): Promise<SignedPrefixTree> {
    const { origin, noteSigner } = this.#context;
    const { size, checkpoint } = released;
    const signed = asStored('the released checkpoint is not one of this log', () =>
      verifyCheckpoint(checkpoint, { origin, vkeys: [noteSigner.vkey], isEd25519: isOwnSignature }),
    );
    ensure(signed.size === size, 'storage-corrupt', 'the released checkpoint has another size');
    const log = { size, auditRoot: signed.rootHash, auditEdge };
    const { prefix, timestampMs } = await readTrustedEntry(this.#context, this.#proofs, log, size - 1);
    return { ...log, root: prefix, timestampMs };
  }

  /** Returns the size that has to be released before anything is signed by a tree. */
  async #leastReleased(tree: SignedPrefixTree): Promise<number> {
    const { monotonic, now, configuration } = this.#context;
    if (this.#compared === undefined || monotonic() - this.#compared.atMs >= COMPARE_MS) {
      const made = { atMs: monotonic(), committed: this.#compare() };
      made.committed.catch(() => {
        if (this.#compared === made) this.#compared = undefined;
      });
      this.#compared = made;
    }
    const committed = await this.#compared.committed;
    // An idle log grows, too: a head that clients would refuse is no newest one.
    const isOld = tree.timestampMs < now() - configuration.maxBehindMs;
    return isOld ? Math.max(committed, tree.size + 1) : committed;
  }

  /**
   * Compares the sealed head with the file of this host. So a restarted server refuses a database that is older than
   * what it has seen, whoever signed it. Returns the committed size. Throws `log-rolled-back`, storage errors.
   */
  async #compare(): Promise<number> {
    const { lastSigned, store } = this.#context;
    // Before the head: the file is written after the commit.
    const seen = await lastSigned?.read();
    const head = await store.readHead();
    this.#assertNoLoss(head.size);
    const isHeld = seen === undefined || seen.size <= head.size;
    const message = `${lastSigned?.path} says that this host has seen size ${seen?.size}; the database is older`;
    ensure(isHeld, 'log-rolled-back', message);
    return head.size;
  }

  async #awaitRelease(size: number, timeoutMs: number): Promise<void> {
    try {
      await this.#progress.waitForRelease(size, Math.max(0, timeoutMs));
    } catch (cause) {
      if (!isGlasskeyError(cause, 'timed-out')) throw cause;
      const message = `nothing is signed before size ${size} of the log is released`;
      const advice = 'see that a server appends, that its witnesses answer, and that the clocks are right';
      throw new GlasskeyError('release-stalled', `${message}: ${advice}`, { cause });
    }
  }
}
