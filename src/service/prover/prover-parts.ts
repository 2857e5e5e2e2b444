import type { AnswerVerifier } from './answer-verifier.ts';
import type { AuditorHeads } from './auditor-heads.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { AssertMayAsk } from './lookup-policy.ts';
import type { ProofMaker } from './proof-maker.ts';
import type { RecentHeads } from './recent-heads.ts';
import type { Semaphore } from '../semaphore.ts';

/** Whoever asks over HTTP. */
export interface Asker {
  /** Counts a question about a label and throws unless it may be asked. */
  readonly assertMayAsk: AssertMayAsk;
  /** Counts a question about no label. Throws `rate-limited`. */
  readonly assertMayAskOfLog: () => void;
  /** Aborted as soon as the asker has gone. */
  readonly signal: AbortSignal | undefined;
  /** Askers with different keys take turns. */
  readonly key?: string;
}

/** The parts that all operations of the prover share. */
export interface ProverParts {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly auditor: AuditorHeads;
  readonly proofs: ProofMaker;
  readonly verifier: AnswerVerifier;
  /** Earlier sizes that a lookup may be answered from; undefined where every answer must be of the newest one. */
  readonly recent: RecentHeads | undefined;
  /** Bounds the answers to askers that are made at once. */
  readonly answering: Semaphore;
  /** Aborted as soon as nobody waits for this answer any more; undefined in the parts that requests share. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes an answer for an asker when its turn comes, with parts that stop working once the asker has gone. Throws
 * `overloaded`, and `invalid-request` for an asker that has gone.
 */
export function answerAsker<T>(
  parts: ProverParts,
  { signal, key }: Asker,
  answer: (parts: ProverParts) => Promise<T>,
): Promise<T> {
  return parts.answering.run(() => answer({ ...parts, signal, proofs: parts.proofs.until(signal) }), { signal, key });
}
