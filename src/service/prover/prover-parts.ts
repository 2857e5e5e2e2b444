import type { AnswerVerifier } from './answer-verifier.ts';
import type { AuditorHeads } from './auditor-heads.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { ProofMaker } from './proof-maker.ts';

/** The parts that all operations of the prover share. */
export interface ProverParts {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly auditor: AuditorHeads;
  readonly proofs: ProofMaker;
  readonly verifier: AnswerVerifier;
}
