import { ensure } from '../core/errors.ts';
import type { LogContext } from '../service/log/log-context.ts';
import type { Store } from '../store/ports.ts';
import { NEWEST_FORMAT } from '../store/stored-format.ts';

/** The format in which rows of the log may be written, and the newest that this program knows. */
export async function readUpgrade(
  { origin }: Pick<LogContext, 'origin'>,
  store: Pick<Store, 'readFormat'>,
): Promise<{ readonly format: number; readonly newest: number }> {
  const format = await store.readFormat(origin);
  ensure(format !== undefined, 'not-found', 'the database holds no log of this origin');
  return { format, newest: NEWEST_FORMAT };
}

/**
 * Takes the second step of an upgrade: rows may have the newest format from now on, and programs that do not know it
 * refuse to start. Returns false if that was so before. The trail names the administrator.
 */
export async function finishUpgrade(
  { origin, store: log, trail }: LogContext,
  store: Pick<Store, 'raiseFormat'>,
  who: string,
): Promise<boolean> {
  const isRaised = await store.raiseFormat(origin, NEWEST_FORMAT);
  const act = { act: 'format-raised', who, why: `format ${NEWEST_FORMAT}` } as const;
  if (isRaised) await trail.record([act], (record) => log.appendTrail(record));
  return isRaised;
}
