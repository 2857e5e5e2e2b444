import { decodeIdentityRecord, type IdentityRecord } from '../../identity/identity-record.ts';
import { MAX_VERSIONS_BACK } from '../../identity/owners-record.ts';
import type { LabelState } from '../log/label-state.ts';
import type { LogContext } from '../log/log-context.ts';
import { settlesRecovery } from '../log/recovery-grant.ts';

/** Versions per read. */
const PAGE = 64;

/**
 * Counts the recoveries of a label that a key cancelled since the last one took effect or the operator acted, up to
 * `maximum`. Vetoes before the last {@link MAX_VERSIONS_BACK} versions do not count. The count comes from the log, and
 * so it outlives the claims.
 */
export async function countVetoes(
  { store }: Pick<LogContext, 'store'>,
  labelKey: Uint8Array,
  state: LabelState,
  maximum: number,
): Promise<number> {
  let vetoes = 0;
  let next: IdentityRecord = state.record;
  const end = Math.max(0, state.version - MAX_VERSIONS_BACK);
  for (let last = state.version - 1; last >= end && vetoes < maximum; last -= PAGE) {
    const rows = await store.readVersions(labelKey, Math.max(end, last - PAGE + 1), last);
    for (const { value } of rows.toReversed()) {
      if (value === undefined || settlesRecovery(next)) return vetoes;
      const record = decodeIdentityRecord(value);
      if (record.pending !== undefined && next.authorization.type === 'key') vetoes++;
      next = record;
    }
  }
  return Math.min(vetoes, maximum);
}
