import { sql } from 'drizzle-orm';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { readReleasedAt } from './log-rows.ts';
import type { HeadRelease } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { heads, releasedHeads } from './schema.ts';
import { given, names, type Placeholders, statement } from './statement.ts';
import { holdsLock, lockLost } from './writer-lock.ts';

const SIGNED = ['log', 'size', 'logRoot', 'auditRoot', 'writer'] as const;
const RELEASED = ['signature', 'checkpoint'] as const;
const EVENT = ['channel', 'event'] as const;

const isSigned = ({ log, size, logRoot, auditRoot }: Placeholders<(typeof SIGNED)[number]>) =>
  sql`${heads.logId} = ${log} and ${heads.size} = ${size} and ${heads.logRoot} = ${logRoot}
    and ${heads.auditRoot} = ${auditRoot}`;

/**
 * Stores the signatures of a head if it is the stored one, in one statement. So a writer that was stopped on its way
 * releases nothing that the database has lost, nor anything once another writer works.
 */
const RELEASE = statement([...SIGNED, ...RELEASED, ...EVENT], (values) => {
  const { logId, size, signature, checkpoint } = releasedHeads;
  return sql`with released as (
    insert into ${releasedHeads} (${names(logId, size, signature, checkpoint)})
    select ${heads.logId}, ${heads.size}, ${given(signature, values.signature)},
      ${given(checkpoint, values.checkpoint)}
    from ${heads} where ${isSigned(values)} and ${holdsLock(values.log, values.writer)}
    on conflict do nothing
    returning ${size})
  select pg_notify(${values.channel}, ${values.event}) as told from released`;
});

/** The stored head, for the message about a release that did not happen. */
const STORED = statement(
  ['log', 'writer'],
  ({ log, writer }) => sql`select ${heads.size} as size, ${holdsLock(log, writer)} as held
    from ${heads} where ${heads.logId} = ${log}`,
);

/** Implements {@link LogStore.release}. */
export async function release(context: StoreContext, head: HeadRelease): Promise<void> {
  const { size, logRoot, auditRoot, signature, checkpoint, writer } = head;
  if (writer?.isHeld() === false) return assertReleased(context, head);
  const parameters = RELEASE.bind({
    ...context.eventValues('released'),
    log: context.logId,
    size,
    logRoot,
    auditRoot,
    writer: writer?.session,
    signature,
    checkpoint,
  });
  const stored = await context.driver.query(RELEASE.text, parameters);
  if (stored.length === 0) await assertReleased(context, head);
  else context.emit('released');
}

/** Storing the same again is fine, whoever has stored it. */
async function assertReleased(context: StoreContext, head: HeadRelease): Promise<void> {
  const { size, signature, checkpoint, writer } = head;
  const stored = await readReleasedAt(context, size);
  if (stored !== undefined && equalBytes(stored.signature, signature) && stored.checkpoint === checkpoint) return;
  const parameters = STORED.bind({ log: context.logId, writer: writer?.session });
  const [found] = await context.driver.query<{ size: number; held: boolean }>(STORED.text, parameters);
  if (found?.held === false || writer?.isHeld() === false) throw lockLost();
  ensure(stored === undefined, 'log-forked', `another head of size ${size} was released`);
  if (found !== undefined && found.size > size) {
    throw new GlasskeyError('head-moved', `another process has appended after size ${size}, which this one has signed`);
  }
  throw new GlasskeyError('log-forked', `this server has signed size ${size} of another log than the database holds`);
}
