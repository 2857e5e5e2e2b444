import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import {
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
  MAXIMUM_BATCH_LABELS,
  type LookupBatchOutcome,
} from '../../core/keytrans/lookup-batch-messages.ts';
import { lookupResponseCodec } from '../../core/keytrans/messages.ts';
import { type TreeView, viewRoot } from '../../core/keytrans/tree-view.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { refusalIn } from '../transport.ts';
import { acceptLookup, lookUpIdentity, type LookupResult, resultOf } from './lookup.ts';
import { isOfOneIdentity } from './monitor-round.ts';
import type { Operation, Run } from './operation.ts';

/** One outcome of `KeyDirectory.lookupMany`: what `lookup` returns or throws for the name. */
export type LookupOutcome = { readonly asked: string } & Settled;

type Settled =
  | { readonly result: LookupResult; readonly error?: undefined }
  | { readonly result?: undefined; readonly error: unknown };

/** The outcome of one request. */
interface Turn {
  /** By canonical identity. */
  readonly settled: ReadonlyMap<string, Settled>;
  readonly rest: readonly Identity[];
  /** The error that stops the remaining requests, if any. */
  readonly stop?: { readonly error: unknown };
}

/**
 * Looks up many identities in few requests. Verifies each answer as {@link lookUpIdentity} does; one failure does not
 * affect the others. Never throws: an error that concerns all is the outcome of each identity that is still open.
 */
export async function lookupMany(
  run: Run,
  identify: (text: string) => Identity,
  texts: readonly string[],
): Promise<readonly LookupOutcome[]> {
  const wanted = new Map<string, Identity>();
  const named = texts.map((asked) => {
    try {
      const identity = identify(asked);
      wanted.set(identity.text, identity);
      return { asked, name: identity.text };
    } catch (error) {
      return { asked, result: undefined, error };
    }
  });
  const settled = await settleAll(run, [...wanted.values()]);
  return named.map((one): LookupOutcome => {
    const { asked } = one;
    const { result, error } = one.name === undefined ? one : (settled.get(one.name) as Settled);
    return result === undefined ? { asked, error } : { asked, result };
  });
}

async function settleAll(run: Run, identities: readonly Identity[]): Promise<ReadonlyMap<string, Settled>> {
  const settled = new Map<string, Settled>();
  let rest = identities;
  while (rest.length > 0) {
    const toDo = rest;
    const turn = await run((operation, state) => lookupTurn(operation, state, toDo)).catch((error: unknown): Turn => {
      return { settled: new Map(), rest: toDo, stop: { error } };
    });
    for (const [name, one] of turn.settled) settled.set(name, one);
    ({ rest } = turn);
    const { stop } = turn;
    if (stop === undefined) continue;
    for (const { text } of rest) settled.set(text, stop);
    rest = [];
  }
  return settled;
}

/** Makes one request: for one own identity, whose owner may have more to ask, or else for as many others as fit. */
async function lookupTurn(
  operation: Operation,
  state: ClientState,
  identities: readonly Identity[],
): Promise<StateChange<Turn>> {
  const own = identities.find(({ text }) => state.owners.has(text));
  if (own !== undefined) return ownTurn(operation, state, own, identities);
  const batch = identities.slice(0, MAXIMUM_BATCH_LABELS);
  const outcomes = await ask(operation, state.view, batch);
  const settled = new Map<string, Settled>();
  let next = state;
  let stop: Turn['stop'];
  for (const [i, outcome] of outcomes.entries()) {
    const identity = batch[i] as Identity;
    if (outcome.type === 'later') continue;
    if (outcome.type === 'refused') {
      const error = refusalIn(outcome.problem);
      settled.set(identity.text, { error });
      // No later batch would fare better.
      if (isGlasskeyError(error, 'rate-limited')) stop = { error };
      continue;
    }
    try {
      const change = await accept(operation, { state, next }, identity, outcome.response);
      ({ next } = change);
      settled.set(identity.text, { result: change.result });
    } catch (error) {
      settled.set(identity.text, { error });
      if (isOfOneIdentity(error)) continue;
      stop = { error };
      break;
    }
  }
  const isNew = next !== state;
  const errors = [...settled.values()].map(({ error }) => error);
  // All answers show one head. If it is too old, the log may have ended, which the catcher of this error finds out.
  const tooOld = errors.filter((error) => isGlasskeyError(error, 'tree-head-too-old'));
  if (tooOld[0] !== undefined && tooOld.length === errors.length) throw tooOld[0];
  const rest = identities.filter(({ text }) => !settled.has(text));
  const result = { settled, rest, ...(stop === undefined ? {} : { stop }) };
  return isNew ? { next, result } : { result };
}

async function ownTurn(
  operation: Operation,
  state: ClientState,
  own: Identity,
  identities: readonly Identity[],
): Promise<StateChange<Turn>> {
  const rest = identities.filter((one) => one !== own);
  const turn = (settled: Settled): Turn => ({ settled: new Map([[own.text, settled]]), rest });
  try {
    const { next, result } = await lookUpIdentity(operation, state, own);
    return { next, result: turn({ result }) };
  } catch (error) {
    if (!isOfOneIdentity(error) || isGlasskeyError(error, 'tree-head-too-old')) throw error;
    return { result: turn({ error }) };
  }
}

/** Requests a batch. Throws `bad-response` for an answer that is about another batch or settles nothing. */
async function ask(
  { transport }: Operation,
  view: TreeView | undefined,
  batch: readonly Identity[],
): Promise<readonly LookupBatchOutcome[]> {
  const request = { last: view?.size, labels: batch.map(({ label }) => label) };
  const { outcomes } = await transport.postKeytrans(
    PATHS.lookupBatch,
    [lookupBatchRequestCodec, request],
    lookupBatchResponseCodec,
  );
  ensure(outcomes.length === batch.length, 'bad-response', 'the answer is about another number of names');
  ensure(outcomes[0]?.type !== 'later', 'bad-response', 'the server puts the first name off');
  return outcomes;
}

/**
 * Takes one answer into the state after others of the same batch. All were made for the view that the batch advertised,
 * so only their common head connects them. Throws `view-mismatch` if their heads differ.
 */
async function accept(
  operation: Operation,
  { state, next }: { readonly state: ClientState; readonly next: ClientState },
  identity: Identity,
  response: Uint8Array,
): Promise<Required<StateChange<LookupResult>>> {
  const answer = decode(lookupResponseCodec(operation.trust.config), response);
  const found = await acceptLookup(operation, next, identity, { answer, view: state.view });
  if (next !== state) assertSameHead(next.view, found.next.view);
  return resultOf(identity, found);
}

function assertSameHead(one: TreeView | undefined, other: TreeView | undefined): void {
  const isSame = one !== undefined && other !== undefined && one.size === other.size;
  ensure(isSame && equalBytes(viewRoot(one), viewRoot(other)), 'view-mismatch', 'one answer shows two tree heads');
}
