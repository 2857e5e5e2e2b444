import { and, eq, sql } from 'drizzle-orm';
import { formatHex, parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { HeadRow, LogStore, UnsealedRow } from './ports.ts';
import { headColumns, type StoreContext, withTile } from './rows.ts';
import type { RowSeals } from './row-seals.ts';
import { emailChallenges, heads, labels, recoveries, submissions, tokens } from './schema.ts';

type Part = 'listUnsealed' | 'sealRow' | 'readUnsealedHead' | 'sealHead';

/** The rows that authorise something, whichever table they are in: for the administrator who seals them once. */
export function sealedRows(context: StoreContext): Pick<LogStore, Part> {
  return {
    async listUnsealed() {
      const { seals } = context;
      if (seals === undefined) return [];
      const finders = [unsealedHead, unsealedTokens, unsealedChallenges, unsealedRecoveries, unsealedSubmissions];
      return (await Promise.all(finders.map((find) => find(context, seals)))).flat();
    },

    sealRow: (row) => sealRow(context, row),

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

async function unsealedHead(context: StoreContext, seals: RowSeals): Promise<UnsealedRow[]> {
  const row = await readHeadRow(context);
  if (row.size === 0 || seals.isSealed(heads, row, row.mac)) return [];
  const about = `the head, with root ${formatHex(row.auditRoot)}`;
  return [{ table: 'heads', key: String(row.size), about, seal: undefined }];
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

async function unsealedTokens({ queries, logId }: StoreContext, seals: RowSeals): Promise<UnsealedRow[]> {
  const rows = await queries.run((db) => db.select().from(tokens).where(eq(tokens.logId, logId)));
  return rows
    .filter((row) => !seals.isSealed(tokens, row, row.mac))
    .map((row) => {
      const end = row.revokedMs === null ? '' : `, revoked ${time(row.revokedMs)}`;
      const about = `application token ${row.name}, made ${time(row.createdMs)}${end}`;
      return { table: 'tokens', key: String(row.tokenId), about, seal: seals.seal(tokens, row) };
    });
}

async function unsealedChallenges({ queries, logId }: StoreContext, seals: RowSeals): Promise<UnsealedRow[]> {
  const ofLabel = and(eq(labels.logId, emailChallenges.logId), eq(labels.labelKey, emailChallenges.labelKey));
  const rows = await queries.run((db) =>
    db
      .select({ row: emailChallenges, label: labels.label })
      .from(emailChallenges)
      .leftJoin(labels, ofLabel)
      .where(eq(emailChallenges.logId, logId)),
  );
  return rows
    .filter(({ row }) => !seals.isSealed(emailChallenges, row, row.mac))
    .map(({ row, label }) => ({
      table: 'email_challenges',
      key: formatHex(row.challengeId),
      about: `mailed code for key ${formatHex(row.spkiSha256)}, until ${time(row.expiresMs)}`,
      name: { labelKey: row.labelKey, label: label ?? undefined },
      seal: seals.seal(emailChallenges, row),
    }));
}

async function unsealedRecoveries({ queries, logId }: StoreContext, seals: RowSeals): Promise<UnsealedRow[]> {
  const ofLabel = and(eq(labels.logId, recoveries.logId), eq(labels.labelKey, recoveries.labelKey));
  const rows = await queries.run((db) =>
    db
      .select({ row: recoveries, label: labels.label })
      .from(recoveries)
      .leftJoin(labels, ofLabel)
      .where(eq(recoveries.logId, logId)),
  );
  return rows
    .filter(({ row }) => !seals.isSealed(recoveries, row, row.mac))
    .map(({ row, label }) => ({
      table: 'recoveries',
      key: formatHex(row.labelKey),
      about: `${row.state} recovery for key ${formatHex(row.spkiSha256)}, asked ${time(row.requestedMs)}`,
      name: { labelKey: row.labelKey, label: label ?? undefined },
      seal: seals.seal(recoveries, row),
    }));
}

async function unsealedSubmissions({ queries, logId }: StoreContext, seals: RowSeals): Promise<UnsealedRow[]> {
  const queued = and(eq(submissions.logId, logId), sql`${submissions.state} = 'queued'`);
  const rows = await queries.run((db) => db.select().from(submissions).where(queued));
  // The database numbers submissions: see `queuedColumns`.
  const columns = (row: (typeof rows)[number]) => ({ ...row, submissionId: undefined });
  return rows
    .filter((row) => !seals.isSealed(submissions, columns(row), row.mac))
    .map((row) => ({
      table: 'submissions',
      key: String(row.submissionId),
      about: `queued version ${row.version}`,
      name: { labelKey: row.labelKey, label: row.label ?? undefined },
      record: row.value ?? undefined,
      seal: seals.seal(submissions, columns(row)),
    }));
}

async function sealRow({ queries, logId }: StoreContext, { table, key, seal: mac }: UnsealedRow): Promise<boolean> {
  if (mac === undefined) return false;
  const [row] = await queries.run((db) => {
    const one = { one: sql`1` };
    if (table === 'tokens') {
      const ofRow = and(eq(tokens.logId, logId), eq(tokens.tokenId, Number(key)));
      return db.update(tokens).set({ mac }).where(ofRow).returning(one);
    }
    if (table === 'email_challenges') {
      const ofRow = and(eq(emailChallenges.logId, logId), eq(emailChallenges.challengeId, parseHex(key)));
      return db.update(emailChallenges).set({ mac }).where(ofRow).returning(one);
    }
    if (table === 'recoveries') {
      const ofRow = and(eq(recoveries.logId, logId), eq(recoveries.labelKey, parseHex(key)));
      return db.update(recoveries).set({ mac }).where(ofRow).returning(one);
    }
    const ofRow = and(eq(submissions.logId, logId), eq(submissions.submissionId, Number(key)));
    return db.update(submissions).set({ mac }).where(ofRow).returning(one);
  });
  return row !== undefined;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
