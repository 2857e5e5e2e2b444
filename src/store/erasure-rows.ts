import { ensure } from '../core/errors.ts';
import type { ErasedRows, LogStore } from './ports.ts';
import type { LogContext } from './rows.ts';
import { statement } from './sql-statement.ts';
import { TRAIL, trailValues, unlessTrailMoved, writesTrail } from './trail-rows.ts';

// A certificate that is on the CRL stays there by its serial, and leaves it when it would have expired.
const ERASE = statement(
  ['log', 'labelKey', 'before', ...TRAIL],
  `with emptied as (
    update versions set opening = null, value = null
    where log_id = :log and label_key = :labelKey and version < :before and opening is not null returning 1),
  unnamed as (
    update labels set label = null where log_id = :log and label_key = :labelKey and label is not null),
  dropped as (
    delete from certificates where log_id = :log and label_key = :labelKey and version < :before returning 1),
  forgotten as (
    delete from intents where log_id = :log and label_key = :labelKey and version < :before
      and state in ('sequenced', 'failed')),
  abandoned as (delete from recoveries where log_id = :log and label_key = :labelKey),
  erased as (select (select count(*) from emptied) as versions, (select count(*) from dropped) as certificates),
  ${writesTrail('erased')}
  select versions, certificates from erased`,
);

/** Erasure of what is known about an identity. */
export function erasureRows({ sql, logId }: LogContext): Pick<LogStore, 'erase'> {
  return {
    async erase(labelKey, before, trail) {
      const parameters = ERASE.bind({ log: logId, labelKey, before, ...trailValues(trail) });
      const [row] = await unlessTrailMoved(sql.query<ErasedRows & Record<string, unknown>>(ERASE.text, parameters));
      ensure(row !== undefined, 'storage-failed', 'nothing was erased');
      return { versions: row.versions, certificates: row.certificates };
    },
  };
}
