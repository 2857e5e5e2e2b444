import { and, eq, sql } from 'drizzle-orm';
import { formatHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { HeadRow, LogStore, UnsealedRow } from './ports.ts';
import { headColumns, type StoreContext, withTile } from './rows.ts';
import type { RowSeals } from './row-seals.ts';
import { emailChallenges, heads, recoveries, submissions, tokens } from './schema.ts';

type Part = 'listUnsealed' | 'sealRow' | 'readUnsealedHead' | 'sealHead';

/** An unsealed row, its seal as it should be, and where to write it. */
interface Finding extends UnsealedRow {
  readonly write: (mac: Uint8Array) => Promise<unknown>;
  readonly mac: Uint8Array;
}

/** The rows that authorise something, whichever table they are in: for the administrator who seals them once. */
export function sealedRows(context: StoreContext): Pick<LogStore, Part> {
  return {
    async listUnsealed() {
      const found = await findUnsealed(context);
      const others = found.map(({ table, key, about }) => ({ table, key, about }));
      return [...(await findUnsealedHead(context)), ...others];
    },

    async sealRow({ table, key }) {
      const found = (await findUnsealed(context)).find((one) => one.table === table && one.key === key);
      await found?.write(found.mac);
      return found !== undefined;
    },

    async readUnsealedHead() {
      const { mac: _, logId: __, logEnd, ...row } = await readHeadRow(context);
      return { head: withTile(row), logEnd: logEnd ?? undefined };
    },

    sealHead: (head, logEnd) => sealHead(context, head, logEnd),
  };
}

async function readHeadRow({ queries, logId }: StoreContext) {
  const [row] = await queries.run((db) => db.select().from(heads).where(eq(heads.logId, logId)));
  ensure(row !== undefined, 'storage-corrupt', 'the log has no head row');
  return row;
}

async function findUnsealedHead(context: StoreContext): Promise<readonly UnsealedRow[]> {
  const row = await readHeadRow(context);
  const isSealed = context.seals?.isSealed(heads, row, row.mac) ?? true;
  if (row.size === 0 || isSealed) return [];
  return [{ table: 'heads', key: String(row.size), about: `the head, with root ${formatHex(row.auditRoot)}` }];
}

async function sealHead(
  { queries, logId, seals }: StoreContext,
  head: HeadRow,
  logEnd: Uint8Array | undefined,
): Promise<boolean> {
  ensure(seals !== undefined, 'internal', 'there is no key for seals');
  const mac = seals.seal(heads, headColumns(head, logEnd));
  const isThis = and(eq(heads.logId, logId), eq(heads.size, head.size), eq(heads.auditRoot, head.auditRoot));
  const sealed = await queries.run((db) => db.update(heads).set({ mac }).where(isThis).returning({ size: heads.size }));
  return sealed.length === 1;
}

async function findUnsealed(context: StoreContext): Promise<readonly Finding[]> {
  const { seals } = context;
  if (seals === undefined) return [];
  const finders = [unsealedTokens, unsealedChallenges, unsealedRecoveries, unsealedSubmissions];
  return (await Promise.all(finders.map((find) => find(context, seals)))).flat();
}

async function unsealedTokens({ queries, logId }: StoreContext, seals: RowSeals): Promise<Finding[]> {
  const ofLog = eq(tokens.logId, logId);
  const rows = await queries.run((db) => db.select().from(tokens).where(ofLog));
  return rows
    .filter((row) => !seals.isSealed(tokens, row, row.mac))
    .map((row) => ({
      table: 'tokens',
      key: String(row.tokenId),
      about: `${row.name}${row.revokedMs === null ? '' : ' (revoked)'}`,
      mac: seals.seal(tokens, row),
      write: (mac) =>
        queries.run((db) =>
          db
            .update(tokens)
            .set({ mac })
            .where(and(ofLog, eq(tokens.tokenId, row.tokenId))),
        ),
    }));
}

async function unsealedChallenges({ queries, logId }: StoreContext, seals: RowSeals): Promise<Finding[]> {
  const ofLog = eq(emailChallenges.logId, logId);
  const rows = await queries.run((db) => db.select().from(emailChallenges).where(ofLog));
  return rows
    .filter((row) => !seals.isSealed(emailChallenges, row, row.mac))
    .map((row) => ({
      table: 'email_challenges',
      key: formatHex(row.challengeId),
      about: `label ${formatHex(row.labelKey)}`,
      mac: seals.seal(emailChallenges, row),
      write: (mac) =>
        queries.run((db) =>
          db
            .update(emailChallenges)
            .set({ mac })
            .where(and(ofLog, eq(emailChallenges.challengeId, row.challengeId))),
        ),
    }));
}

async function unsealedRecoveries({ queries, logId }: StoreContext, seals: RowSeals): Promise<Finding[]> {
  const ofLog = eq(recoveries.logId, logId);
  const rows = await queries.run((db) => db.select().from(recoveries).where(ofLog));
  return rows
    .filter((row) => !seals.isSealed(recoveries, row, row.mac))
    .map((row) => ({
      table: 'recoveries',
      key: formatHex(row.labelKey),
      about: `${row.identity}: ${row.state}, key ${formatHex(row.spkiSha256)}`,
      mac: seals.seal(recoveries, row),
      write: (mac) =>
        queries.run((db) =>
          db
            .update(recoveries)
            .set({ mac })
            .where(and(ofLog, eq(recoveries.labelKey, row.labelKey))),
        ),
    }));
}

async function unsealedSubmissions({ queries, logId }: StoreContext, seals: RowSeals): Promise<Finding[]> {
  const queued = and(eq(submissions.logId, logId), sql`${submissions.state} = 'queued'`);
  const rows = await queries.run((db) => db.select().from(submissions).where(queued));
  // The database numbers submissions: see `queuedColumns`.
  const columns = (row: (typeof rows)[number]) => ({ ...row, submissionId: undefined });
  return rows
    .filter((row) => !seals.isSealed(submissions, columns(row), row.mac))
    .map((row) => ({
      table: 'submissions',
      key: String(row.submissionId),
      about: `version ${row.version} of label ${formatHex(row.labelKey)}`,
      mac: seals.seal(submissions, columns(row)),
      write: (mac) =>
        queries.run((db) =>
          db
            .update(submissions)
            .set({ mac })
            .where(and(queued, eq(submissions.submissionId, row.submissionId))),
        ),
    }));
}
