import { MAX_WITNESS_AHEAD_MS } from '../core/audit/policy.ts';
import { NO_QUORUM } from '../core/audit/policy-parts.ts';
import { parseVkey } from '../core/audit/vkey.ts';
import { verifyWitnessedHead } from '../core/audit/witnessed-head.ts';
import { formatHex, parseBase64 } from '../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { RetainedEntry, TreeView } from '../core/keytrans/tree-view.ts';
import { viewRoot } from '../core/keytrans/tree-view.ts';
import { PROOF_PREFIX } from '../contract/paths.ts';
import type { TrustBundle } from '../contract/trust-bundle.ts';
import type { ClientState, StateChange, StateStore } from './state/client-state.ts';
import type { Operation } from './operations/operation.ts';
import { ServerRefusal } from './transport.ts';
import { excusingBundle, notReleasedYet, readTrust, type Trust, withSettledBundle } from './trust.ts';

/** Options of {@link witnessedState}. */
export interface WitnessedStateOptions {
  /**
   * Greatest age of cosignatures, ms. Default: the lag that the log's Configuration allows a head, and five minutes for
   * the witnesses' clocks.
   */
  readonly maxAgeMs?: number | undefined;
}

/**
 * Returns a state store that accepts a tree head only if the witnesses of the bundle's policy have seen it
 * (docs/spec.md#witnessed-tree-heads). An operation with any other head fails and leaves the state as it was. A head of
 * the bundle before, with the quorum of that one, is `release-stalled`. With `quorum none`, accepts every head.
 */
export function witnessedState(
  inner: StateStore,
  operation: Operation,
  options: WitnessedStateOptions = {},
): StateStore {
  return new WitnessedState(inner, operation, options);
}

class WitnessedState implements StateStore {
  readonly #inner: StateStore;
  readonly #operation: Operation;
  readonly #options: WitnessedStateOptions;
  /** The last head that was found to be witnessed. */
  #witnessed: string | undefined;

  constructor(inner: StateStore, operation: Operation, options: WitnessedStateOptions) {
    this.#inner = inner;
    this.#operation = operation;
    this.#options = options;
  }

  transact<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    return this.#inner.transact(async (state) => {
      const change = await work(state);
      const { next } = change;
      // Every verified answer makes a new view, even if the log has not grown.
      const hasQuorum = this.#operation.trust.policy.quorum !== NO_QUORUM;
      if (hasQuorum && next?.view !== undefined && next.view !== state.view) {
        await this.#assertWitnessed(next.view, excusingBundle(state));
        return { ...change, next: withSettledBundle(next) };
      }
      return change;
    });
  }

  async #assertWitnessed(view: TreeView, previous: TrustBundle | undefined): Promise<void> {
    const { trust } = this.#operation;
    const head = `${trust.bundle.sequence} ${view.size} ${formatHex(viewRoot(view))}`;
    if (head === this.#witnessed) return;
    const text = await this.#fetchProof(view.size);
    try {
      this.#verify(text, view, trust);
    } catch (error) {
      if (previous !== undefined && this.#isWitnessedBy(text, view, previous)) throw notReleasedYet(error);
      throw error;
    }
    this.#witnessed = head;
  }

  /** Returns true for the head of a log that its earlier bundle names, with the quorum of that bundle. */
  #isWitnessedBy(text: string, view: TreeView, bundle: TrustBundle): boolean {
    try {
      this.#verify(text, view, readTrust(bundle));
      return true;
    } catch (error) {
      if (!isGlasskeyError(error)) throw error;
      return false;
    }
  }

  #verify(text: string, view: TreeView, trust: Trust): void {
    const { now, ending } = this.#operation;
    const { maxAgeMs = trust.config.maxBehindMs + MAX_WITNESS_AHEAD_MS } = this.#options;
    const { timestampMs, prefixRoot } = view.frontier.at(-1) as RetainedEntry;
    verifyWitnessedHead(
      text,
      { size: view.size, timestampMs, prefixRoot, logRoot: viewRoot(view) },
      {
        origin: trust.bundle.origin,
        vkeys: trust.bundle.auditLogVkeys.map(parseVkey),
        policy: trust.policy,
        configuration: parseBase64(trust.bundle.keytransConfiguration),
      },
      // The last head of a log that has ended gets no younger cosignature.
      { nowMs: now(), maxAgeMs: ending.end === undefined ? maxAgeMs : Infinity },
    );
  }

  /** Fetches the proof of a size. A server without one throws `not-witnessed`: a missing proof is no excuse. */
  async #fetchProof(size: number): Promise<string> {
    try {
      return await this.#operation.transport.getText(`${PROOF_PREFIX}${size}`);
    } catch (cause) {
      const isMissing = cause instanceof ServerRefusal && isGlasskeyError(cause, 'not-found');
      if (!isMissing) throw cause;
      throw new GlasskeyError('not-witnessed', `the server has no proof that witnesses saw size ${size}`, { cause });
    }
  }
}
