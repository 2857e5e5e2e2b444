import { and, asc, between, desc, eq, gt, inArray, lt, lte, or, type Placeholder, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import { labelsAt } from './label-at.ts';
import { MAX_RANGE } from './log-rows.ts';
import { recordLength, withRecord } from './packed-record.ts';
import type { LadderRow, LogStore } from './ports.ts';
import type { QueryBuilder } from './queries.ts';
import { inOrder, type StoreContext } from './rows.ts';
import { labels, versions } from './schema.ts';
import { present } from './stored-row.ts';
import { arrays, columnsBut, fields, matchesSearch, type RowOf, statement } from './statement.ts';

type Part =
  | 'findLabel'
  | 'readVersions'
  | 'readVersionPositions'
  | 'readLabelAt'
  | 'readHashedLabelAt'
  | 'rememberVrf'
  | 'readLadder'
  | 'listLabels';

const LABEL = { labelKey: labels.labelKey, label: labels.label, greatestVersion: labels.greatestVersion };
const VERSION = columnsBut(versions, 'logId');
const RUNG = {
  version: versions.version,
  vrfOutput: versions.vrfOutput,
  vrfProof: versions.vrfProof,
  commitment: versions.commitment,
};

const LADDER = statement(['log', 'labelKey', 'versions'], (values) => {
  const { logId, labelKey, version } = versions;
  return sql`select asked.ord, found.*
  from unnest(${arrays([version, values.versions])}) with ordinality as asked (version, ord)
  cross join lateral (
    select ${fields(RUNG)} from ${versions}
    where ${logId} = ${values.log} and ${labelKey} = ${values.labelKey} and ${version} = asked.version
    limit 1) as found`;
});

const NO_KEY = new Uint8Array(0);

/** Labels and their versions. */
export function labelRows(context: StoreContext): Pick<LogStore, Part> {
  const { queries, logId } = context;
  const ofLabel = (labelKey: Placeholder) => and(eq(versions.logId, logId), eq(versions.labelKey, labelKey));
  const findLabel = queries.prepare(['labelKey'], (db, { labelKey }) =>
    db
      .select(LABEL)
      .from(labels)
      .where(and(eq(labels.logId, logId), eq(labels.labelKey, labelKey))),
  );
  const readVersions = queries.prepare(['labelKey', 'first', 'last', 'maxBytes'], (db, range) => {
    const { labelKey, first, last, maxBytes } = range;
    const asked = and(ofLabel(labelKey), between(versions.version, first, last));
    const total = sql<number>`sum(${recordLength(versions.value)}) over (order by ${versions.version})`.as('total');
    const sized = db.select({ version: versions.version, total }).from(versions).where(asked).as('sized');
    const fits = or(lte(sized.total, maxBytes), eq(sized.version, first));
    const fitting = db.select({ version: sized.version }).from(sized).where(fits);
    return db
      .select(VERSION)
      .from(versions)
      .where(and(asked, inArray(versions.version, fitting)))
      .orderBy(asc(versions.version));
  });
  const readPositions = queries.prepare(['labelKey', 'size'], (db, { labelKey, size }) => {
    const { position, version } = versions;
    const positions = sql<number[]>`coalesce(array_agg(${position} order by ${version}), '{}')`;
    return db
      .select({ positions })
      .from(versions)
      .where(and(ofLabel(labelKey), lt(position, size)));
  });
  return {
    async findLabel(labelKey) {
      const [row] = await findLabel({ labelKey });
      return row && present(row);
    },

    async readVersions(labelKey, first, last, maxBytes = Number.MAX_SAFE_INTEGER) {
      ensure(last - first < MAX_RANGE, 'value-out-of-range', `at most ${MAX_RANGE} versions at a time`);
      const rows = await readVersions({ labelKey, first, last, maxBytes });
      return rows.map((row) => withRecord(present(row)));
    },

    async readVersionPositions(labelKey, size) {
      const [row] = await readPositions({ labelKey, size });
      return row?.positions ?? [];
    },

    async listLabels({ after = NO_KEY, limit, search }) {
      const rows = await queries.run((db) => labelWindow(db, logId, after, limit, search));
      const matching = rows.flatMap(({ matches, ...row }) => (matches ? [present(row)] : []));
      return { rows: matching, next: rows.at(-1)?.labelKey };
    },

    ...labelsAt(context),

    readLadder: (labelKey, asked) => readLadder(context, labelKey, asked),
  };
}

async function readLadder(
  { driver, logId }: StoreContext,
  labelKey: Uint8Array,
  asked: readonly number[],
): Promise<readonly (LadderRow | undefined)[]> {
  if (asked.length === 0) return [];
  const parameters = LADDER.bind({ log: logId, labelKey, versions: asked });
  const rows = await driver.query<RowOf<typeof RUNG> & { ord: number }>(LADDER.text, parameters);
  return inOrder(rows, asked.length, (rung) => rung);
}

/** Includes the last row of the window even if it does not match: the next window begins after it. */
function labelWindow(
  db: QueryBuilder,
  logId: number,
  after: Uint8Array,
  limit: number,
  search: Uint8Array | undefined,
) {
  const window = db
    .select(LABEL)
    .from(labels)
    .where(and(eq(labels.logId, logId), gt(labels.labelKey, after)))
    .orderBy(asc(labels.labelKey))
    .limit(limit);
  const lookedAt = db.$with('looked_at').as(window);
  const { labelKey, label, greatestVersion } = lookedAt;
  const last = db.select({ labelKey }).from(lookedAt).orderBy(desc(labelKey)).limit(1);
  const matches = matchesSearch(label, search);
  return db
    .with(lookedAt)
    .select({ labelKey, label, greatestVersion, matches })
    .from(lookedAt)
    .where(or(matches, eq(labelKey, last)))
    .orderBy(asc(labelKey));
}
