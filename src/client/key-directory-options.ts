import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import type { Fetch } from '../core/net/bounded-fetch.ts';
import type { StateStore } from './state/client-state.ts';

/** Options of `KeyDirectory.open`. */
export interface KeyDirectoryOptions {
  /** http or https URL of the server. */
  readonly server: string;
  /** The client's state. A client that loses it notices less. */
  readonly state: StateStore;
  /**
   * The trust bundle that the server is held to. Default: the one in the state, or else the server's, pinned on first
   * use.
   */
  readonly bundle?: SignedTrustBundle | undefined;
  /**
   * The fingerprint of the trust bundle, in hex, which the operator published or a person confirmed. The server's
   * bundle must have it, or follow a pinned one that had it. Default: none.
   */
  readonly fingerprint?: string | undefined;
  /** Default: the platform's. */
  readonly fetch?: Fetch | undefined;
  /** ms since the epoch; default: the platform's clock. */
  readonly now?: (() => number) | undefined;
  /**
   * Makes no requests, so operations that need one throw `network-failed`. Needs a given or pinned bundle. For an app
   * that may come online later, leave it out: a directory opens without a network too.
   */
  readonly offline?: boolean | undefined;
  /**
   * Greatest age of the witnesses' cosignatures, ms. Default: the lag that the log's Configuration allows a head, and
   * five minutes for the witnesses' clocks.
   */
  readonly witnessMaxAgeMs?: number | undefined;
  /**
   * Returns a lookup token of the application, for a server that answers about some names only to bearers. Called
   * before every request, so that the token can be a fresh one. Default: none.
   */
  readonly lookupToken?: (() => string | Promise<string>) | undefined;
  /** Longest wait for a whole answer, ms. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Ends every request, those under way and those to come, as `network-failed`. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
}
