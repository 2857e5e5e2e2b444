import { eq, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { entries, prefixTiles, prunings } from './schema.ts';
import { arrays, assignments, columnsOf, given, names, statement } from './statement.ts';

type Part = 'readPruned' | 'prune';

// The first pruning inserts the row; each later one moves it, and only from the position that the caller expects. Tiles
// are deleted and updates stored in the same statement, or not at all.
const PRUNE = statement(['log', 'from', 'to', 'positions', 'counters', 'updated', 'updates'], (values) => {
  const { logId, position } = prunings;
  const from = given(position, values.from);
  const to = given(position, values.to);
  return sql`with first as (
    insert into ${prunings} (${names(logId, position)})
    select ${given(logId, values.log)}, ${to} where ${from} = 0
    on conflict do nothing returning ${logId} as log_id),
  later as (
    update ${prunings} set ${assignments(prunings, { position: to })}
    where ${logId} = ${values.log} and ${position} = ${from} and ${from} > 0
    returning ${logId} as log_id),
  moved as (select log_id from first union all select log_id from later),
  stored as (
    update ${entries} set ${assignments(entries, { updateGzip: columnsOf('kept', entries.updateGzip) })}
    from moved, unnest(${arrays([entries.position, values.updated], [entries.updateGzip, values.updates])})
      as kept (${names(entries.position, entries.updateGzip)})
    where ${entries.logId} = moved.log_id and ${entries.position} = ${columnsOf('kept', entries.position)}
      and octet_length(${entries.updateGzip}) = 0),
  dropped as (
    delete from ${prefixTiles}
    using moved, unnest(${arrays(
      [prefixTiles.position, values.positions],
      [prefixTiles.counter, values.counters],
    )}) as gone (position, counter)
    where ${prefixTiles.logId} = moved.log_id and ${prefixTiles.position} = gone.position
      and ${prefixTiles.counter} = gone.counter
    returning 1)
  select (select count(*) from moved) as moved, (select count(*) from dropped) as dropped`;
});

/** The extent of a log's pruning. */
export function pruningRows({ driver, queries, logId }: StoreContext): Pick<LogStore, Part> {
  return {
    async readPruned() {
      const [row] = await queries.run((db) =>
        db.select({ position: prunings.position }).from(prunings).where(eq(prunings.logId, logId)),
      );
      return row?.position ?? 0;
    },

    async prune({ from, to, prefixTiles: tiles, updates: kept }) {
      ensure(to > from, 'internal', 'pruning moves forward only');
      const positions = tiles.map(({ position }) => position);
      const counters = tiles.map(({ counter }) => counter);
      const updated = kept.map(({ position }) => position);
      const updates = kept.map(({ update }) => update);
      const parameters = PRUNE.bind({ log: logId, from, to, positions, counters, updated, updates });
      const [row] = await driver.query<{ moved: number; dropped: number }>(PRUNE.text, parameters, { replan: true });
      return row?.moved === 1 ? { dropped: row.dropped } : undefined;
    },
  };
}
