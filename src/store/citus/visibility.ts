import { setTimeout as sleep } from 'node:timers/promises';
import { GlasskeyError } from '../../core/errors.ts';
import type { SqlStatements } from '../sql-driver.ts';

/** The longest wait for committed rows to become visible, ms. */
const VISIBLE_WITHIN_MS = 2_000;
/** Pause between two looks, ms. */
const PAUSE_MS = 10;

/** Reports whether every transaction that was committed before the call can be seen on every node. */
export type IsSettled = () => Promise<boolean>;

/**
 * A transaction on several nodes is decided when the coordinator commits, and can then be seen there. A worker that has
 * only prepared its part shows it later: after a crash, once Citus has recovered it. The coordinator keeps the name of
 * every part that it decided to commit in `pg_dist_transaction` until then, in the same transaction. So a part that is
 * prepared on a worker and recorded here is committed, and not visible yet. A worker that does not answer may have one.
 */
const UNSETTLED = `with nodes as materialized (
    select success, result from run_command_on_workers(
      $$select coalesce(string_agg(gid, ','), '') from pg_prepared_xacts where database = current_database()$$)),
  prepared as (select unnest(string_to_array(result, ',')) as gid from nodes where success)
  select (select count(*) from nodes where not success)
    + (select count(*) from pg_dist_transaction where gid in (select gid from prepared)) as unsettled`;

/** Returns the check of a Citus cluster. It rejects as {@link SqlStatements.query} does. */
export function settledOn(statements: Pick<SqlStatements, 'query'>): IsSettled {
  return async () => {
    const [row] = await statements.query<{ unsettled: number }>(UNSETTLED, []);
    return row?.unsettled === 0;
  };
}

/**
 * Waits until what was committed can be seen. There is no snapshot across the nodes of a distributed database: a reader
 * may see the new head, and not yet its rows.
 */
export class Visibility {
  readonly #isSettled: IsSettled;
  readonly #withinMs: number;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** `withinMs` is the longest wait. */
  constructor(isSettled: IsSettled, withinMs = VISIBLE_WITHIN_MS) {
    this.#isSettled = isSettled;
    this.#withinMs = withinMs;
  }

  /**
   * Resolves once everything that was committed before the call can be seen. Calls that wait share a look, which begins
   * after them. Throws `not-visible-yet` after the longest wait, and storage errors.
   */
  settle(): Promise<void> {
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(earlier: Promise<void>): Promise<void> {
    await earlier.catch(() => undefined);
    this.#running = this.#wait();
    this.#next = undefined;
    return this.#running;
  }

  async #wait(): Promise<void> {
    const deadline = performance.now() + this.#withinMs;
    while (!(await this.#isSettled())) {
      if (performance.now() >= deadline) {
        throw new GlasskeyError('not-visible-yet', 'a node of the database does not show the newest rows yet');
      }
      await sleep(PAUSE_MS);
    }
  }
}
