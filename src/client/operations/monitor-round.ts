import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { CLOCK_CODES } from '../binding/alerts.ts';
import { ServerRefusal } from '../transport.ts';
import { type ContactMonitored, monitorContact } from './monitor-contact.ts';
import { monitorOwned, type OwnerMonitored } from './monitor-owned.ts';
import { identitiesToMonitor } from './monitoring-due.ts';
import type { Operation, Run } from './operation.ts';

/** The outcome of monitoring one identity. */
export type Monitored = OwnerMonitored | ContactMonitored;

/** The outcome of one turn of a round. */
interface RoundTurn {
  readonly results: readonly Monitored[];
  /** Failures; nothing of them was stored. */
  readonly failures: readonly unknown[];
  /** Identities that are not monitored yet. */
  readonly rest: readonly Identity[];
}

/** The results of a round, and what failed in it. */
export type Round = Pick<RoundTurn, 'results' | 'failures'>;

/** Monitors identities in as many turns as it takes; without `texts`, all that need it. */
export async function monitorRound(
  run: Run,
  identify: (text: string) => Identity,
  texts: readonly string[] | undefined,
): Promise<Round> {
  let rest: readonly Identity[] | undefined = texts?.map((text) => identify(text));
  const results: Monitored[] = [];
  const failures: unknown[] = [];
  do {
    const turn: RoundTurn = await run((operation, state) => {
      const toDo = rest ?? identitiesToMonitor(state).map((text) => identify(text));
      return monitorTurn(operation, state, toDo);
    });
    results.push(...turn.results);
    failures.push(...turn.failures);
    ({ rest } = turn);
  } while (rest.length > 0);
  return { results, failures };
}

/** Longest time that a turn keeps other operations from the state, ms. */
const TURN_MS = 4_000;

/**
 * Monitors identities one after the other in one change of the state; each continues from the tree head of the one
 * before. A failure changes nothing and does not stop the others: a contact whose versions expired must not keep an
 * owner from learning of a false key. Ends early if the server does not answer, and after a few seconds.
 */
async function monitorTurn(
  operation: Operation,
  state: ClientState,
  identities: readonly Identity[],
): Promise<StateChange<RoundTurn>> {
  const until = operation.now() + TURN_MS;
  const results: Monitored[] = [];
  const failures: unknown[] = [];
  let next = state;
  let rest: readonly Identity[] = [];
  for (const [i, identity] of identities.entries()) {
    if (operation.now() > until) {
      rest = identities.slice(i);
      break;
    }
    try {
      const change = await monitorOne(operation, next, identity);
      next = change.next ?? next;
      results.push(change.result);
    } catch (error) {
      failures.push(naming(identity, error));
      if (!isOfOneIdentity(error)) break;
    }
  }
  return { ...(next === state ? {} : { next }), result: { results, failures, rest } };
}

function monitorOne(operation: Operation, state: ClientState, identity: Identity): Promise<StateChange<Monitored>> {
  const isOwn = state.owners.has(identity.text);
  return isOwn ? monitorOwned(operation, state, identity) : monitorContact(operation, state, identity);
}

/** Returns true if a failure is about one identity, and false for a server that is busy or does not answer. */
export function isOfOneIdentity(error: unknown): boolean {
  if (!isGlasskeyError(error)) return false;
  return !(['network', 'overload', 'storage', 'internal'] as const).some((fault) => error.fault === fault);
}

/** Names the identity in the message: in a round of many, the user must see which one failed. */
function naming({ text }: Identity, error: unknown): unknown {
  if (!isMisbehaviour(error)) return error;
  return new GlasskeyError(error.code, `${text}: ${error.message}`, { cause: error });
}

function isMisbehaviour(error: unknown): error is GlasskeyError {
  if (!isGlasskeyError(error) || error instanceof ServerRefusal) return false;
  return error.fault === 'verification' || error.fault === 'decode';
}

/**
 * Returns the failure to report, or undefined if there is none. Misbehaviour comes first, and last among it what may be
 * only a wrong clock: otherwise a server could hide one failure behind another.
 */
export function worstFailure(failures: readonly unknown[]): unknown {
  const misbehaviour = failures.filter(isMisbehaviour);
  return misbehaviour.find(({ code }) => !CLOCK_CODES.has(code)) ?? misbehaviour[0] ?? failures[0];
}
