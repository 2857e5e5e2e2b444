import { and, asc, desc, eq, sql } from 'drizzle-orm';
import { queueReader } from '../issuance-rows.ts';
import { findIntent, insertNewIntents, inTheWay, openerOf, sequencedIntent } from '../open-intents.ts';
import { recordLength } from '../packed-record.ts';
import type { LogStore, NewIntent } from '../ports.ts';
import { keyOf, type StoreContext } from '../rows.ts';
import { certificates, submissions, versions } from '../schema.ts';
import { arrays, fields, type RowOf, statement } from '../statement.ts';
import { submitter } from '../submit-versions.ts';
import { failDistributed, submitDistributed } from './write-transactions.ts';

type Part = 'openIntent' | 'submit' | 'failIntent' | 'readQueue';

const STORED = { labelKey: versions.labelKey, version: versions.version };

// No record, only its length: the database knows it without reading the record.
const LENGTHS = statement(['log', 'labelKeys', 'versions'], (values) => {
  const { logId, labelKey, version, value } = versions;
  const keys = arrays([labelKey, values.labelKeys]);
  return sql`select ${fields(STORED)}, ${recordLength(value)} as length from ${versions}
  where ${logId} = ${values.log} and ${labelKey} = any(${keys})
    and (${labelKey}, ${version}) in (select * from unnest(${keys}, ${arrays([version, values.versions])}))`;
});

type Stored = RowOf<typeof STORED> & { readonly length: number };

/** Intents and submissions, whose versions and certificates are distributed. */
export function distributedIssuanceRows(context: StoreContext): Pick<LogStore, Part> {
  return {
    openIntent: openerOf({
      insert: async (wanted) => {
        const stored = new Set((await readLengths(context, wanted)).map(keyOf));
        const opened = await insertNewIntents(
          context,
          wanted.filter((intent) => !stored.has(keyOf(intent))),
        );
        let next = 0;
        return wanted.map((intent) => !stored.has(keyOf(intent)) && opened[next++] === true);
      },
      find: async (intent) => {
        const found = await findIntent(context, intent);
        return found === 'none' ? findInLog(context, intent) : found;
      },
    }),
    submit: submitter(context, submitDistributed),
    failIntent: failDistributed(context),

    async readQueue(limit, maxBytes = Number.MAX_SAFE_INTEGER) {
      const oldest = await readOldest(context, limit);
      const before = await readLengths(
        context,
        oldest.map(({ labelKey, version }) => ({ labelKey, version: version - 1 })),
      );
      const lengths = new Map(before.map((row) => [keyOf(row), row.length]));
      let total = 0;
      const tooMuch = oldest.findIndex(({ labelKey, version, length }, i) => {
        total += length + (lengths.get(keyOf({ labelKey, version: version - 1 })) ?? 0);
        return i > 0 && total > maxBytes;
      });
      const fitting = tooMuch < 0 ? oldest : oldest.slice(0, tooMuch);
      return queueReader(context)(fitting.map(({ submissionId }) => submissionId));
    },
  };
}

async function readOldest({ queries, logId }: StoreContext, limit: number) {
  const { submissionId, labelKey, version, value, state } = submissions;
  const length = sql<number>`octet_length(${value})`;
  const queued = and(eq(submissions.logId, logId), sql`${state} = 'queued'`);
  return queries.run((db) =>
    db
      .select({ submissionId, labelKey, version, length })
      .from(submissions)
      .where(queued)
      .orderBy(asc(submissionId))
      .limit(limit),
  );
}

/** Reads which of some versions are in the log, and the lengths of their records. */
async function readLengths(
  { driver, logId }: StoreContext,
  asked: readonly Pick<NewIntent, 'labelKey' | 'version'>[],
): Promise<readonly Stored[]> {
  if (asked.length === 0) return [];
  const labelKeys = asked.map(({ labelKey }) => labelKey);
  const parameters = LENGTHS.bind({ log: logId, labelKeys, versions: asked.map(({ version }) => version) });
  return driver.query<Stored>(LENGTHS.text, parameters);
}

/** Returns the rest of a purged intent: its version, and its certificate if one was signed. */
async function findInLog(context: StoreContext, intent: NewIntent) {
  const stored = await readLengths(context, [intent]);
  if (stored.length === 0) return undefined;
  const { logId, labelKey, version, requestHash, serial } = certificates;
  const isOf = and(eq(logId, context.logId), eq(labelKey, intent.labelKey), eq(version, intent.version));
  const [signed] = await context.queries.run((db) =>
    db.select({ requestHash, serial }).from(certificates).where(isOf).orderBy(desc(serial)).limit(1),
  );
  return inTheWay(sequencedIntent(intent, signed ?? { requestHash: null, serial: null }));
}
