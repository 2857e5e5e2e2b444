import type { MonitorMapEntry } from '../../core/keytrans/contact-monitor-messages.ts';
import type { KnownHead } from '../../core/keytrans/known-head.ts';
import type { UnsettledCredential } from '../../core/keytrans/settle-credential.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import type { KnownVersion } from '../../core/keytrans/verify-search.ts';

/** A version that still has to be monitored (KT §8.2): the greatest version proved to exist at a position of the log. */
export type MonitoredVersion = MonitorMapEntry;

/** What a client knows of one identity. */
export interface KnownContact {
  readonly version: number;
  /** Commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
  /** The encoded IdentityRecord of that version. */
  readonly value: Uint8Array;
  /** Ascending by position; no position and no version twice. Empty: nothing is left to be monitored. */
  readonly monitored: readonly MonitoredVersion[];
  /** What the monitoring ladders of {@link monitored} are verified with (KT §8.1), ascending by version. */
  readonly ladder: readonly KnownVersion[];
  /** When {@link monitored} was last looked after, by the client's clock, ms; undefined: not since the lookup. */
  readonly monitoredAtMs: number | undefined;
}

/** How the owner of a label came to know one of its versions. */
export type OwnedOrigin =
  /** The owner asked for it and verified what the server made of it. */
  | 'made'
  /** It was there when the owner took the label over. */
  | 'adopted'
  /** The CA's own act, which adds no key: a renewal, an expiry, a revocation. */
  | 'maintenance'
  /** Nobody had asked for it: it was reported, and its owner has not said yet what to make of it. */
  | 'unexpected'
  /** It was unexpected, and its owner let it pass. */
  | 'acknowledged';

/** A version of an own label that its owner knows. */
export interface OwnedVersion {
  readonly version: number;
  /** 32 bytes. */
  readonly commitment: Uint8Array;
  readonly origin: OwnedOrigin;
  /** SHA-256 of each key (SPKI) that the version certifies, sorted; undefined where the owner never saw the record. */
  readonly spkis: readonly Uint8Array[] | undefined;
}

/** What a client keeps of a label that is its user's own. */
export interface OwnedLabel {
  /** KEYTRANS's OwnerState (KT §8.3), as `ownerStateCodec` writes it; undefined until the log has a distinguished entry. */
  readonly state: Uint8Array | undefined;
  /** Ascending by version; no version twice. */
  readonly versions: readonly OwnedVersion[];
  /** When the label was last monitored up to the rightmost distinguished entry, by the client's clock, ms. */
  readonly monitoredAtMs: number | undefined;
}

/** What has to be shown to the user, at every operation, until the user acknowledges it. */
export interface Alert {
  /** Canonical. */
  readonly identity: string;
  /**
   * `operator` and `unexplained`: how a contact's keys changed (DESIGN §7). `unexpected-version`: a version of an own label
   * that its owner did not make. `unexplained` also where a monitoring was interrupted for too long.
   */
  readonly type: 'operator' | 'unexplained' | 'unexpected-version';
  /** The version that the alert is about. */
  readonly version: number;
  /** What was seen, in words. */
  readonly reason: string;
  /** The encoded IdentityRecord of that version, where it was shown. */
  readonly value: Uint8Array | undefined;
  /** By the client's clock, ms. */
  readonly seenAtMs: number;
}

/** A provisional credential (KT §14.2) that passed initial verification and still has to pass the final one. */
export interface PendingCredential {
  /** Canonical identity of whom it is about. */
  readonly identity: string;
  readonly unsettled: UnsettledCredential;
  /** By the client's clock, ms. */
  readonly receivedAtMs: number;
}

/** Everything that a client keeps about one log. Losing it weakens what its owner can notice. */
export interface ClientState {
  /** The pinned trust bundle with its signatures, as JSON text. */
  readonly bundle: string | undefined;
  /** The last tree head that was verified. */
  readonly view: TreeView | undefined;
  /** By canonical identity. */
  readonly contacts: ReadonlyMap<string, KnownContact>;
  /** The user's own labels, by canonical identity. */
  readonly owners: ReadonlyMap<string, OwnedLabel>;
  /** Oldest first; at most one of a type for one version of an identity. */
  readonly alerts: readonly Alert[];
  /** Recent distinguished log entries (KT §10), left to right. */
  readonly distinguished: readonly KnownHead[];
  readonly credentials: readonly PendingCredential[];
  /** What an audit has verified so far, as its own JSON text. */
  readonly audit: string | undefined;
}

/** The state of a client that knows nothing yet. */
export const EMPTY_STATE: ClientState = {
  bundle: undefined,
  view: undefined,
  contacts: new Map(),
  owners: new Map(),
  alerts: [],
  distinguished: [],
  credentials: [],
  audit: undefined,
};

/** What an operation makes of a state: the `next` one, where it changes, and the operation's result. */
export interface StateChange<T> {
  readonly next?: ClientState;
  readonly result: T;
}

/** Where a client's state lives. One operation at a time: {@link StateStore.transact} runs them one after the other. */
export interface StateStore {
  /**
   * Reads the state, runs `work`, and stores what it returns as `next`, durably, before its result is given. Where `work`
   * throws, nothing is stored. Throws `state-locked`, `state-corrupt`, `storage-failed`.
   */
  transact<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T>;
}

/** State that lives as long as the object. */
export class MemoryState implements StateStore {
  #state: ClientState = EMPTY_STATE;
  #last: Promise<unknown> = Promise.resolve();

  transact<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    const run = async (): Promise<T> => {
      const { next, result } = await work(this.#state);
      if (next !== undefined) this.#state = next;
      return result;
    };
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
