import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientKey } from '../client-key.ts';
import { addressesHash, formatMandate, MAX_CLAIMED_VERSIONS, mandateMessage } from '../mandate-text.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import type { Operation } from './operation.ts';

/** An owner's wishes for a mandate. */
export interface WatchOrder {
  /** The watcher's public key, 32 bytes. */
  readonly watcher: Uint8Array;
  /** Where the watcher tells of each version, as the watcher's interface names them. None: it shall stop. */
  readonly addresses: readonly string[];
  /** Time after which the mandate ends, ms. */
  readonly lifetimeMs: number;
}

/**
 * Signs a mandate for a watcher of an own identity (docs/spec.md#watch-mandates). It claims the newest versions that
 * this client made or accepted; `credentials` is a key of the newest of them. Its number is the time, so it replaces
 * every earlier mandate. Throws `usage` if this client accepts no version of the identity, `value-out-of-range`.
 */
export async function makeMandate(
  { trust, now }: Operation,
  { owners }: ClientState,
  { text, label }: Identity,
  credentials: ClientKey,
  { watcher, addresses, lifetimeMs }: WatchOrder,
): Promise<StateChange<string>> {
  const accepted = owners.get(text)?.versions.filter(({ origin }) => origin !== 'unexpected') ?? [];
  ensure(accepted.length > 0, 'usage', `this client knows no version of ${text} that its owner made`);
  const versions = accepted.slice(-MAX_CLAIMED_VERSIONS).map(({ version, commitment }) => ({ version, commitment }));
  const nowMs = now();
  const terms = {
    origin: trust.bundle.origin,
    label,
    watcher,
    number: nowMs,
    expiresMs: nowMs + lifetimeMs,
    addressesHash: addressesHash(addresses),
    versions,
  };
  const signature = await credentials.sign(mandateMessage(terms));
  return { result: formatMandate({ ...terms, signer: credentials.spki, signature }) };
}
