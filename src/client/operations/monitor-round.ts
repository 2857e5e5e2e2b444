import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { CLOCK_CODES } from '../binding/alerts.ts';
import { ServerRefusal } from '../transport.ts';
import { type ContactMonitored, monitorContact } from './monitor-contact.ts';
import { monitorOwned, type OwnerMonitored } from './monitor-owned.ts';
import { identitiesToMonitor } from './monitoring-due.ts';
import type { Operation, Run } from './operation.ts';

/** What monitoring one identity came to. */
export type Monitored = OwnerMonitored | ContactMonitored;

/** What one turn of a round came to. */
export interface RoundTurn {
  readonly results: readonly Monitored[];
  /** What failed, of which nothing was stored. */
  readonly failures: readonly unknown[];
  /** Not looked at yet. */
  readonly rest: readonly Identity[];
}

/** The results of a round, and what failed in it. */
export type Round = Pick<RoundTurn, 'results' | 'failures'>;

/** Monitors identities in as many turns as it takes, by default all that need it. `identify` makes one from its text. */
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

/** How long a turn may keep others from the state, ms. */
const TURN_MS = 4_000;

/**
 * Monitors identities one after the other, each going on from the tree head of the one before, in one change of the state. One
 * that fails changes nothing, and the others are monitored all the same: a contact whose versions expired must not keep an
 * owner from learning of a false key. Ends early where the server does not answer, and after a few seconds.
 */
export async function monitorTurn(
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

/** Whether a failure is about one identity: not so a server that does not answer, or one that is busy. */
export function isOfOneIdentity(error: unknown): boolean {
  if (!isGlasskeyError(error)) return false;
  return !(['network', 'overload', 'storage', 'internal'] as const).some((fault) => error.fault === fault);
}

/** In a round of many, its user has to know whose monitoring failed. */
function naming({ text }: Identity, error: unknown): unknown {
  if (!isMisbehaviour(error)) return error;
  return new GlasskeyError(error.code, `${text}: ${error.message}`, { cause: error });
}

function isMisbehaviour(error: unknown): error is GlasskeyError {
  if (!isGlasskeyError(error) || error instanceof ServerRefusal) return false;
  return error.fault === 'verification' || error.fault === 'decode';
}

/**
 * The failure to tell of: misbehaviour before everything else, and before what only a wrong clock may be: else a server could
 * hide the one behind the other. Undefined where there was none.
 */
export function worstFailure(failures: readonly unknown[]): unknown {
  const misbehaviour = failures.filter(isMisbehaviour);
  return misbehaviour.find(({ code }) => !CLOCK_CODES.has(code)) ?? misbehaviour[0] ?? failures[0];
}
