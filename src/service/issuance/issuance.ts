import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { RequestSettings } from '../log/reloadable.ts';
import type { SignedTree } from '../log/signed-tree.ts';
import type { TokenInfo } from '../log/tokens.ts';
import type { Prover } from '../prover/prover.ts';
import type { Admission } from './admission.ts';
import type { Singleflight } from './singleflight.ts';

/** A version that a request made, in the log, and the certificate that it brought. */
export interface Made {
  readonly version: number;
  readonly position: number;
  /** The certificate signed for it, DER; undefined for a revocation. */
  readonly certificate: Uint8Array | undefined;
  /** Serial of the certificate, lower-case hex. */
  readonly serial: string | undefined;
  /** Serials that a revocation removed from the record; none if that was done before. */
  readonly removed?: readonly string[] | undefined;
}

/** The standing of a recovery before it is proved to the client. */
export type SettledRecovery =
  | { readonly state: 'pending'; readonly version: number; readonly position: number; readonly effectiveMs: number }
  | { readonly state: 'undecided' }
  | ({ readonly state: 'effective' } & Made);

/** The parts of the pipeline that all requests share. */
export interface Pipeline {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly prover: Prover;
  readonly signedTree: SignedTree;
  readonly admission: Admission;
  /** Equal requests that run at the same time share one version, by their hash. */
  readonly requests: Singleflight<Made>;
  /** Equal tokens are looked up once. */
  readonly tokens: Singleflight<TokenInfo>;
  /** Equal recoveries that run at the same time share one. */
  readonly recoveries: Singleflight<SettledRecovery>;
  /** Starts a round of the keeper of recoveries: a recovery is pending, and its owner has to learn of it. */
  readonly recoveryAsked: () => void;
}

/** The pipeline as one request sees it. */
export interface Issuance extends Pipeline {
  readonly settings: RequestSettings;
}
