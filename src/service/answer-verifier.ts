import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { frontier } from '../core/keytrans/implicit-search-tree.ts';
import type { LookupRequest, LookupResponse } from '../core/keytrans/messages.ts';
import type { TreeView } from '../core/keytrans/tree-view.ts';
import { verifyLookup } from '../core/keytrans/verify-lookup.ts';
import { fullSubtrees } from '../core/log/log-tree.ts';
import type { EntryReader, LogEntry } from './entry-reader.ts';
import type { LogContext } from './log-context.ts';
import type { LogNodeReader } from './log-node-reader.ts';
import type { ReleasedLog } from './released-log.ts';

/**
 * Verifies a sample of the server's own answers with the client's verifier (DESIGN §9): a wrong answer is a bug or a
 * broken store, and does not leave the server.
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

  /** Verifies every n-th answer, as `limits.verifyOneIn` says. Throws what the client would throw. */
  async sample(request: LookupRequest, answer: LookupResponse, log: ReleasedLog): Promise<void> {
    const { verifyOneIn } = this.#context.limits;
    if (verifyOneIn === 0 || this.#count++ % verifyOneIn !== 0) return;
    try {
      await this.#verify(request, answer, log);
      this.#context.observe({ type: 'self-verified', error: undefined });
    } catch (error) {
      this.#context.observe({ type: 'self-verified', error });
      throw error;
    }
  }

  async #verify(request: LookupRequest, answer: LookupResponse, log: ReleasedLog): Promise<void> {
    const { size } = log.released;
    const view = request.last === undefined ? undefined : await this.#viewAt(request.last, log);
    // A client advertised a size that was never released: it cannot have a view of it, and verifies nothing.
    if (request.last !== undefined && view === undefined) return;
    // The clock of a client is its own affair: here the newest entry is as old as the answer says.
    const [last] = await this.#entries.read([size - 1]);
    const nowMs = (last as LogEntry).timestampMs;
    const verified = verifyLookup({ config: this.#context.configuration, view, nowMs }, request, answer);
    const labelKey = await this.#context.vrf.labelKey(request.label);
    ensure(equalBytes(verified.labelKey, labelKey), 'bad-vrf-proof', 'the answer is about another label');
  }

  /** What a client retains that has verified the head of `size`. */
  async #viewAt(size: number, log: ReleasedLog): Promise<TreeView | undefined> {
    const positions = frontier(size);
    const [released, fullSubtreeHeads, entries] = await Promise.all([
      this.#context.store.readReleasedAt(size),
      this.#nodes.readNodes(fullSubtrees(size), log.logEdge),
      this.#entries.read(positions),
    ]);
    if (released === undefined) return undefined;
    return {
      size,
      fullSubtrees: fullSubtreeHeads,
      frontier: positions.map((position, i) => {
        const { timestampMs, prefix } = entries[i] as LogEntry;
        return { position, timestampMs, prefixRoot: prefix.hash };
      }),
      treeHead: { treeSize: size, signature: released.signature },
      auditorTreeHead: undefined,
    };
  }
}
