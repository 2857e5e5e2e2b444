import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { RequestSettings } from '../log/reloadable.ts';
import type { TokenInfo } from '../log/tokens.ts';
import type { Prover } from '../prover/prover.ts';
import type { Admission } from './admission.ts';
import type { Made, SettledRecovery } from './made.ts';
import type { Singleflight } from './singleflight.ts';

/** The parts of the pipeline that all requests share. */
export interface Pipeline {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly prover: Prover;
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
