import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import type { StateStore } from './state/client-state.ts';
import type { Fetch } from './transport.ts';

/** How to open a directory. */
export interface KeyDirectoryOptions {
  /** http or https URL of the server. */
  readonly server: string;
  /** Where what the client knows is kept. Losing it loses what it could notice. */
  readonly state: StateStore;
  /** The trust bundle to hold the server to. Default: the one in the state; else the server's, pinned on first use. */
  readonly bundle?: SignedTrustBundle | undefined;
  /** Default: the platform's. */
  readonly fetch?: Fetch | undefined;
  /** ms since the epoch; default: the platform's clock. */
  readonly now?: (() => number) | undefined;
  /** Ask nobody: only `KeyDirectory.verifyCredential` is of use then. Needs a bundle that is given or pinned. */
  readonly offline?: boolean | undefined;
  /**
   * How old the cosignatures of the bundle's witnesses may be, ms. Default: what the log's Configuration lets a head be
   * behind, and five minutes for the witnesses' clocks.
   */
  readonly witnessMaxAgeMs?: number | undefined;
  /**
   * Gives a lookup token of the application, where the server tells of some names to bearers only: asked for at every request, so that
   * it can be a fresh one. Default: none.
   */
  readonly lookupToken?: (() => string | Promise<string>) | undefined;
  /** Longest wait for an answer, ms. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
}
