import { and, asc, eq, gt, type SQL } from 'drizzle-orm';
import type { ListedRecoveryRow, LogStore, NewRecovery, RecoveryRow } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { recoveries } from './schema.ts';
import { present } from './stored-row.ts';
import { columnsBut, excluded, type RowOf } from './statement.ts';
import { unlessTrailMoved, withTrail } from './trail-rows.ts';

type Part =
  | 'addRecovery'
  | 'findRecovery'
  | 'listRecoveries'
  | 'noteRecoveryNotified'
  | 'grantRecovery'
  | 'dropRecovery';

const RECOVERY = columnsBut(recoveries, 'logId');

type Found = RowOf<typeof RECOVERY>;

/** Unsettled recoveries. */
export function recoveryRows(context: StoreContext): Pick<LogStore, Part> {
  const { queries, logId, seals } = context;
  return {
    addRecovery: (recovery) => addRecovery(context, recovery),
    grantRecovery: (...order) => grantRecovery(context, ...order),
    dropRecovery: (...order) => dropRecovery(context, ...order),

    async findRecovery(labelKey) {
      const [row] = await queries.run((db) => db.select(RECOVERY).from(recoveries).where(ofLabel(logId, labelKey)));
      return row && unlisted(context, row);
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
      return rows.map((row) => listed(context, row));
    },

    async noteRecoveryNotified(claim, notifiedMs) {
      const mac = seals?.reseal(recoveries, claim, { ...claim, notifiedMs });
      await queries.run((db) => db.update(recoveries).set({ notifiedMs, mac }).where(sameClaim(logId, claim)));
    },
  };
}

function ofLabel(logId: number, labelKey: Uint8Array): SQL | undefined {
  return and(eq(recoveries.logId, logId), eq(recoveries.labelKey, labelKey));
}

/** After a veto the same key may ask again: an act on the earlier request does not count for the later one. */
function sameClaim(
  logId: number,
  { labelKey, spkiSha256, state, requestedMs }: Pick<RecoveryRow, 'labelKey' | 'spkiSha256' | 'state' | 'requestedMs'>,
): SQL | undefined {
  const same = [eq(recoveries.spkiSha256, spkiSha256), eq(recoveries.requestedMs, requestedMs)];
  return and(ofLabel(logId, labelKey), ...same, eq(recoveries.state, state));
}

function unlisted({ seals }: StoreContext, { mac, ...row }: Found): RecoveryRow {
  seals?.assert(recoveries, row, mac);
  return present(row);
}

function listed({ seals }: StoreContext, { mac, ...row }: Found): ListedRecoveryRow {
  const isSealed = seals?.accepts(recoveries, row, mac) ?? true;
  return isSealed ? present(row) : { ...present(row), isUnsealed: true };
}

async function addRecovery({ queries, logId, seals }: StoreContext, recovery: NewRecovery) {
  const { labelKey, identity, csr, spkiSha256, evidence, state, requestedMs } = recovery;
  const row = { labelKey, identity, csr, spkiSha256, evidence, state, requestedMs };
  const later = { notifiedMs: undefined, reason: undefined, grantedVersion: undefined, grantedCommitment: undefined };
  const mac = seals?.seal(recoveries, { ...row, ...later });
  const added = await queries.run((db) =>
    db
      .insert(recoveries)
      .values({ logId, ...row, mac })
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
          mac: excluded(recoveries.mac),
        },
        // Replaces only a `waiting` recovery, none that is `undecided` or `granted`.
        setWhere: eq(recoveries.state, 'waiting'),
      })
      .returning({ labelKey: recoveries.labelKey }),
  );
  return added.length === 1;
}

async function grantRecovery(
  { queries, logId, seals }: StoreContext,
  ...[claim, { reason, version, commitment }, trail]: Parameters<LogStore['grantRecovery']>
) {
  const change = { state: 'granted', reason, grantedVersion: version, grantedCommitment: commitment } as const;
  const mac = seals?.reseal(recoveries, claim, { ...claim, ...change });
  const granted = queries.run((db) => {
    const update = db
      .update(recoveries)
      .set({ ...change, mac })
      .where(sameClaim(logId, { ...claim, state: 'undecided' }))
      .returning({ labelKey: recoveries.labelKey });
    const source = db.$with('granted').as(update);
    return db
      .with(source, ...withTrail(db, 'granted', logId, trail))
      .select()
      .from(source);
  });
  return (await unlessTrailMoved(granted)).length === 1;
}

async function dropRecovery({ queries, logId }: StoreContext, ...[claim, trail]: Parameters<LogStore['dropRecovery']>) {
  const dropped = queries.run((db) => {
    const remove = db.delete(recoveries).where(sameClaim(logId, claim)).returning({ labelKey: recoveries.labelKey });
    const source = db.$with('dropped').as(remove);
    return db
      .with(source, ...withTrail(db, 'dropped', logId, trail))
      .select()
      .from(source);
  });
  return (await unlessTrailMoved(dropped)).length === 1;
}
