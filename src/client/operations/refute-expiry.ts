import { ensure, GlasskeyError } from '../../core/errors.ts';
import { isExpired } from '../../core/keytrans/expiry.ts';
import type { ClientState, KnownContact } from '../state/client-state.ts';
import { updateHeads } from './heads.ts';
import type { Operation } from './operation.ts';

/** A client's own record of what it monitors. */
export interface MonitoringRecord {
  /** The log entries where monitoring continues; at least one. */
  readonly positions: readonly number[];
  /** Time of the last monitoring, by the client's clock, ms. */
  readonly monitoredAtMs: number | undefined;
  /** Entries this much younger than the maximum lifetime may count as past it, ms. Default: 0. */
  readonly marginMs?: number | undefined;
}

/**
 * Judges a server's word, without proof, that monitoring would inspect entries past the maximum lifetime. Fetches the
 * newest tree head and compares its timestamp with the client's own record. Returns the state with that head if the
 * entries may have expired. Throws `version-rolled-back` if they cannot have, and verification errors.
 */
export async function assertMayHaveExpired(
  operation: Operation,
  state: ClientState,
  { positions, monitoredAtMs, marginMs = 0 }: MonitoringRecord,
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
  if (isExpired(config, Math.max(0, ...known) - marginMs, newest.timestampMs)) return next;
  const message = `the server says that entry ${first} is past its lifetime, but it is not: ${refusal.message}`;
  throw new GlasskeyError('version-rolled-back', message, { cause: refusal });
}

/**
 * Judges a server's word, without proof, that one version cannot be looked up because it is past the maximum lifetime
 * (KT §7.2). That is so only if a later version was there less than a window after an entry that has expired. Throws
 * `version-rolled-back` if this client monitors the label at a younger entry that holds no later version, or if nothing
 * expires in the log; else, returns.
 */
export async function assertVersionMayHaveExpired(
  operation: Operation,
  state: ClientState,
  contact: KnownContact | undefined,
  version: number,
  refusal: GlasskeyError,
): Promise<void> {
  const { maximumLifetimeMs, reasonableMonitoringWindowMs: marginMs } = operation.trust.config;
  const isEver = maximumLifetimeMs !== undefined;
  ensure(isEver, 'version-rolled-back', `the server calls version ${version} expired, but nothing expires in this log`);
  const newest = contact?.monitored.findLast((one) => one.version <= version);
  if (contact === undefined || newest === undefined) return;
  const record = { positions: [newest.position], monitoredAtMs: contact.monitoredAtMs, marginMs };
  await assertMayHaveExpired(operation, state, record, refusal);
}
