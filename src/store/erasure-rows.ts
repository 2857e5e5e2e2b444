import { type SQL, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import type { ErasedRows, LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { acmeOrders, certificates, intents, labels, recoveries, versions } from './schema.ts';
import { assignments, type Placeholders, statement } from './statement.ts';
import { TRAIL, trailValues, unlessTrailMoved, writesTrail } from './trail-rows.ts';

// The CRL keeps the serial of an erased certificate until the certificate would have expired.
const ERASE = statement(['log', 'labelKey', 'before', ...TRAIL], (values) => {
  const { log, labelKey, before } = values;
  return sql`with emptied as (
      update ${versions} set ${assignments(versions, { opening: null, value: null })}
      where ${versions.logId} = ${log} and ${versions.labelKey} = ${labelKey} and ${versions.version} < ${before}
        and ${versions.opening} is not null
      returning 1),
    unnamed as (
      update ${labels} set ${assignments(labels, { label: null })}
      where ${labels.logId} = ${log} and ${labels.labelKey} = ${labelKey} and ${labels.label} is not null),
    dropped as (
      delete from ${certificates}
      where ${certificates.logId} = ${log} and ${certificates.labelKey} = ${labelKey}
        and ${certificates.version} < ${before}
      returning 1),
    ${forgets(values)},
    erased as (select (select count(*) from emptied) as versions, (select count(*) from dropped) as certificates),
    ${writesTrail('erased', values)}
    select versions, certificates from erased`;
});

/** The part of an erasure that concerns small tables. */
export const ERASE_SMALL = statement(
  ['log', 'labelKey', 'before', ...TRAIL],
  (values) => sql`with ${forgets(values)}, erased as (select 1 as one), ${writesTrail('erased', values)}
    select one from erased`,
);

function forgets({ log, labelKey, before }: Placeholders<'log' | 'labelKey' | 'before'>): SQL {
  return sql`forgotten as (
      delete from ${intents}
      where ${intents.logId} = ${log} and ${intents.labelKey} = ${labelKey} and ${intents.version} < ${before}
        and ${intents.state} in ('sequenced', 'failed')),
    abandoned as (
      delete from ${recoveries} where ${recoveries.logId} = ${log} and ${recoveries.labelKey} = ${labelKey}),
    unordered as (
      delete from ${acmeOrders} where ${acmeOrders.logId} = ${log} and ${acmeOrders.labelKey} = ${labelKey})`;
}

/** Erasure of an identity's data. */
export function erasureRows({ driver, logId }: StoreContext): Pick<LogStore, 'erase'> {
  return {
    async erase(labelKey, before, trail) {
      const parameters = ERASE.bind({ log: logId, labelKey, before, ...trailValues(trail) });
      const [row] = await unlessTrailMoved(driver.query<ErasedRows & Record<string, unknown>>(ERASE.text, parameters));
      ensure(row !== undefined, 'storage-failed', 'nothing was erased');
      return { versions: row.versions, certificates: row.certificates };
    },
  };
}
