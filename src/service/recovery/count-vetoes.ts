import { GlasskeyError } from '../../core/errors.ts';
import { MAX_VERSIONS_BACK } from '../../identity/owners-record.ts';
import { readBack } from '../../identity/read-back.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import { readLinksOf } from '../log/label-state.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LabelName } from '../log/proved-state.ts';
import { settlesRecovery } from '../log/recovery-grant.ts';
import { corrupt } from '../log/stored-data.ts';

/** Versions per read. */
const PAGE = 64;

/**
 * Counts the recoveries of a label that a key cancelled since the last one took effect or the operator acted, up to
 * `maximum`. Vetoes before the last {@link MAX_VERSIONS_BACK} versions do not count. Follows the commitments back from
 * `state`, which the caller has proved, so the count comes from the log, and outlives the claims. Throws
 * `storage-corrupt` if a version is stored otherwise than its successor says: a gap would hide vetoes.
 */
export async function countVetoes(
  context: Pick<LogContext, 'store'>,
  { label, labelKey }: LabelName,
  state: HeldVersion,
  maximum: number,
): Promise<number> {
  const end = Math.max(0, state.version - MAX_VERSIONS_BACK);
  const earlier = readBack({ label, read: readLinksOf(context, labelKey), end, page: PAGE }, state);
  let vetoes = 0;
  for (let next = state; vetoes < maximum && !settlesRecovery(next.record);) {
    const { done, value } = await earlier.next().catch(corrupt('an earlier version of a label is stored as no record'));
    if (done === true) {
      const isEnd = value === 'end' || isErasure(next);
      if (!isEnd) throw new GlasskeyError('storage-corrupt', `version ${next.version - 1} of a label is not stored`);
      return vetoes;
    }
    if (value.record.pending !== undefined && next.record.authorization.type === 'key') vetoes++;
    next = value;
  }
  return vetoes;
}

/** The content of the versions before an erasure is deleted. */
function isErasure({ record: { authorization } }: HeldVersion): boolean {
  return authorization.type === 'maintenance' && authorization.kind === 'erasure';
}
