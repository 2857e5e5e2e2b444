import { platformFetch } from '../core/net/bounded-fetch.ts';
import type { StateStore } from './state/client-state.ts';
import { endedState } from './ended-state.ts';
import { rememberingServer } from './log-servers.ts';
import { type HeldToNewest, newestTrust } from './newest-trust.ts';
import type { KeyDirectoryOptions } from './key-directory-options.ts';
import type { Ending, Operation } from './operations/operation.ts';
import { readFingerprint } from './pinned-log.ts';
import { assertPlatform } from './platform.ts';
import { Transport } from './transport.ts';
import { knownTrust, settleTrust, type TrustOrigin } from './trust.ts';
import { witnessedState } from './witnessed-state.ts';

/** An open directory: what its operations work with, and where they keep what they learn. */
export interface Connection {
  readonly operation: Operation;
  /** Refuses tree heads that the policy's witnesses have not seen, and those after the end of the log. */
  readonly state: StateStore;
  readonly trustOrigin: TrustOrigin;
  readonly heldToNewest: HeldToNewest;
}

/**
 * Connects to a server and settles which trust bundle holds it; offline, takes the given or pinned bundle without a
 * request. Throws what `settleTrust` and `knownTrust` throw, `bad-bundle`, `network-failed`, `state-corrupt`, and
 * `usage` for a malformed fingerprint, or if there is no bundle offline; `platform-unsupported`.
 */
export async function connect(options: KeyDirectoryOptions): Promise<Connection> {
  assertPlatform({ hasFetch: options.fetch !== undefined });
  const transport = new Transport({
    server: options.server,
    fetch: options.fetch ?? platformFetch,
    timeoutMs: options.timeoutMs ?? 30_000,
    signal: options.signal,
    lookupToken: options.lookupToken,
  });
  const { bundle, fingerprint } = options;
  const given = { bundle, fingerprint: fingerprint === undefined ? undefined : readFingerprint(fingerprint) };
  const { trust, origin: trustOrigin } = await options.state.transact(async (state) => {
    if (options.offline === true) return { result: knownTrust(state, given) };
    const settled = await settleTrust(transport, state, given);
    return { next: settled.next, result: settled };
  });
  const ending: Ending = { end: undefined };
  const current = { trust };
  const operation: Operation = {
    transport,
    get trust() {
      return current.trust;
    },
    now: options.now ?? Date.now,
    ending,
  };
  if (options.offline === true) {
    return { operation, state: options.state, trustOrigin, heldToNewest: (work) => work() };
  }
  const heldToNewest = newestTrust(transport, options.state, current);
  const remembering = rememberingServer(options.state, transport.server);
  const witnessed = witnessedState(remembering, operation, { maxAgeMs: options.witnessMaxAgeMs });
  return { operation, state: endedState(witnessed, operation), trustOrigin, heldToNewest };
}
