import { and, eq, isNotNull, lt, type SQL, sql } from 'drizzle-orm';
import { ERASE_SMALL } from '../erasure-rows.ts';
import type { LogStore } from '../ports.ts';
import type { StoreContext } from '../rows.ts';
import { certificates, labels, versions } from '../schema.ts';
import { assignments, statement } from '../statement.ts';
import { trailValues, unlessTrailMoved } from '../trail-rows.ts';

const EMPTY = statement(['log', 'labelKey', 'before'], ({ log, labelKey, before }) => {
  const isOf = and(eq(versions.logId, log), eq(versions.labelKey, labelKey), lt(versions.version, before));
  return sql`update ${versions} set ${assignments(versions, { opening: null, value: null })}
    where ${and(isOf, isNotNull(versions.opening))} returning 1 as one`;
});

const UNNAME = statement(['log', 'labelKey'], ({ log, labelKey }): SQL => {
  const isOf = and(eq(labels.logId, log), eq(labels.labelKey, labelKey), isNotNull(labels.label));
  return sql`update ${labels} set ${assignments(labels, { label: null })} where ${isOf}`;
});

const DROP_CERTIFICATES = statement(['log', 'labelKey', 'before'], ({ log, labelKey, before }) => {
  const isOf = and(eq(certificates.logId, log), eq(certificates.labelKey, labelKey), lt(certificates.version, before));
  return sql`delete from ${certificates} where ${isOf} returning 1 as one`;
});

/** Implements {@link LogStore.erase} as one transaction. */
export function eraseDistributed({ driver, logId: log }: StoreContext): LogStore['erase'] {
  return (labelKey, before, trail) => {
    const erased = driver.transaction(async (run) => {
      await run(ERASE_SMALL.text, ERASE_SMALL.bind({ log, labelKey, before, ...trailValues(trail) }));
      // First on every shard: with a second node, Citus commits in two phases, and the trail on the coordinator is one.
      const dropped = await run(DROP_CERTIFICATES.text, DROP_CERTIFICATES.bind({ log, labelKey, before }));
      const emptied = await run(EMPTY.text, EMPTY.bind({ log, labelKey, before }));
      await run(UNNAME.text, UNNAME.bind({ log, labelKey }));
      return { versions: emptied.length, certificates: dropped.length };
    });
    return unlessTrailMoved(erased);
  };
}
