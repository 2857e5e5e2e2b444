import { ensure, GlasskeyError } from '../core/errors.ts';
import { MAX_RANGE } from './log-rows.ts';
import type { LogStore, TrailRecord } from './ports.ts';
import type { LogContext } from './rows.ts';
import type { SqlParameter } from './sql-driver.ts';
import { isUniqueViolation } from './sql-error.ts';
import { statement } from './sql-statement.ts';

type Part = 'readTrailHead' | 'readTrail' | 'appendTrail';

/** Names of the parameters that a statement which writes a record has. */
export const TRAIL = ['trailSequence', 'trailActs', 'trailHash'] as const;

/**
 * The part of a statement that writes a record for each row of `source`, which has one or none: the act and its record are
 * one transaction. Of two records of one number, the second fails on the primary key. `:log` is the log's id.
 */
export function writesTrail(source: string): string {
  return `trailed as (
    insert into trail (log_id, sequence, acts, hash)
    select :log::int4, :trailSequence::int8, :trailActs::text, :trailHash::bytea from ${source}
    where :trailSequence::int8 is not null
    returning sequence, hash),
  trail_moved as (
    insert into trail_heads (log_id, size, hash) select :log::int4, sequence + 1, hash from trailed
    on conflict (log_id) do update set size = excluded.size, hash = excluded.hash)`;
}

/** The values of {@link TRAIL}: without a record, nothing is written. */
export function trailValues(record: TrailRecord | undefined): Record<(typeof TRAIL)[number], SqlParameter> {
  return { trailSequence: record?.sequence, trailActs: record?.acts, trailHash: record?.hash };
}

/** Throws `trail-moved` for what a statement with {@link writesTrail} threw because the record's number is taken. */
export function assertTrailNotMoved(error: unknown): void {
  if (!isUniqueViolation(error, 'trail_pk')) return;
  throw new GlasskeyError('trail-moved', 'somebody else wrote to the trail meanwhile', { cause: error });
}

/** The result of a statement with {@link writesTrail}. Rejects with `trail-moved` where the record's number is taken. */
export async function unlessTrailMoved<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    assertTrailNotMoved(error);
    throw error;
  }
}

const HEAD = 'select size, hash from trail_heads where log_id = $1';

const RANGE = `select sequence, acts, hash from trail
  where log_id = $1 and sequence >= $2 and sequence < $3 order by sequence`;

const APPEND = statement(
  ['log', ...TRAIL],
  `with source as (select 1), ${writesTrail('source')} select count(*) as written from trailed`,
);

/** The audit trail. */
export function trailRows({ sql, logId }: LogContext): Pick<LogStore, Part> {
  return {
    async readTrailHead() {
      const [row] = await sql.query<{ size: number; hash: Uint8Array }>(HEAD, [logId]);
      return row;
    },

    async readTrail(first, limit) {
      ensure(limit <= MAX_RANGE, 'value-out-of-range', `at most ${MAX_RANGE} records at a time`);
      return sql.query<{ sequence: number; acts: string; hash: Uint8Array }>(RANGE, [logId, first, first + limit]);
    },

    async appendTrail(record) {
      await unlessTrailMoved(sql.query(APPEND.text, APPEND.bind({ log: logId, ...trailValues(record) })));
    },
  };
}
