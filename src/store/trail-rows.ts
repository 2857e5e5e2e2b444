import { and, asc, eq, gte, lt, type Placeholder, sql } from 'drizzle-orm';
import type { WithSubquery } from 'drizzle-orm';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { MAX_RANGE } from './log-rows.ts';
import type { LogStore, TrailRecord } from './ports.ts';
import type { QueryBuilder } from './queries.ts';
import type { StoreContext } from './rows.ts';
import { trail, trailHeads } from './schema.ts';
import type { SqlParameter } from './sql-driver.ts';
import { isUniqueViolation } from './sql-error.ts';
import { excluded, given, names, type Placeholders } from './statement.ts';

type Part = 'readTrailHead' | 'readTrail' | 'appendTrail';

/** Names of the parameters of a statement that writes a record. */
export const TRAIL = ['trailSequence', 'trailActs', 'trailHash'] as const;

type TrailName = (typeof TRAIL)[number];
type Value = SqlParameter | Placeholder;

/**
 * Parts of a statement that write a record if `source` has a row, so that the act and its record are one transaction.
 * Of two records with one number, the second fails on the primary key.
 */
function trailParts(source: string, logId: Value, values: Readonly<Record<TrailName, Value>>) {
  const sequence = given(trail.sequence, values.trailSequence);
  const record = sql`insert into ${trail} (${names(trail.logId, trail.sequence, trail.acts, trail.hash)})
    select ${given(trail.logId, logId)}, ${sequence}, ${given(trail.acts, values.trailActs)},
      ${given(trail.hash, values.trailHash)}
    from ${sql.identifier(source)} where ${sequence} is not null
    returning ${trail.sequence}, ${trail.hash}`;
  const head = sql`insert into ${trailHeads} (${names(trailHeads.logId, trailHeads.size, trailHeads.hash)})
    select ${given(trailHeads.logId, logId)}, ${names(trail.sequence)} + 1, ${names(trail.hash)} from trailed
    on conflict (${names(trailHeads.logId)}) do update set
      ${names(trailHeads.size)} = ${excluded(trailHeads.size)}, ${names(trailHeads.hash)} = ${excluded(trailHeads.hash)}`;
  return { record, head };
}

/** The trail's parts of a statement written by hand, with {@link TRAIL} and `log` among its parameters. */
export function writesTrail(source: string, values: Placeholders<TrailName | 'log'>) {
  const { record, head } = trailParts(source, values.log, values);
  return sql`trailed as (${record}), trail_moved as (${head})`;
}

/** The trail's parts of a query: for its `with`. */
export function withTrail(
  db: QueryBuilder,
  source: string,
  logId: number,
  record: TrailRecord | undefined,
): readonly WithSubquery[] {
  if (record === undefined) return [];
  const parts = trailParts(source, logId, trailValues(record));
  return [db.$with('trailed', {}).as(parts.record), db.$with('trail_moved', {}).as(parts.head)];
}

/** The values of {@link TRAIL}: without a record, nothing is written. */
export function trailValues(record: TrailRecord | undefined): Record<TrailName, SqlParameter> {
  return { trailSequence: record?.sequence, trailActs: record?.acts, trailHash: record?.hash };
}

/** Throws `trail-moved` for the error of a statement with {@link writesTrail} if the record's number is taken. */
export function assertTrailNotMoved(error: unknown): void {
  if (!isUniqueViolation(error, 'trail_pk')) return;
  throw new GlasskeyError('trail-moved', 'somebody else wrote to the trail meanwhile', { cause: error });
}

/** The result of a statement with {@link writesTrail}. Rejects with `trail-moved` if the record's number is taken. */
export async function unlessTrailMoved<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    assertTrailNotMoved(error);
    throw error;
  }
}

/** The audit trail. */
export function trailRows({ queries, logId }: StoreContext): Pick<LogStore, Part> {
  return {
    async readTrailHead() {
      const head = { size: trailHeads.size, hash: trailHeads.hash };
      const [row] = await queries.run((db) => db.select(head).from(trailHeads).where(eq(trailHeads.logId, logId)));
      return row;
    },

    async readTrail(first, limit) {
      ensure(limit <= MAX_RANGE, 'value-out-of-range', `at most ${MAX_RANGE} records at a time`);
      const { sequence, acts, hash } = trail;
      return queries.run((db) =>
        db
          .select({ sequence, acts, hash })
          .from(trail)
          .where(and(eq(trail.logId, logId), gte(sequence, first), lt(sequence, first + limit)))
          .orderBy(asc(sequence)),
      );
    },

    async appendTrail(record) {
      const appended = queries.run((db) => {
        const source = db.$with('source', { one: sql`1`.as('one') }).as(sql`select 1 as one`);
        return db
          .with(source, ...withTrail(db, 'source', logId, record))
          .select()
          .from(source);
      });
      await unlessTrailMoved(appended);
    },
  };
}
