import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Alert, ClientState, StateChange, VerifiedMark } from '../state/client-state.ts';
import { alertsAbout } from '../binding/alerts.ts';
import type { Operation } from './operation.ts';

/** Keys of a contact that the user has compared with their owner. */
export type ComparedKeys = Pick<VerifiedMark, 'version' | 'commitment' | 'keys'>;

/** A mark, and whether the keys changed since without a signature of their owner (`lostAt`). */
export type MarkedKeys = VerifiedMark;

/**
 * Marks the keys of a contact. Throws `keys-changed` unless they are those of the newest version that this client has
 * seen, and nothing about it waits to be acknowledged; `usage` for an own name.
 */
export function markKeys(
  { now }: Operation,
  state: ClientState,
  { text }: Identity,
  { version, commitment, keys }: ComparedKeys,
): StateChange<MarkedKeys> {
  ensure(!state.owners.has(text), 'usage', `${text} is the user's own name: its keys need no mark`);
  const held = state.contacts.get(text);
  const isNewest = held !== undefined && held.version === version && equalBytes(held.commitment, commitment);
  ensure(isNewest, 'keys-changed', `${text} has another version by now. Next: compare the new safety number`);
  const [alert] = alertsAbout(state, text);
  ensure(alert === undefined, 'keys-changed', `acknowledge this first: ${alert?.reason}`);
  const mark: VerifiedMark = { version, commitment, keys, markedAtMs: now() };
  return { next: { ...state, verified: new Map(state.verified).set(text, mark) }, result: mark };
}

/** Returns the mark of a contact. An alert about a later version takes it away, acknowledged or not. */
export function markOf(state: ClientState, text: string): MarkedKeys | undefined {
  return withLostMarks(state, state.alerts).verified.get(text);
}

/** Returns a state without the mark of a contact. */
export function withoutMark(state: ClientState, text: string): ClientState {
  const verified = new Map(state.verified);
  verified.delete(text);
  return { ...state, verified };
}

/**
 * Returns a state whose marks have lost what alerts take from them. Every change that no key of the contact signed has
 * an alert (`changeAlerts`), and what the service does by itself adds no key: so a mark that is not lost knows of every
 * key that came without its owner.
 */
export function withLostMarks(state: ClientState, alerts: readonly Alert[]): ClientState {
  const lost = [...state.verified].flatMap(([identity, mark]): [string, VerifiedMark][] => {
    if (mark.lostAt !== undefined) return [];
    const alert = alerts.find((one) => one.identity === identity && one.version > mark.version);
    return alert === undefined ? [] : [[identity, { ...mark, lostAt: alert.version }]];
  });
  return lost.length === 0 ? state : { ...state, verified: new Map([...state.verified, ...lost]) };
}
