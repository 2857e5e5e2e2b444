import type { LookupBatchRequest } from '../../core/keytrans/lookup-batch-messages.ts';
import { keytransNodeHasher } from '../../core/log/node-hasher.ts';
import { EntryReader } from '../log/entry-reader.ts';
import type { LogContext } from '../log/log-context.ts';
import { LogNodeReader } from '../log/log-node-reader.ts';
import type { LogProgress } from '../log/log-progress.ts';
import { AnswerVerifier } from './answer-verifier.ts';
import type { AuditorHeads } from './auditor-heads.ts';
import { KEYTRANS_OPERATIONS, type KeytransOperation } from './keytrans-operations.ts';
import { type BatchOutcome, lookupBatch } from './lookup-batch.ts';
import { ProofMaker } from './proof-maker.ts';
import { answerAsker, type Asker, type ProverParts } from './prover-parts.ts';
import { RecentHeads } from './recent-heads.ts';
import { Semaphore } from '../semaphore.ts';

type Operations = typeof KEYTRANS_OPERATIONS;

/** Name of a KEYTRANS operation. */
export type KeytransName = keyof Operations;

/**
 * Answers KEYTRANS requests from the released log: one method for each row of {@link KEYTRANS_OPERATIONS}. It reads
 * nothing of a later size. Methods answer from the newest one, but for {@link lookupBatch}. A request takes one round
 * trip each for its label, for stored versions and for log tiles. It takes one or a few for log entries, and one for
 * each level of uncached prefix tiles. Only answers to askers wait for room ({@link answerAsker}): the server's own
 * questions must be answered under any load.
 */
export type Prover = {
  readonly [Name in KeytransName]: Operations[Name] extends KeytransOperation<infer Request, infer Response>
    ? (request: Request) => Promise<Response>
    : never;
} & {
  /** See {@link lookupBatch}. */
  lookupBatch(request: LookupBatchRequest, asker: Asker): Promise<readonly BatchOutcome[]>;
};

/** The same operations on encoded messages: see {@link KeytransOperation.run}. */
export type EncodedProver = Readonly<Record<KeytransName, (request: Uint8Array, asker?: Asker) => Promise<Uint8Array>>>;

/** Makes the parts that all operations on one log share. */
export function createProverParts(context: LogContext, progress: LogProgress, auditor: AuditorHeads): ProverParts {
  const { store, limits } = context;
  const entries = new EntryReader(store, limits.entryCacheSize);
  const nodes = new LogNodeReader(store, 'keytrans', keytransNodeHasher, limits.logTileCacheSize);
  progress.onLoss(() => {
    entries.clear();
    nodes.clear();
    context.prefixTiles.clear();
  });
  const proofs = new ProofMaker(context, entries, nodes);
  const verifier = new AnswerVerifier(context, entries, nodes);
  const { maxAnswersAtOnce: atOnce, maxAnswersWaiting: waiting, maxWaitingOfOne: waitingOfOne, patienceMs } = limits;
  const answering = new Semaphore({ atOnce, waiting, waitingOfOne, patienceMs });
  const recent = new RecentHeads({ context, progress, auditor, entries });
  return { context, progress, auditor, proofs, verifier, recent, answering, signal: undefined };
}

/** Makes a prover. */
export function createProver(parts: ProverParts): Prover {
  // The server's own questions prove what it has just made.
  const newest = { ...parts, recent: undefined };
  const methods = eachOperation(
    ({ answer }) =>
      (request: never) =>
        answer(newest, request),
  );
  return {
    ...(methods as Pick<Prover, KeytransName>),
    lookupBatch: (request, asker) =>
      answerAsker(parts, asker, (mine) => lookupBatch(mine, request, asker.assertMayAsk)),
  };
}

/** Makes a prover of encoded messages. */
export function createEncodedProver(parts: ProverParts): EncodedProver {
  return eachOperation(
    ({ run }) =>
      (request: Uint8Array, asker?: Asker) =>
        run(parts, request, asker),
  );
}

function eachOperation<Method>(make: (operation: Operations[KeytransName]) => Method): Record<KeytransName, Method> {
  const entries = Object.entries(KEYTRANS_OPERATIONS).map(([name, operation]) => [name, make(operation)]);
  return Object.fromEntries(entries) as Record<KeytransName, Method>;
}
