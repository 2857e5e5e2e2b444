import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { frontier } from '../../core/keytrans/implicit-search-tree.ts';
import { type KnownHead, knownHead } from '../../core/keytrans/known-head.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import type { VerifyContext } from '../../core/keytrans/verify-search.ts';
import { fullSubtrees } from '../../core/log/log-tree.ts';
import type { EntryReader, LogEntry } from '../log/entry-reader.ts';
import type { LogContext } from '../log/log-context.ts';
import { corrupt } from '../log/stored-data.ts';
import type { LogNodeReader } from '../log/log-node-reader.ts';
import type { AskedLabel } from './asked-label.ts';
import type { AskedLog } from './asked-log.ts';

/**
 * Verifies a sample of the server's own answers with the client's verifiers
 * (`docs/architecture.md#sequencing-and-durability`). A wrong answer, by a bug or a broken store, does not leave the
 * server.
 */
export class AnswerVerifier {
  readonly #context: LogContext;
  readonly #entries: EntryReader;
  readonly #nodes: LogNodeReader;
  #count = 0;

  constructor(context: LogContext, entries: EntryReader, nodes: LogNodeReader) {
    this.#context = context;
    this.#entries = entries;
    this.#nodes = nodes;
  }

  /**
   * Runs `verify` on one answer in `limits.verifyOneIn`, with what the client that asked for `log` has. Throws
   * `storage-corrupt` for an answer that a client would refuse.
   */
  async sample(log: AskedLog, verify: (client: VerifyContext) => void | Promise<void>): Promise<void> {
    const { verifyOneIn } = this.#context.limits;
    if (verifyOneIn === 0 || this.#count++ % verifyOneIn !== 0) return;
    try {
      const client = await this.#client(log);
      if (client !== undefined) await verify(client);
      this.#context.observe({ type: 'self-verified', error: undefined });
    } catch (error) {
      this.#context.observe({ type: 'self-verified', error });
      // Whoever asked would take the code of a proof for the log's lie.
      return corrupt('no client would accept what the database holds')(error);
    }
  }

  /** Throws `bad-vrf-proof` unless a verified answer is about the requested label. */
  assertLabel(asked: AskedLabel, labelKey: Uint8Array): void {
    ensure(equalBytes(labelKey, asked.labelKey), 'bad-vrf-proof', 'the answer is about another label');
  }

  /** Builds what the client has; undefined if it advertised a size that was never released and so has nothing. */
  async #client(log: AskedLog): Promise<VerifyContext | undefined> {
    const view = log.last === undefined ? undefined : await this.#viewAt(log.last, log);
    if (log.last !== undefined && view === undefined) return undefined;
    // The server does not know the client's clock: it takes the newest entry's time for now.
    const [newest] = await this.#entries.read([log.size - 1]);
    return { config: this.#context.configuration, view, nowMs: (newest as LogEntry).timestampMs };
  }

  /** Builds what a client retains after it verified the head of `size`; undefined if that was never released. */
  async #viewAt(size: number, log: AskedLog): Promise<TreeView | undefined> {
    const [released, view] = await Promise.all([this.#context.store.readReleasedAt(size), this.viewOf(size, log)]);
    if (released === undefined) return undefined;
    return { ...view, treeHead: { treeSize: size, signature: released.signature } };
  }

  /** Builds what a client retains of the first `size` log entries, without the tree head. */
  async viewOf(size: number, log: AskedLog): Promise<TreeView> {
    const { fullSubtrees: subtrees, frontier: entries } = await this.#retained(size, log);
    const treeHead = { treeSize: size, signature: new Uint8Array(0) };
    return { size, fullSubtrees: subtrees, frontier: entries, treeHead, auditorTreeHead: undefined };
  }

  /** Builds what a client knows of the log entry at `position` if it is distinguished. */
  async headAt(position: number, log: AskedLog): Promise<KnownHead> {
    const { fullSubtrees: subtrees, frontier: entries } = await this.#retained(position + 1, log);
    return knownHead(position, subtrees, entries);
  }

  async #retained(size: number, log: AskedLog): Promise<Pick<TreeView, 'fullSubtrees' | 'frontier'>> {
    const positions = frontier(size);
    const [subtrees, entries] = await Promise.all([
      this.#nodes.readNodes(fullSubtrees(size), log.logEdge),
      this.#entries.read(positions),
    ]);
    return {
      fullSubtrees: subtrees,
      frontier: positions.map((position, i) => {
        const { timestampMs, prefix } = entries[i] as LogEntry;
        return { position, timestampMs, prefixRoot: prefix.hash };
      }),
    };
  }
}
