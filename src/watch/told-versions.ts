import { type Mandate, parseMandate } from '../client/mandate-text.ts';
import { formatHex } from '../core/encoding/bytes.ts';
import type { LookedName } from './look-name.ts';
import type { WatchedName } from './records.ts';
import { isOwners, versionNotices, wordingOf } from './version-notices.ts';
import type { WatchContext } from './watch-context.ts';
import type { WatchChange } from './watch-store.ts';

/**
 * Returns a name as it is after a look at it, and the changes that tell of every version after the greatest one that
 * the watcher knew: `store.commit` makes both as one step, so that no version is known and not told. `former` is the
 * mandate that the one of the name replaces: what came under it is not excused by whoever replaced it.
 */
export function changesOfLook(
  { store, now, observe }: WatchContext,
  name: WatchedName,
  { latest, keys, versions }: LookedName,
  former?: string,
): { readonly next: WatchedName; readonly changes: readonly WatchChange[] } {
  const fresh = versions.filter(({ version }) => version > name.greatest);
  const own = parseMandate(name.mandate);
  const mandate = former === undefined ? own : claimsOf(parseMandate(former), own, fresh);
  for (const one of fresh) observe({ type: 'told', wording: wordingOf(one, mandate) });
  const notices = versionNotices(name, fresh, mandate);
  const next: WatchedName = {
    ...name,
    greatest: latest.version,
    commitment: formatHex(latest.commitment),
    keys,
    added: name.added.filter(({ version }) => version > latest.version),
  };
  return { next, changes: notices.flatMap((notice) => store.telling(next, notice, now())) };
}

/** Returns the claims of a former mandate, and those of its successor about versions that a key of the name signed. */
function claimsOf(
  { versions: before }: Mandate,
  { versions: after }: Mandate,
  looked: LookedName['versions'],
): Pick<Mandate, 'versions'> {
  const isProved = (version: number): boolean => looked.some((one) => one.version === version && isOwners(one));
  const isNew = (version: number): boolean => before.every((one) => one.version !== version);
  return { versions: [...before, ...after.filter(({ version }) => isNew(version) && isProved(version))] };
}
