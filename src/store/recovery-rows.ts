import { and, asc, eq, gt, type SQL } from 'drizzle-orm';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { recoveries } from './schema.ts';
import { present } from './stored-row.ts';
import { columnsBut, excluded } from './statement.ts';
import { unlessTrailMoved, withTrail } from './trail-rows.ts';

type Part =
  | 'addRecovery'
  | 'findRecovery'
  | 'listRecoveries'
  | 'noteRecoveryNotified'
  | 'grantRecovery'
  | 'dropRecovery';

const RECOVERY = columnsBut(recoveries, 'logId');

/** Unsettled recoveries. */
export function recoveryRows(context: StoreContext): Pick<LogStore, Part> {
  const { queries, logId } = context;
  return {
    addRecovery: (recovery) => addRecovery(context, recovery),
    grantRecovery: (...order) => grantRecovery(context, ...order),
    dropRecovery: (...order) => dropRecovery(context, ...order),

    async findRecovery(labelKey) {
      const [row] = await queries.run((db) => db.select(RECOVERY).from(recoveries).where(ofLabel(logId, labelKey)));
      return row && present(row);
    },

    async listRecoveries(after = new Uint8Array(0), limit) {
      const rows = await queries.run((db) =>
        db
          .select(RECOVERY)
          .from(recoveries)
          .where(and(eq(recoveries.logId, logId), gt(recoveries.labelKey, after)))
          .orderBy(asc(recoveries.labelKey))
          .limit(limit),
      );
      return rows.map(present);
    },

    async noteRecoveryNotified({ labelKey, spkiSha256, requestedMs }, notifiedMs) {
      // After a veto the same key may ask again: notifying of the earlier request does not count for the later one.
      const same = and(eq(recoveries.spkiSha256, spkiSha256), eq(recoveries.requestedMs, requestedMs));
      await queries.run((db) =>
        db
          .update(recoveries)
          .set({ notifiedMs })
          .where(and(ofLabel(logId, labelKey), same)),
      );
    },
  };
}

function ofLabel(logId: number, labelKey: Uint8Array): SQL | undefined {
  return and(eq(recoveries.logId, logId), eq(recoveries.labelKey, labelKey));
}

async function addRecovery({ queries, logId }: StoreContext, recovery: Parameters<LogStore['addRecovery']>[0]) {
  const { labelKey, identity, csr, spkiSha256, evidence, state, requestedMs } = recovery;
  const added = await queries.run((db) =>
    db
      .insert(recoveries)
      .values({ logId, labelKey, identity, csr, spkiSha256, evidence, state, requestedMs })
      .onConflictDoUpdate({
        target: [recoveries.logId, recoveries.labelKey],
        set: {
          identity: excluded(recoveries.identity),
          csr: excluded(recoveries.csr),
          spkiSha256: excluded(recoveries.spkiSha256),
          evidence: excluded(recoveries.evidence),
          state: excluded(recoveries.state),
          requestedMs: excluded(recoveries.requestedMs),
          notifiedMs: null,
        },
        // Replaces only a `waiting` recovery, none that is `undecided` or `granted`.
        setWhere: eq(recoveries.state, 'waiting'),
      })
      .returning({ labelKey: recoveries.labelKey }),
  );
  return added.length === 1;
}

async function grantRecovery(
  { queries, logId }: StoreContext,
  ...[{ labelKey, spkiSha256 }, reason, trail]: Parameters<LogStore['grantRecovery']>
) {
  const undecided = and(eq(recoveries.spkiSha256, spkiSha256), eq(recoveries.state, 'undecided'));
  const granted = queries.run((db) => {
    const update = db
      .update(recoveries)
      .set({ state: 'granted', reason })
      .where(and(ofLabel(logId, labelKey), undecided))
      .returning({ labelKey: recoveries.labelKey });
    const source = db.$with('granted').as(update);
    return db
      .with(source, ...withTrail(db, 'granted', logId, trail))
      .select()
      .from(source);
  });
  return (await unlessTrailMoved(granted)).length === 1;
}

async function dropRecovery(
  { queries, logId }: StoreContext,
  ...[{ labelKey, spkiSha256, state, requestedMs }, trail]: Parameters<LogStore['dropRecovery']>
) {
  const same = and(
    eq(recoveries.spkiSha256, spkiSha256),
    eq(recoveries.state, state),
    eq(recoveries.requestedMs, requestedMs),
  );
  const dropped = queries.run((db) => {
    const remove = db
      .delete(recoveries)
      .where(and(ofLabel(logId, labelKey), same))
      .returning({ labelKey: recoveries.labelKey });
    const source = db.$with('dropped').as(remove);
    return db
      .with(source, ...withTrail(db, 'dropped', logId, trail))
      .select()
      .from(source);
  });
  return (await unlessTrailMoved(dropped)).length === 1;
}
