import { GlasskeyError } from '../../core/errors.ts';
import type { ClientState, StateStore } from './client-state.ts';
import { openSealedState, type SealOptions, sealState } from './sealed-state.ts';
import { lossOf } from './state-loss.ts';

/**
 * Exports a state as text, sealed with a passphrase, to be kept elsewhere: a client without its state misses attacks
 * that it would have noticed. Private keys are not in it. Throws `usage`, and what the store throws.
 */
export async function exportState(store: StateStore, passphrase: string, options: SealOptions = {}): Promise<string> {
  const state = await store.transact(async (current) => ({ result: current }));
  return sealState(state, passphrase, options);
}

/** For {@link importState}. */
export interface ImportOptions {
  /** Allows a state that knows less to replace the store's. Default: false. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Imports a sealed state into a store. Returns what the store knew and the sealed state does not, in words: nothing
 * unless `overwrite` is set. Throws `state-knows-more` if something would be lost, `log-forked` if the two states hold
 * different tree heads of one size, and what `openSealedState` and the store throw.
 */
export async function importState(
  store: StateStore,
  text: string,
  passphrase: string,
  options: ImportOptions = {},
): Promise<{ readonly lost: readonly string[] }> {
  return restoreState(store, await openSealedState(text, passphrase), options);
}

/**
 * Puts a state into a store, such as one from a backup: as {@link importState}. Throws `state-knows-more`, `log-forked`
 * and what the store throws.
 */
export function restoreState(
  store: StateStore,
  next: ClientState,
  options: ImportOptions = {},
): Promise<{ readonly lost: readonly string[] }> {
  return store.transact(async (current) => {
    const lost = lossOf(current, next);
    if (lost.length > 0 && options.overwrite !== true) {
      const [first, ...more] = lost;
      const others = more.length === 0 ? '' : `, and ${more.length} more`;
      throw new GlasskeyError('state-knows-more', `the state that is there would be lost: ${first}${others}`);
    }
    return { next, result: { lost } };
  });
}
