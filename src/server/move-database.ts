import { ensure } from '../core/errors.ts';
import type { Act } from '../service/log/act.ts';
import { openLog } from '../service/log/open-log.ts';
import { DEFAULT_PROFILES } from '../service/log/profile-table.ts';
import { Trail } from '../service/log/trail.ts';
import { assertNotRolledBack } from '../service/sequencing/rollback-check.ts';
import { rederiveHead } from '../service/sequencing/rederive-head.ts';
import { checkLog } from '../service/sequencing/self-check.ts';
import { LogMove, type RowCounts } from '../store/log-move.ts';
import { openStore } from '../store/open-store.ts';
import { openPglite, type OpenPglite, openPgliteStore } from '../store/pglite-store.ts';
import type { Store } from '../store/ports.ts';
import { type DatabaseOptions, databaseToMoveTo, describeDatabase, isEmbedded } from './choose-database.ts';
import { DataFolder, keyPassphrase, readServerConfig } from './data-folder.ts';
import { openServerKeys } from './server-keys.ts';

/** Options of {@link moveDatabase}. */
export interface MoveDatabaseOptions extends Pick<DatabaseOptions, 'database'> {
  readonly data: string;
  /** The administrator, for the trail. */
  readonly who: string;
}

/** A log that has moved. */
export interface MovedDatabase {
  readonly origin: string;
  /** Number of log entries. */
  readonly size: number;
  /** The new database, without its password. */
  readonly place: string;
  readonly rows: RowCounts;
}

/**
 * Moves the log of a data folder from the embedded database to PostgreSQL, as it is: same entries, heads and keys. No
 * server can run meanwhile, because the move holds the folder's lock. Before `log.json` names the new database, every
 * row is compared, the seals are checked, and the head is computed again from all entries. The old database refuses to
 * be served from then on. Safe to repeat after a crash. Throws `usage` if the log is not in the embedded database or
 * the target holds it already, `storage-locked` while a server runs, `storage-unsafe`, `storage-corrupt`,
 * `log-rolled-back`, `unsealed-row`, `storage-failed`.
 */
export async function moveDatabase(options: MoveDatabaseOptions): Promise<MovedDatabase> {
  const folder = new DataFolder(options.data);
  const { origin } = await readServerConfig(folder);
  const marker = await folder.readMarker();
  ensure(marker !== undefined, 'usage', `${folder.path} has no log yet: nothing is to be moved`);
  ensure(isEmbedded(marker), 'usage', `the log of ${folder.path} is in ${marker.database} already`);
  const url = await databaseToMoveTo(folder, options);
  const place = describeDatabase(url);
  const source = await openPglite(folder.database);
  try {
    const target = await openStore(url);
    const move = new LogMove({ source: source.database, target: url, origin, place });
    try {
      await target.checkDurability();
      await recordMove(source.database, origin, { who: options.who, why: place });
      await move.copy();
      const { logId, rows } = await move.compare();
      const size = await checkCopy(folder, target, logId);
      await move.retire();
      await move.arrive();
      await folder.writeMarker({ ...marker, database: place });
      return { origin, size, place, rows };
    } finally {
      await move.close();
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Opens the copy with the keys of the folder, and checks all that it holds. Returns the number of log entries. */
async function checkCopy(folder: DataFolder, target: Store, logId: number): Promise<number> {
  const config = await readServerConfig(folder);
  const acceptsUnsealed = folder.unsealedRowsGate();
  const keys = await openServerKeys(folder, await keyPassphrase(folder));
  try {
    const row = await target.findLogById(logId);
    const context = await openLog({
      store: { ...target, findLog: () => Promise.resolve(row) },
      origin: config.origin,
      keys: keys.log,
      identityRules: config.identityRules,
      profiles: DEFAULT_PROFILES,
      urls: { crl: undefined, caIssuers: undefined },
      lastSigned: folder.lastSigned,
      acceptsUnsealed,
    });
    const { store } = context;
    const [head, released] = await Promise.all([store.readHead(), store.readReleased()]);
    await checkLog(context, head, released);
    await rederiveHead(store);
    await assertNotRolledBack(context, head, released);
    const unsealed = acceptsUnsealed() ? [] : await store.listUnsealed();
    const advice = 'look at "glasskey admin seal-rows" before you move the log';
    ensure(unsealed.length === 0, 'unsealed-row', `${unsealed.length} rows have no valid seal: ${advice}`);
    return head.size;
  } finally {
    await keys.close();
  }
}

/** Records the move in the original, before it is copied, so that both have the same trail. */
async function recordMove(
  database: OpenPglite['database'],
  origin: string,
  act: Pick<Act, 'who' | 'why'>,
): Promise<void> {
  const source = await openPgliteStore({ database });
  const row = await source.findLog(origin);
  if (row === undefined) return;
  const store = source.log(row.logId);
  const trail = new Trail({ store, origin, now: Date.now });
  await trail.record([{ act: 'database-moving', ...act }], (record) => store.appendTrail(record));
}
