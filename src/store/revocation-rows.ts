import { and, asc, between, count, eq, gte, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import type { LogStore, Revocation, SerialRange, TrailRecord } from './ports.ts';
import { serialBytes, serialText, type StoreContext } from './rows.ts';
import { certificates, crlShards, revocations } from './schema.ts';
import { givenAs } from './statement.ts';
import { unlessTrailMoved, withTrail } from './trail-rows.ts';

type Part = 'findStatus' | 'revokeUnstored' | 'listRevoked' | 'countRevoked' | 'claimCrlShard' | 'countCrlShards';

const ANY_SERIAL: SerialRange = { first: '00', last: 'ff'.repeat(20), limit: 2 ** 31 - 1 };

/** Revoked serials and the shards of the CRL. */
export function revocationRows(context: StoreContext): Pick<LogStore, Part> {
  const { queries, logId } = context;
  const findStatus = queries.prepare(['serial'], (db, { serial }) => {
    const found = db
      .select({ one: sql`1` })
      .from(certificates)
      .where(and(eq(certificates.logId, logId), eq(certificates.serial, serial)));
    return db
      .select({ revokedMs: revocations.revokedMs, reason: revocations.reason, issued: sql<boolean>`exists ${found}` })
      .from(sql`(select 1) as one`)
      .leftJoin(revocations, and(eq(revocations.logId, logId), eq(revocations.serial, serial)));
  });
  return {
    async findStatus(serial) {
      const [row] = await findStatus({ serial: serialBytes(serial) });
      const revokedMs = row?.revokedMs ?? undefined;
      const reason = row?.reason ?? 0;
      const revocation = revokedMs === undefined ? undefined : { serial, revokedMs, reason };
      return { issued: row?.issued === true, revocation };
    },

    revokeUnstored: (revocation, trail) => revokeUnstored(context, revocation, trail),
    claimCrlShard: () => claimCrlShard(context),

    async countCrlShards() {
      const { shards } = crlShards;
      const [row] = await queries.run((db) => db.select({ shards }).from(crlShards).where(eq(crlShards.logId, logId)));
      return row?.shards ?? 0;
    },

    async listRevoked(notExpiredAtMs, range = ANY_SERIAL) {
      const { serial, revokedMs, reason } = revocations;
      const rows = await queries.run((db) =>
        db
          .select({ serial, revokedMs, reason })
          .from(revocations)
          .where(isRevoked(logId, notExpiredAtMs, range))
          .orderBy(asc(serial))
          .limit(range.limit),
      );
      return rows.map(toRevocation);
    },

    async countRevoked(notExpiredAtMs, range) {
      const [row] = await queries.run((db) => {
        const listed = db
          .select({ serial: revocations.serial })
          .from(revocations)
          .where(isRevoked(logId, notExpiredAtMs, range))
          .limit(range.limit)
          .as('listed');
        return db.select({ count: count() }).from(listed);
      });
      return row?.count ?? 0;
    },
  };
}

function revokeUnstored(context: StoreContext, revocation: Revocation, trail: TrailRecord): Promise<boolean> {
  const { logId, serial } = certificates;
  const stored = sql`select 1 from ${certificates}
    where ${logId} = ${context.logId} and ${serial} = ${serialBytes(revocation.serial)}`;
  return revokeUnstoredIn(context, revocation, trail, [stored]);
}

/** Revokes a serial, unless a row of one of the subqueries says that its certificate is stored. */
export async function revokeUnstoredIn(
  { queries, logId }: StoreContext,
  { serial: text, revokedMs, reason }: Revocation,
  trail: TrailRecord,
  stored: readonly SQL[],
): Promise<boolean> {
  const serial = serialBytes(text);
  const revoked = queries.run((db) => {
    const row = db
      .select({
        logId: givenAs(revocations.logId, logId),
        serial: givenAs(revocations.serial, serial),
        revokedMs: givenAs(revocations.revokedMs, revokedMs),
        reason: givenAs(revocations.reason, reason),
        notAfterMs: givenAs(revocations.notAfterMs, null),
      })
      .from(sql`(select 1) as one`)
      .where(and(sql`true`, ...stored.map((rows) => sql`not exists (${rows})`)));
    const insert = db.insert(revocations).select(row).onConflictDoNothing().returning({ serial: revocations.serial });
    const source = db.$with('revoked').as(insert);
    return db
      .with(source, ...withTrail(db, 'revoked', logId, trail))
      .select()
      .from(source);
  });
  return (await unlessTrailMoved(revoked)).length === 1;
}

async function claimCrlShard({ queries, logId }: StoreContext): Promise<number> {
  // One statement: callers that claim at the same moment wait for each other, and each gets its own number.
  const [row] = await queries.run((db) =>
    db
      .insert(crlShards)
      .values({ logId, shards: 1 })
      .onConflictDoUpdate({ target: crlShards.logId, set: { shards: sql`${crlShards.shards} + 1` } })
      .returning({ shards: crlShards.shards }),
  );
  ensure(row !== undefined, 'storage-corrupt', 'a CRL shard without a number');
  return row.shards - 1;
}

function isRevoked(
  logId: number,
  notExpiredAtMs: number,
  { first, last, expiredBeforeMs }: SerialRange,
): SQL | undefined {
  const { serial, notAfterMs } = revocations;
  return and(
    eq(revocations.logId, logId),
    between(serial, serialBytes(first), serialBytes(last)),
    or(isNull(notAfterMs), gte(notAfterMs, notExpiredAtMs)),
    expiredBeforeMs === undefined ? undefined : lt(notAfterMs, expiredBeforeMs),
  );
}

function toRevocation(row: Omit<Revocation, 'serial'> & { readonly serial: Uint8Array }): Revocation {
  return { ...row, serial: serialText(row.serial) };
}
