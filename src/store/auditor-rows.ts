import { eq, lt } from 'drizzle-orm';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { auditorHeads } from './schema.ts';
import { excluded } from './statement.ts';

type Part = 'readAuditorHead' | 'storeAuditorHead';

const { size, timestampMs, signature } = auditorHeads;

/** Tree heads of a log's third-party auditor. */
export function auditorRows({ queries, logId }: StoreContext): Pick<LogStore, Part> {
  return {
    async readAuditorHead() {
      const [row] = await queries.run((db) =>
        db.select({ treeSize: size, timestampMs, signature }).from(auditorHeads).where(eq(auditorHeads.logId, logId)),
      );
      return row;
    },

    async storeAuditorHead(head) {
      const stored = await queries.run((db) =>
        db
          .insert(auditorHeads)
          .values({ logId, size: head.treeSize, timestampMs: head.timestampMs, signature: head.signature })
          .onConflictDoUpdate({
            target: auditorHeads.logId,
            set: { size: excluded(size), timestampMs: excluded(timestampMs), signature: excluded(signature) },
            setWhere: lt(size, excluded(size)),
          })
          .returning({ size }),
      );
      return stored.length === 1;
    },
  };
}
