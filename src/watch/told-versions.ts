import { parseMandate } from '../client/mandate-text.ts';
import { formatHex } from '../core/encoding/bytes.ts';
import type { LookedName } from './look-name.ts';
import type { WatchedName } from './records.ts';
import { versionNotices, wordingOf } from './version-notices.ts';
import type { WatchContext } from './watch-context.ts';
import type { WatchChange } from './watch-store.ts';

/**
 * Returns a name as it is after a look at it, and the changes that tell of every version after the greatest one that
 * the watcher knew: `store.commit` makes both as one step, so that no version is known and not told.
 */
export function changesOfLook(
  { store, now, observe }: WatchContext,
  name: WatchedName,
  { latest, keys, versions }: LookedName,
): { readonly next: WatchedName; readonly changes: readonly WatchChange[] } {
  const mandate = parseMandate(name.mandate);
  const fresh = versions.filter(({ version }) => version > name.greatest);
  for (const one of fresh) observe({ type: 'told', wording: wordingOf(one, mandate) });
  const notices = versionNotices(name.identity, fresh, mandate, name.added);
  const next: WatchedName = {
    ...name,
    greatest: latest.version,
    commitment: formatHex(latest.commitment),
    keys,
    added: name.added.filter(({ version }) => version > latest.version),
  };
  return { next, changes: notices.flatMap((notice) => store.telling(next, notice, now())) };
}
