import { and, eq, type SQL, sql } from 'drizzle-orm';
import { GlasskeyError } from '../core/errors.ts';
import { Batcher } from './batcher.ts';
import type { IntentRow, LogStore, NewIntent } from './ports.ts';
import { keyOf, serialText, type StoreContext } from './rows.ts';
import { certificates, intents, versions } from './schema.ts';
import { present } from './stored-row.ts';
import {
  arrays,
  assignments,
  columnsBut,
  excluded,
  fields,
  given,
  names,
  type Placeholders,
  type RowOf,
  statement,
} from './statement.ts';

/** An intent's own columns. */
export const INTENT = columnsBut(intents, 'logId');

type StoredIntent = RowOf<typeof INTENT>;
type Opened = Awaited<ReturnType<LogStore['openIntent']>>;

const OPENED = { labelKey: intents.labelKey, version: intents.version };

const ASKED = ['log', 'labelKeys', 'versions', 'requestHashes', 'createdMs'] as const;

// Counts in a subquery for each row: the planner could turn `not exists` into a join that reads the whole table.
const OPEN_INTENTS = statement(ASKED, (values) => {
  const { logId, labelKey, version } = versions;
  return opensIntents(
    values,
    sql`where (select count(*) from ${versions}
    where ${logId} = ${values.log} and ${labelKey} = asked.label_key and ${version} = asked.version) = 0`,
  );
});
/** The same for versions that are not in the log. */
const OPEN_NEW_INTENTS = statement(ASKED, (values) => opensIntents(values, sql`where true`));

function opensIntents(values: Placeholders<(typeof ASKED)[number]>, condition: SQL): SQL {
  const { logId, labelKey, version, requestHash, createdMs, state } = intents;
  return sql`insert into ${intents} (${names(logId, labelKey, version, requestHash, createdMs, state)})
  select ${given(logId, values.log)}, asked.*, 'open'
  from unnest(${arrays(
    [labelKey, values.labelKeys],
    [version, values.versions],
    [requestHash, values.requestHashes],
    [createdMs, values.createdMs],
  )}) as asked (label_key, version, request_hash, created_ms)
  ${condition}
  on conflict (${names(logId, labelKey, version)}) do update
    set ${assignments(intents, {
      requestHash: excluded(requestHash),
      createdMs: excluded(createdMs),
      state: sql`'open'`,
      serial: null,
      submissionId: null,
    })}
    where ${state} = 'failed'
  returning ${fields(OPENED)}`;
}

const NO_HASH = new Uint8Array(32);
const ATTEMPTS = 5;
/** Maximum of intents in one statement, and of such statements under way. */
const BATCH = { maxItems: 128, maxRuns: 2 };

/** Implements {@link LogStore.openIntent}. Intents that arrive together share a statement and its commit. */
export function intentOpener(context: StoreContext): LogStore['openIntent'] {
  return openerOf({ insert: (wanted) => insert(context, wanted), find: (intent) => findInTheWay(context, intent) });
}

/** The statements of an opener of intents. */
interface OpenerParts {
  /** Opens intents, the first of several for one version. Returns which ones. */
  readonly insert: (wanted: readonly NewIntent[]) => Promise<readonly boolean[]>;
  /** Returns the intent or version that is in the way; undefined if it is gone meanwhile. */
  readonly find: (intent: NewIntent) => Promise<Opened | undefined>;
}

/** Returns {@link LogStore.openIntent} by its statements. */
export function openerOf({ insert, find }: OpenerParts): LogStore['openIntent'] {
  const batcher = new Batcher<NewIntent, boolean>({ ...BATCH, run: insert });
  return async (intent) => {
    // The intent in the way may disappear between the two statements: then try again.
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (await batcher.add(intent)) return { opened: true };
      const found = await find(intent);
      if (found !== undefined) return found;
    }
    throw new GlasskeyError('overloaded', 'the version changes hands too fast');
  };
}

async function insert(context: StoreContext, wanted: readonly NewIntent[]): Promise<readonly boolean[]> {
  return insertIntents(context, wanted, OPEN_INTENTS);
}

/** Opens intents of versions that are not in the log, the first of several for one version. Returns which ones. */
export function insertNewIntents(context: StoreContext, wanted: readonly NewIntent[]): Promise<readonly boolean[]> {
  return insertIntents(context, wanted, OPEN_NEW_INTENTS);
}

async function insertIntents(
  { driver, logId }: StoreContext,
  wanted: readonly NewIntent[],
  statement: typeof OPEN_INTENTS,
): Promise<readonly boolean[]> {
  const first = new Map<string, NewIntent>();
  for (const intent of wanted) if (!first.has(keyOf(intent))) first.set(keyOf(intent), intent);
  // One order everywhere prevents deadlocks.
  const asked = [...first.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, intent]) => intent);
  const parameters = statement.bind({
    log: logId,
    labelKeys: asked.map((intent) => intent.labelKey),
    versions: asked.map((intent) => intent.version),
    requestHashes: asked.map((intent) => intent.requestHash),
    createdMs: asked.map((intent) => intent.createdMs),
  });
  const rows = await driver.query<RowOf<typeof OPENED>>(statement.text, parameters);
  const inserted = new Set(rows.map(keyOf));
  return wanted.map((intent) => first.get(keyOf(intent)) === intent && inserted.has(keyOf(intent)));
}

async function findInTheWay(context: StoreContext, intent: NewIntent): Promise<Opened | undefined> {
  const found = await findIntent(context, intent);
  if (found !== 'none') return found;
  const sequenced = await findSequenced(context, intent);
  return sequenced && inTheWay(sequenced);
}

/** Returns the intent of a version if it is in the way, undefined for one that is not, and `none` if there is none. */
export async function findIntent(
  { queries, logId }: StoreContext,
  intent: NewIntent,
): Promise<Opened | 'none' | undefined> {
  const { labelKey, version } = intent;
  const same = and(eq(intents.logId, logId), eq(intents.labelKey, labelKey), eq(intents.version, version));
  const [existing] = await queries.run((db) => db.select(INTENT).from(intents).where(same));
  if (existing === undefined) return 'none';
  return existing.state === 'failed' ? undefined : inTheWay(toIntent(existing));
}

/** Returns the rest of a purged intent: its version, and its certificate if one was signed. */
async function findSequenced(
  { queries, logId }: StoreContext,
  { labelKey, version }: NewIntent,
): Promise<IntentRow | undefined> {
  const { requestHash, serial } = certificates;
  const signed = and(
    eq(certificates.logId, versions.logId),
    eq(certificates.labelKey, versions.labelKey),
    eq(certificates.version, versions.version),
  );
  const [row] = await queries.run((db) =>
    db
      .select({ requestHash, serial })
      .from(versions)
      .leftJoin(certificates, signed)
      .where(and(eq(versions.logId, logId), eq(versions.labelKey, labelKey), eq(versions.version, version)))
      .limit(1),
  );
  return row && sequencedIntent({ labelKey, version }, row);
}

/** Returns the intent of a version that is in the log, with the certificate that was signed, if any. */
export function sequencedIntent(
  { labelKey, version }: Pick<NewIntent, 'labelKey' | 'version'>,
  { requestHash, serial }: { readonly requestHash: Uint8Array | null; readonly serial: Uint8Array | null },
): IntentRow {
  const intent = { labelKey, version, requestHash: requestHash ?? NO_HASH, createdMs: 0, submissionId: null };
  return toIntent({ ...intent, state: 'sequenced', serial });
}

/** Returns the answer that an intent is in the way. */
export function inTheWay(existing: IntentRow): Opened {
  return { opened: false, existing };
}

/** Returns the intent of a row. */
export function toIntent(row: StoredIntent): IntentRow {
  return { ...present(row), serial: row.serial === null ? undefined : serialText(row.serial) };
}
