import { ensure, GlasskeyError } from '../../core/errors.ts';
import { isExpired } from '../../core/keytrans/expiry.ts';
import type { ClientState } from '../state/client-state.ts';
import { updateHeads } from './heads.ts';
import type { Operation } from './operation.ts';

/** A client's own record of what it monitors. */
export interface MonitoringRecord {
  /** The log entries where monitoring continues; at least one. */
  readonly positions: readonly number[];
  /** Time of the last monitoring, by the client's clock, ms. */
  readonly monitoredAtMs: number | undefined;
}

/**
 * Judges a server's word, without proof, that monitoring would inspect entries past the maximum lifetime. Fetches the
 * newest tree head and compares its timestamp with the client's own record. Returns the state with that head if the
 * entries may have expired. Throws `version-rolled-back` if they cannot have, and verification errors.
 */
export async function assertMayHaveExpired(
  operation: Operation,
  state: ClientState,
  { positions, monitoredAtMs }: MonitoringRecord,
  refusal: GlasskeyError,
): Promise<ClientState> {
  const next = await updateHeads(operation, state);
  const { config } = operation.trust;
  const newest = next.view?.frontier.at(-1);
  ensure(newest !== undefined, 'internal', 'a verified tree head without a newest entry');
  // Monitoring inspects only entries at or right of these.
  const first = Math.min(...positions);
  const shown = [...(state.view?.frontier ?? []), ...state.distinguished, ...next.distinguished];
  const known = shown.filter(({ position }) => position <= first).map(({ timestampMs }) => timestampMs);
  // The newest entry of that time was within `max_behind` of the clock, or the last one of a log that has ended. What
  // was left to monitor began less than a window before it (KT appendix D).
  const beforeMs = config.maxBehindMs + config.reasonableMonitoringWindowMs;
  if (monitoredAtMs !== undefined) known.push(Math.min(monitoredAtMs, newest.timestampMs) - beforeMs);
  if (isExpired(config, Math.max(0, ...known), newest.timestampMs)) return next;
  const message = `the server says that entry ${first} is past its lifetime, but it is not: ${refusal.message}`;
  throw new GlasskeyError('version-rolled-back', message, { cause: refusal });
}
