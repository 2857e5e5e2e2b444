import { and, asc, eq, gt, inArray, lte, type SQL } from 'drizzle-orm';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { labels, notifyBooks } from './schema.ts';
import { present } from './stored-row.ts';
import { columnsBut } from './statement.ts';

type Part =
  | 'readNotifyBook'
  | 'writeNotifyBook'
  | 'dropNotifyBook'
  | 'listNotifyHints'
  | 'listDueNotifyBooks'
  | 'readGreatestVersions';

const BOOK = columnsBut(notifyBooks, 'logId');
const HINT = { labelKey: notifyBooks.labelKey, toldVersion: notifyBooks.toldVersion };

/** Where owners are told of changes. */
export function notifyRows({ queries, logId }: StoreContext): Pick<LogStore, Part> {
  const ofLog = eq(notifyBooks.logId, logId);
  const at = (labelKey: Uint8Array, revision: number): SQL | undefined =>
    and(ofLog, eq(notifyBooks.labelKey, labelKey), eq(notifyBooks.revision, revision));
  return {
    async readNotifyBook(labelKey) {
      const ofLabel = and(ofLog, eq(notifyBooks.labelKey, labelKey));
      const [row] = await queries.run((db) => db.select(BOOK).from(notifyBooks).where(ofLabel));
      return row && present(row);
    },

    async writeNotifyBook(row) {
      const { labelKey, revision, ...rest } = row;
      const one = { labelKey: notifyBooks.labelKey };
      const values = { ...rest, dueMs: row.dueMs ?? null };
      const written = await queries.run((db) =>
        revision === 1
          ? db
              .insert(notifyBooks)
              .values({ logId, labelKey, revision, ...values })
              .onConflictDoNothing()
              .returning(one)
          : db
              .update(notifyBooks)
              .set({ ...values, revision })
              .where(at(labelKey, revision - 1))
              .returning(one),
      );
      return written.length === 1;
    },

    async dropNotifyBook(labelKey, revision) {
      const dropped = await queries.run((db) =>
        db.delete(notifyBooks).where(at(labelKey, revision)).returning({ labelKey: notifyBooks.labelKey }),
      );
      return dropped.length === 1;
    },

    listNotifyHints: (after = new Uint8Array(0), limit) =>
      queries.run((db) =>
        db
          .select(HINT)
          .from(notifyBooks)
          .where(and(ofLog, gt(notifyBooks.labelKey, after)))
          .orderBy(asc(notifyBooks.labelKey))
          .limit(limit),
      ),

    async listDueNotifyBooks(nowMs, limit) {
      const rows = await queries.run((db) =>
        db
          .select(HINT)
          .from(notifyBooks)
          .where(and(ofLog, lte(notifyBooks.dueMs, nowMs)))
          .orderBy(asc(notifyBooks.dueMs))
          .limit(limit),
      );
      return rows.map(({ labelKey }) => labelKey);
    },

    async readGreatestVersions(labelKeys) {
      if (labelKeys.length === 0) return [];
      const { labelKey, greatestVersion } = labels;
      const ofLabels = and(eq(labels.logId, logId), inArray(labelKey, [...labelKeys]));
      return queries.run((db) => db.select({ labelKey, greatestVersion }).from(labels).where(ofLabels));
    },
  };
}
