import { ensure } from '../core/errors.ts';
import type { InspectedDatabase } from './inspect-database.ts';
import type { TextRow } from './schema-versions.ts';
import { LOCK_CLASS } from './writer-lock.ts';

/** Released checkpoints that are searched for the last cosignature of each witness. */
const MAX_CHECKPOINTS = 200;

/** A database's word about one log. Nothing of it is verified. */
export interface InspectedLog {
  readonly logId: string;
  /** Log entries that are committed. */
  readonly size: number;
  /** Time of the newest one, ms; 0 without any. */
  readonly timestampMs: number;
  readonly hasEnded: boolean;
  /** The greatest released size; 0 before the first. */
  readonly releasedSize: number;
  /** The newest released checkpoints, newest first. */
  readonly checkpoints: readonly { readonly size: number; readonly note: string }[];
  readonly queue: { readonly waiting: number; readonly oldestMs: number | undefined };
  /** The newest head of the third-party auditor. */
  readonly auditor: { readonly size: number; readonly timestampMs: number } | undefined;
  /** The holder of the writer's lock; undefined if nobody holds it, and always with an embedded database. */
  readonly writer: { readonly server: string; readonly sinceMs: number } | undefined;
}

const LOG = `select logs.log_id::text as log, heads.size::text as size, heads.timestamp_ms::text as time,
    (heads.log_end is not null)::text as ended
  from logs join heads on heads.log_id = logs.log_id where logs.origin = $1`;

const CHECKPOINTS = `select size::text as size, checkpoint from released_heads
  where log_id = $1::int4 order by size desc limit ${MAX_CHECKPOINTS}`;

const QUEUE = `select count(*)::text as waiting, min(intents.created_ms)::text as oldest from submissions
  left join intents on intents.log_id = submissions.log_id and intents.label_key = submissions.label_key
    and intents.version = submissions.version
  where submissions.log_id = $1::int4 and submissions.state = 'queued'`;

const AUDITOR = 'select size::text as size, timestamp_ms::text as time from auditor_heads where log_id = $1::int4';

/** The session of the lock begins when a server takes the lock, and ends with it. */
const WRITER = `select holder.application_name as name, host(holder.client_addr) as address,
    (extract(epoch from holder.backend_start) * 1000)::int8::text as since
  from pg_locks as held join pg_stat_activity as holder on holder.pid = held.pid
  where held.locktype = 'advisory' and held.granted and held.classid = ${LOCK_CLASS} and held.objsubid = 2
    and held.database = (select oid from pg_database where datname = current_database())
    and held.objid = $1::int4::oid`;

/**
 * Reads what a database says about the log of an origin; undefined if it does not hold that log. Throws
 * `storage-failed`.
 */
export async function inspectLog(database: InspectedDatabase, origin: string): Promise<InspectedLog | undefined> {
  const [there] = await database.read(`select to_regclass('logs')::text as name`);
  if (there?.['name'] === null) return undefined;
  const [log] = await database.read(LOG, [origin]);
  if (log === undefined) return undefined;
  const logId = cell(log, 'log');
  const checkpoints = await database.read(CHECKPOINTS, [logId]);
  const [queue] = await database.read(QUEUE, [logId]);
  const [auditor] = await database.read(AUDITOR, [logId]);
  const [writer] = database.kind === 'postgres' ? await database.read(WRITER, [logId]) : [];
  const oldest = queue?.['oldest'];
  return {
    logId,
    size: Number(cell(log, 'size')),
    timestampMs: Number(cell(log, 'time')),
    hasEnded: cell(log, 'ended') === 'true',
    releasedSize: Number(checkpoints[0]?.['size'] ?? 0),
    checkpoints: checkpoints.map((row) => ({ size: Number(cell(row, 'size')), note: cell(row, 'checkpoint') })),
    queue: {
      waiting: Number(queue?.['waiting'] ?? 0),
      oldestMs: oldest === null || oldest === undefined ? undefined : Number(oldest),
    },
    auditor: auditor && { size: Number(cell(auditor, 'size')), timestampMs: Number(cell(auditor, 'time')) },
    writer: writer && { server: serverOf(writer), sinceMs: Number(cell(writer, 'since')) },
  };
}

/** Names the server of a session: by the name that it gave, and the address that PostgreSQL saw. */
function serverOf(session: TextRow): string {
  const name = (session['name'] ?? '').replace(/^glasskey writer /, '') || 'unknown';
  const address = session['address'];
  return address === null || address === undefined ? name : `${name} at ${address}`;
}

function cell(row: TextRow, name: string): string {
  const value = row[name];
  ensure(typeof value === 'string', 'storage-corrupt', `the column ${name} has no value`);
  return value;
}
