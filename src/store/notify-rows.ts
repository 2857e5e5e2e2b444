import { and, asc, eq, gt, lte, or, type SQL } from 'drizzle-orm';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { labels, notifyBooks } from './schema.ts';
import { present } from './stored-row.ts';
import { columnsBut } from './statement.ts';

type Part = 'readNotifyBook' | 'writeNotifyBook' | 'dropNotifyBook' | 'listUntoldNotifyBooks' | 'listDueNotifyBooks';

const BOOK = columnsBut(notifyBooks, 'logId');
const KEY = { labelKey: notifyBooks.labelKey };

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
      const values = { ...rest, dueMs: row.dueMs ?? null };
      const written = await queries.run((db) =>
        revision === 1
          ? db
              .insert(notifyBooks)
              .values({ logId, labelKey, revision, ...values })
              .onConflictDoNothing()
              .returning(KEY)
          : db
              .update(notifyBooks)
              .set({ ...values, revision })
              .where(at(labelKey, revision - 1))
              .returning(KEY),
      );
      return written.length === 1;
    },

    async dropNotifyBook(labelKey, revision) {
      const dropped = await queries.run((db) => db.delete(notifyBooks).where(at(labelKey, revision)).returning(KEY));
      return dropped.length === 1;
    },

    async listUntoldNotifyBooks(after = new Uint8Array(0), limit) {
      const sameLabel = and(eq(labels.logId, notifyBooks.logId), eq(labels.labelKey, notifyBooks.labelKey));
      const rows = await queries.run((db) =>
        db
          .select(KEY)
          .from(notifyBooks)
          .innerJoin(labels, sameLabel)
          .where(and(ofLog, gt(notifyBooks.labelKey, after), gt(labels.greatestVersion, notifyBooks.toldVersion)))
          .orderBy(asc(notifyBooks.labelKey))
          .limit(limit),
      );
      return rows.map(({ labelKey }) => labelKey);
    },

    async listDueNotifyBooks(nowMs, latestMs, limit) {
      const rows = await queries.run((db) =>
        db
          .select(KEY)
          .from(notifyBooks)
          .where(and(ofLog, or(lte(notifyBooks.dueMs, nowMs), gt(notifyBooks.dueMs, latestMs))))
          .orderBy(asc(notifyBooks.dueMs))
          .limit(limit),
      );
      return rows.map(({ labelKey }) => labelKey);
    },
  };
}
