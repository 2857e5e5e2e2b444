import { equalBytes } from '../core/encoding/bytes.ts';
import { checkTransition, type HeldVersion, type OwnersRecord, type Transition } from './continuity.ts';
import type { IdentityRecord } from './identity-record.ts';
import { readBack, type ReadLinks } from './read-back.ts';
import { breaksChain } from './record-link.ts';

/**
 * The greatest number of versions that anybody follows back: service, sequencer and client alike, so that all of them
 * find the same owner's record. A daily change for eleven years; limits per identity keep thieves far below it.
 */
export const MAX_VERSIONS_BACK = 4_096;

/** Versions per read at most. */
const PAGE = 64;

/** Where to look for the owner's record. */
export interface OwnersWalk extends Pick<Transition, 'origin' | 'label' | 'ports' | 'recoveryWaited'> {
  readonly read: ReadLinks;
}

/** An earlier search, whose result a later one that reaches the same version takes over. */
interface Searched {
  readonly from: HeldVersion;
  readonly found: HeldVersion | undefined;
}

/**
 * Returns a search for the owner's record (docs/spec.md#vetoes-after-removal): the newest version up to a given one
 * whose judged link is `initial`, `key`, or a `recovery` whose wait is proved. It follows the commitments back from the
 * given version. A veto that only the owner's record permits is no such link; an erasure ends the search.
 */
export function findOwnersRecord(walk: OwnersWalk): OwnersRecord {
  let last: Searched | undefined;
  return async (from) => {
    const found = await search(walk, from, last);
    last = { from, found };
    return found !== undefined && found.version >= from.version - MAX_VERSIONS_BACK ? found.record : undefined;
  };
}

async function search(
  walk: OwnersWalk,
  from: HeldVersion,
  last: Searched | undefined,
): Promise<HeldVersion | undefined> {
  const end = Math.max(0, from.version - MAX_VERSIONS_BACK);
  const earlier = readBack({ ...walk, end, page: PAGE }, from);
  for (let version = from; ;) {
    if (last !== undefined && isSame(last.from, version)) return last.found;
    if (isErasure(version.record)) return undefined;
    const { value } = await earlier.next();
    const previous = typeof value === 'object' ? value : undefined;
    if (previous === undefined && version.version > 0) return undefined;
    if (await isOwners(walk, previous, version)) return version;
    if (previous === undefined) return undefined;
    version = previous;
  }
}

/** Judges a version by the record before it alone. */
async function isOwners(walk: OwnersWalk, previous: HeldVersion | undefined, next: HeldVersion): Promise<boolean> {
  if (!claimsOwner(next.record)) return false;
  const { origin, label, ports, recoveryWaited } = walk;
  const { version, record } = next;
  try {
    const type = await checkTransition({ origin, label, version, previous, next: record, ports, recoveryWaited });
    return type !== 'operator';
  } catch (error) {
    if (breaksChain(error)) return false;
    throw error;
  }
}

/** Returns true if a version says that an owner made it. Only such versions are worth judging. */
function claimsOwner({ authorization }: IdentityRecord): boolean {
  const { type } = authorization;
  return type === 'initial' || type === 'key' || (type === 'recovery' && authorization.phase === 'effective');
}

function isErasure({ authorization }: IdentityRecord): boolean {
  return authorization.type === 'maintenance' && authorization.kind === 'erasure';
}

function isSame(one: HeldVersion, other: HeldVersion): boolean {
  return one.version === other.version && equalBytes(one.commitment, other.commitment);
}
