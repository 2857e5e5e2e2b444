import { canonicalBundle } from '../contract/bundle-signature.ts';
import { isGlasskeyError } from '../core/errors.ts';
import type { StateStore } from './state/client-state.ts';
import { ServerRefusal, type Transport } from './transport.ts';
import { settleTrust, type Trust } from './trust.ts';

/**
 * Runs work. If it fails and the log shows a signed successor of the bundle in use, the client takes that bundle up, as
 * a new connection would, and runs the work once more. `failuresOf` returns the failures that a result reports.
 */
export type HeldToNewest = <T>(work: () => Promise<T>, failuresOf?: (result: T) => readonly unknown[]) => Promise<T>;

/**
 * Returns a {@link HeldToNewest} for one connection. An honest log changes its auditor, witnesses, issuers or keys by a
 * signed bundle. An earlier bundle refuses its answers from then on.
 */
export function newestTrust(transport: Transport, store: StateStore, current: { trust: Trust }): HeldToNewest {
  const hasChangedSince = async (before: Trust): Promise<boolean> => {
    if (current.trust === before) await renew(transport, store, current);
    return current.trust !== before;
  };
  return async (work, failuresOf = () => []) => {
    const before = current.trust;
    try {
      const result = await work();
      if (!failuresOf(result).some(mayBeSuperseded) || !(await hasChangedSince(before))) return result;
    } catch (error) {
      if (!mayBeSuperseded(error) || !(await hasChangedSince(before))) throw error;
    }
    return work();
  };
}

/** Takes up the shown bundle if it succeeds the one in use. Otherwise the caller reports the failure that it has. */
async function renew(transport: Transport, store: StateStore, current: { trust: Trust }): Promise<void> {
  try {
    const shown = await store.transact(async (state) => {
      // Without the pin, a bundle of anybody would be trusted on first use.
      if (state.bundle === undefined) return { result: current.trust };
      const { next, trust } = await settleTrust(transport, state, {});
      // A failure leaves the state as it was, unless the bundle is another one.
      return next.bundle === state.bundle ? { result: trust } : { next, result: trust };
    });
    const isSame = canonicalBundle(shown.bundle) === canonicalBundle(current.trust.bundle);
    if (!isSame) current.trust = shown;
  } catch {
    // The failure that led here says more than one of the bundle or of the state.
  }
}

/** Codes of what no bundle explains: the log has contradicted itself. */
const CONTRADICTIONS: ReadonlySet<string> = new Set([
  'log-forked',
  'tree-rolled-back',
  'version-rolled-back',
  'log-replaced',
]);

/** Returns true for an error that an answer under a newer bundle can cause. */
function mayBeSuperseded(error: unknown): boolean {
  if (!isGlasskeyError(error) || error instanceof ServerRefusal || CONTRADICTIONS.has(error.code)) return false;
  return error.fault === 'verification' || error.fault === 'decode' || error.code === 'bad-response';
}
