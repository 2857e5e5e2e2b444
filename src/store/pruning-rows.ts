import { ensure } from '../core/errors.ts';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';

type Part = 'readPruned' | 'prune';

const PRUNED = 'select position from prunings where log_id = $1';

// The first pruning inserts the row, each later one moves it: either only from where the caller believes it to be. Tiles
// go in the same statement, or not at all.
const PRUNE = `with first as (
    insert into prunings (log_id, position) select $1::int4, $3::int8 where $2::int8 = 0
    on conflict do nothing returning log_id),
  later as (
    update prunings set position = $3::int8 where log_id = $1 and position = $2::int8 and $2::int8 > 0
    returning log_id),
  moved as (select log_id from first union all select log_id from later),
  dropped as (
    delete from prefix_tiles tile
    using moved, unnest($4::int8[], $5::int8[]) as gone (position, counter)
    where tile.log_id = moved.log_id and tile.position = gone.position and tile.counter = gone.counter
    returning 1)
  select (select count(*) from moved) as moved, (select count(*) from dropped) as dropped`;

/** How far a log was pruned. */
export function pruningRows({ driver, logId }: StoreContext): Pick<LogStore, Part> {
  return {
    async readPruned() {
      const [row] = await driver.query<{ position: number }>(PRUNED, [logId]);
      return row?.position ?? 0;
    },

    async prune({ from, to, prefixTiles }) {
      ensure(to > from, 'internal', 'pruning moves forward only');
      const positions = prefixTiles.map(({ position }) => position);
      const counters = prefixTiles.map(({ counter }) => counter);
      const parameters = [logId, from, to, positions, counters];
      const [row] = await driver.query<{ moved: number; dropped: number }>(PRUNE, parameters, { replan: true });
      return row?.moved === 1 ? { dropped: row.dropped } : undefined;
    },
  };
}
