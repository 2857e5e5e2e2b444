import type { MonitorMapEntry } from '../../core/keytrans/contact-monitor-messages.ts';
import type { KnownHead } from '../../core/keytrans/known-head.ts';
import type { UnsettledCredential } from '../../core/keytrans/settle-credential.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import type { KnownVersion } from '../../core/keytrans/verify-search.ts';

/** A version that remains to be monitored (KT §8.2): the greatest one proved to exist at a position of the log. */
export type MonitoredVersion = MonitorMapEntry;

/** A client's knowledge of one identity. */
export interface KnownContact {
  readonly version: number;
  /** Commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
  /** The encoded IdentityRecord of that version. */
  readonly value: Uint8Array;
  /** Ascending by position; no position and no version twice. Empty if nothing is left to monitor. */
  readonly monitored: readonly MonitoredVersion[];
  /** Verifies the monitoring ladders of {@link KnownContact.monitored} (KT §8.1); ascending by version. */
  readonly ladder: readonly KnownVersion[];
  /** Time of the last monitoring, by the client's clock, ms; undefined if there was none since the lookup. */
  readonly monitoredAtMs: number | undefined;
}

/** The origin of a version of an own label; `decideOrigin` decides it. */
export type OwnedOrigin =
  /** The owner asked for it, and this client verified it. */
  | 'made'
  /** It was there when the owner took the label over. */
  | 'adopted'
  /** An act of the CA that takes no valid key and adds none: a renewal, an expiry. */
  | 'maintenance'
  /** The owner did not ask for it. Reported, and not acknowledged yet. */
  | 'unexpected'
  /** Unexpected, and acknowledged by the owner. */
  | 'acknowledged';

/** A version of an own label that its owner knows. */
export interface OwnedVersion {
  readonly version: number;
  /** 32 bytes. */
  readonly commitment: Uint8Array;
  readonly origin: OwnedOrigin;
  /** SHA-256 of each certified key (SPKI), sorted; undefined if the owner never saw the record. */
  readonly spkis: readonly Uint8Array[] | undefined;
}

/** A client's knowledge of a label that is its user's own. */
export interface OwnedLabel {
  /**
   * KEYTRANS's OwnerState (KT §8.3), as `ownerStateCodec` writes it; undefined until the log has a distinguished entry.
   */
  readonly state: Uint8Array | undefined;
  /** Ascending by version; no version twice. */
  readonly versions: readonly OwnedVersion[];
  /** Time of the last monitoring up to the rightmost distinguished entry, by the client's clock, ms. */
  readonly monitoredAtMs: number | undefined;
}

/** A finding to show to the user, at every operation, until the user acknowledges it. */
export interface Alert {
  /** Canonical. */
  readonly identity: string;
  /**
   * `operator`, `recovery`, `unexplained`: a change of a contact's keys (docs/spec.md#what-a-contact-is-told).
   * `unexpected-version`: a version of an own label that its owner did not make (`decideOrigin` in
   * operations/unexpected-version.ts). `unexplained` also reports monitoring that was interrupted for too long.
   */
  readonly type: 'operator' | 'recovery' | 'unexplained' | 'unexpected-version';
  /** The version that the alert is about. */
  readonly version: number;
  /** The finding, in words. */
  readonly reason: string;
  /** The encoded IdentityRecord of that version, if the log showed it. */
  readonly value: Uint8Array | undefined;
  /** By the client's clock, ms. */
  readonly seenAtMs: number;
  /**
   * True if the client's own absence explains the alert, so that no log need have lied: the state was not monitored for
   * a whole monitoring window, or was restored from an old copy. Default: false.
   */
  readonly afterAbsence?: true;
}

/** A provisional credential (KT §14.2) that passed the initial verification and awaits the final one. */
export interface PendingCredential {
  /** Canonical identity of its subject. */
  readonly identity: string;
  readonly unsettled: UnsettledCredential;
  /** By the client's clock, ms. */
  readonly receivedAtMs: number;
  /**
   * The time before which monitoring does not ask the log for its update, by the client's clock, ms. It is random, so
   * that the request does not tell when the credential was read. Undefined: at once.
   */
  readonly askAtMs?: number | undefined;
}

/** The circumstances under which a trust bundle was pinned. */
export interface PinnedAt {
  /** URL of the server that showed the pinned bundle last, as `serverBase` writes it. */
  readonly server: string;
  /** The fingerprint that a person confirmed; the pinned bundle has it, or follows one that has it. */
  readonly fingerprint?: string | undefined;
  /** The trust bundle that the pinned one succeeded, as JSON text: entries made before the change are of it. */
  readonly previous?: string | undefined;
  /** True once the log has shown a head under the pinned bundle: `previous` excuses no head from then on. */
  readonly settled?: true | undefined;
}

/** The keys of a contact, as the user has compared them with their owner. */
export interface VerifiedMark {
  readonly version: number;
  /** Commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
  /** Names of the keys with their companion keys (`certifiedKeysHash`), ascending. */
  readonly keys: readonly Uint8Array[];
  /** By the client's clock, ms. */
  readonly markedAtMs: number;
  /** A later version by which the keys changed without a signature of their owner: the mark holds no more. */
  readonly lostAt?: number | undefined;
}

/** Everything that a client keeps about one log. A client that loses it notices less. */
export interface ClientState {
  /** The pinned trust bundle with its signatures, as JSON text. */
  readonly bundle: string | undefined;
  /** The circumstances of its pinning; undefined in states that earlier versions wrote. */
  readonly pinned: PinnedAt | undefined;
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
  /** The progress of the audit, as its own JSON text. */
  readonly audit: string | undefined;
  /**
   * URLs of servers that answered a question with a signed tree head. No copy of the log's files can do so: what these
   * show, the log shows.
   */
  readonly logServers: readonly string[];
  /** Marks of contacts, by canonical identity. */
  readonly verified: ReadonlyMap<string, VerifiedMark>;
}

/** The state of a client that knows nothing yet. */
export const EMPTY_STATE: ClientState = {
  bundle: undefined,
  pinned: undefined,
  view: undefined,
  contacts: new Map(),
  owners: new Map(),
  alerts: [],
  distinguished: [],
  credentials: [],
  audit: undefined,
  logServers: [],
  verified: new Map(),
};

/** The outcome of an operation: its result, and the `next` state if it changes. */
export interface StateChange<T> {
  readonly next?: ClientState;
  readonly result: T;
}

/** A place for a client's state. {@link StateStore.transact} runs one operation at a time. */
export interface StateStore {
  /**
   * Reads the state, runs `work`, and stores the `next` state that it returns, durably, before it resolves with the
   * result. Stores nothing if `work` throws. Throws `state-locked`, `state-corrupt`, `storage-failed`.
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
