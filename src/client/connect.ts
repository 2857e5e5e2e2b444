import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { type Fetch, platformFetch } from '../core/net/bounded-fetch.ts';
import type { StateStore } from './state/client-state.ts';
import { endedState } from './ended-state.ts';
import { LateTrust } from './late-trust.ts';
import { rememberingServer } from './log-servers.ts';
import { type HeldToNewest, newestTrust } from './newest-trust.ts';
import type { KeyDirectoryOptions } from './key-directory-options.ts';
import type { Operation } from './operations/operation.ts';
import { readFingerprint } from './pinned-log.ts';
import { assertPlatform } from './platform.ts';
import { Transport } from './transport.ts';
import { type GivenTrust, knownTrust, settleTrust, type Trust, type TrustOrigin } from './trust.ts';
import { witnessedState } from './witnessed-state.ts';

/** An open directory: what its operations work with, and where they keep what they learn. */
export interface Connection {
  readonly operation: Operation;
  /** Refuses tree heads that the policy's witnesses have not seen, and those after the end of the log. */
  readonly state: StateStore;
  readonly trustOrigin: TrustOrigin;
  /** Runs work once the server's bundle is settled, if the work makes requests at all. */
  readonly settled: HeldToNewest;
  readonly heldToNewest: HeldToNewest;
}

/** The trust of a connection. It changes when the log shows a signed successor of the bundle. */
interface Held {
  trust: Trust;
  readonly origin: TrustOrigin;
}

/**
 * Connects to a server and settles which trust bundle holds it. If the server cannot be reached, takes the bundle that
 * the state has pinned, and settles it before the first request that follows. Offline, takes the given or pinned bundle
 * and makes no request at all. Throws what `settleTrust` and `knownTrust` throw, `bad-bundle`, `state-corrupt`,
 * `network-failed` if no bundle is pinned, and `usage` for a malformed fingerprint, or if there is no bundle offline;
 * `platform-unsupported`.
 */
export async function connect(options: KeyDirectoryOptions): Promise<Connection> {
  assertPlatform({ hasFetch: options.fetch !== undefined });
  const { bundle, fingerprint, state: store, fetch = platformFetch } = options;
  const given = { bundle, fingerprint: fingerprint === undefined ? undefined : readFingerprint(fingerprint) };
  if (options.offline === true) return connectOffline(options, given);
  const asking = transportOf(options, fetch);
  const late = new LateTrust(fetch, async () => {
    held.trust = (await settled(asking, store, given)).trust;
  });
  const held = await settled(asking, store, given).catch(async (error: unknown) => {
    const pinned = await pinnedInstead(error, options, given);
    late.defer();
    return pinned;
  });
  const operation = operationOf(options, transportOf(options, late.fetch), held);
  const newest = newestTrust(asking, store, held);
  const witnessed = witnessedState(rememberingServer(store, asking.server), operation, {
    maxAgeMs: options.witnessMaxAgeMs,
  });
  return {
    operation,
    state: endedState(witnessed, operation),
    trustOrigin: held.origin,
    settled: late.run,
    heldToNewest: (work, failuresOf) => late.run(() => newest(work, failuresOf), failuresOf),
  };
}

async function connectOffline(options: KeyDirectoryOptions, given: GivenTrust): Promise<Connection> {
  const held: Held = await options.state.transact(async (state) => ({ result: knownTrust(state, given) }));
  const operation = operationOf(options, transportOf(options, refuse), held);
  const run: HeldToNewest = (work) => work();
  return { operation, state: options.state, trustOrigin: held.origin, settled: run, heldToNewest: run };
}

/** Stands for `fetch` in a directory that was opened to make no requests. */
const refuse: Fetch = async () => {
  throw new GlasskeyError('network-failed', 'this directory was opened with `offline`, and makes no requests');
};

function transportOf({ server, timeoutMs, signal, lookupToken }: KeyDirectoryOptions, fetch: Fetch): Transport {
  return new Transport({ server, fetch, timeoutMs: timeoutMs ?? 30_000, signal, lookupToken });
}

function operationOf({ now = Date.now }: KeyDirectoryOptions, transport: Transport, held: Held): Operation {
  return {
    transport,
    get trust() {
      return held.trust;
    },
    now,
    ending: { end: undefined },
  };
}

async function settled(transport: Transport, store: StateStore, given: GivenTrust): Promise<Held> {
  return store.transact(async (state) => {
    const { next, ...held } = await settleTrust(transport, state, given);
    return { next, result: held };
  });
}

/**
 * Returns the pinned trust for a server that could not be reached. Throws `error` for every other failure, if nothing
 * is pinned, if the pinned bundle does not have what the caller gave, and if the caller has ended every request.
 */
async function pinnedInstead(error: unknown, options: KeyDirectoryOptions, given: GivenTrust): Promise<Held> {
  if (!isGlasskeyError(error, 'network-failed') || options.signal?.aborted === true) throw error;
  return options.state.transact(async (state) => {
    if (state.bundle === undefined) throw error;
    try {
      return { result: knownTrust(state, given) };
    } catch (reason) {
      // An app that brings a newer bundle than the pinned one has to ask.
      throw isGlasskeyError(reason, 'usage') ? error : reason;
    }
  });
}
