import { GlasskeyError } from '../core/errors.ts';
import { Batcher } from './batcher.ts';
import type { IntentRow, IntentState, LogStore, NewIntent } from './ports.ts';
import { keyOf, type StoreContext, orUndefined, serialText } from './rows.ts';

/** The columns of an intent. */
export type IntentColumns = {
  readonly label_key: Uint8Array;
  readonly version: number;
  readonly request_hash: Uint8Array;
  readonly created_ms: number;
  readonly state: IntentState;
  readonly serial: Uint8Array | null;
  readonly submission_id: number | null;
};

/** {@link IntentColumns} in SQL. */
export const INTENT_COLUMNS = 'label_key, version, request_hash, created_ms, state, serial, submission_id';

type Opened = Awaited<ReturnType<LogStore['openIntent']>>;

// The count is a subquery for each row, where `not exists` could become a join that reads the whole table.
const OPEN_INTENTS = `insert into intents (log_id, label_key, version, request_hash, created_ms, state)
  select $1::int4, asked.*, 'open'
  from unnest($2::bytea[], $3::int8[], $4::bytea[], $5::int8[]) as asked (label_key, version, request_hash, created_ms)
  where (select count(*) from versions v
    where v.log_id = $1 and v.label_key = asked.label_key and v.version = asked.version) = 0
  on conflict (log_id, label_key, version) do update
    set request_hash = excluded.request_hash, created_ms = excluded.created_ms, state = 'open', serial = null,
      submission_id = null
    where intents.state = 'failed'
  returning label_key, version`;

const INTENT = `select ${INTENT_COLUMNS} from intents where log_id = $1 and label_key = $2 and version = $3`;

// What is left of an intent that was purged: its version, and its certificate if one was signed.
const SEQUENCED_INTENT = `select v.label_key, v.version, coalesce(c.request_hash, $4::bytea) as request_hash,
    0::int8 as created_ms, 'sequenced' as state, c.serial, null::int8 as submission_id
  from versions v left join lateral (select request_hash, serial from certificates
    where log_id = $1 and label_key = $2 and version = $3 limit 1) as c on true
  where v.log_id = $1 and v.label_key = $2 and v.version = $3`;

const NO_HASH = new Uint8Array(32);
const ATTEMPTS = 5;
/** Intents that one statement opens, and such statements under way. */
const BATCH = { maxItems: 128, maxRuns: 2 };

/** `openIntent` of the port: see there. Those that come together are opened, and made durable, together. */
export function intentOpener(context: StoreContext): LogStore['openIntent'] {
  const batcher = new Batcher<NewIntent, boolean>({ ...BATCH, run: (intents) => insert(context, intents) });
  return async (intent) => {
    // Between the two statements the one in the way can go: then try again.
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (await batcher.add(intent)) return { opened: true };
      const found = await findInTheWay(context, intent);
      if (found !== undefined) return found;
    }
    throw new GlasskeyError('overloaded', 'the version changes hands too fast');
  };
}

/** Which intents were opened: of several for one version, the first. */
async function insert({ driver, logId }: StoreContext, intents: readonly NewIntent[]): Promise<readonly boolean[]> {
  const first = new Map<string, NewIntent>();
  for (const intent of intents) if (!first.has(keyOf(intent))) first.set(keyOf(intent), intent);
  // In one order everywhere, so that no two statements wait for each other.
  const asked = [...first.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, intent]) => intent);
  const rows = await driver.query<{ label_key: Uint8Array; version: number }>(OPEN_INTENTS, [
    logId,
    asked.map((intent) => intent.labelKey),
    asked.map((intent) => intent.version),
    asked.map((intent) => intent.requestHash),
    asked.map((intent) => intent.createdMs),
  ]);
  const inserted = new Set(rows.map((row) => keyOf({ labelKey: row.label_key, version: row.version })));
  return intents.map((intent) => first.get(keyOf(intent)) === intent && inserted.has(keyOf(intent)));
}

/** What keeps an intent from being opened; undefined where that has gone meanwhile. */
async function findInTheWay({ driver, logId }: StoreContext, intent: NewIntent): Promise<Opened | undefined> {
  const { labelKey, version } = intent;
  const [existing] = await driver.query<IntentColumns>(INTENT, [logId, labelKey, version]);
  if (existing !== undefined) return existing.state === 'failed' ? undefined : inTheWay(existing);
  const [sequenced] = await driver.query<IntentColumns>(SEQUENCED_INTENT, [logId, labelKey, version, NO_HASH]);
  return sequenced && inTheWay(sequenced);
}

function inTheWay(row: IntentColumns): Opened {
  return { opened: false, existing: toIntent(row) };
}

/** The intent of a row. */
export function toIntent(row: IntentColumns): IntentRow {
  return {
    labelKey: row.label_key,
    version: row.version,
    requestHash: row.request_hash,
    createdMs: row.created_ms,
    state: row.state,
    serial: row.serial === null ? undefined : serialText(row.serial),
    submissionId: orUndefined(row.submission_id),
  };
}
