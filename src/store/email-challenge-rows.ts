import { and, count, eq, gte, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import type { EmailChallengeRow, LogStore, NextPlace } from './ports.ts';
import type { SealedColumns } from './row-seals.ts';
import type { StoreContext } from './rows.ts';
import { emailChallenges } from './schema.ts';
import { columnsBut, givenAs } from './statement.ts';

type Part = 'addEmailChallenge' | 'tryEmailChallenge' | 'useEmailChallenge' | 'dropEmailChallenge';

const { challengeId, labelKey, spkiSha256, codeHash, createdMs, expiresMs, attempts, mac } = emailChallenges;
const { usedVersion, usedCommitment } = emailChallenges;
const ROW = columnsBut(emailChallenges, 'logId');

/** The most reads of one row that others change between its reading and writing. */
const MAX_TURNS = 64;

const UNUSED = { usedVersion: undefined, usedCommitment: undefined };

/** Codes that were sent by mail. */
export function emailChallengeRows(context: StoreContext): Pick<LogStore, Part> {
  const { queries, logId, seals } = context;
  const ofLog = eq(emailChallenges.logId, logId);
  return {
    async addEmailChallenge(challenge, { sinceMs, maximum }) {
      // Simultaneous challenges for one address would not see each other, and each would find room for itself.
      const key = `email-challenge/${logId}/${formatHex(challenge.labelKey)}`;
      const added = await queries.runAlone(key, (db) => {
        // Challenges older than the window have expired too: each new challenge deletes them.
        const gone = db.$with('gone').as(db.delete(emailChallenges).where(and(ofLog, lt(createdMs, sinceMs))));
        const recent = db
          .select({ count: count() })
          .from(emailChallenges)
          .where(and(ofLog, eq(labelKey, challenge.labelKey), gte(createdMs, sinceMs)));
        const row = db
          .select({
            logId: givenAs(emailChallenges.logId, logId),
            challengeId: givenAs(challengeId, challenge.challengeId),
            labelKey: givenAs(labelKey, challenge.labelKey),
            spkiSha256: givenAs(spkiSha256, challenge.spkiSha256),
            codeHash: givenAs(codeHash, challenge.codeHash),
            createdMs: givenAs(createdMs, challenge.createdMs),
            expiresMs: givenAs(expiresMs, challenge.expiresMs),
            attempts: givenAs(attempts, 0),
            usedVersion: givenAs(usedVersion, null),
            usedCommitment: givenAs(usedCommitment, null),
            mac: givenAs(mac, seals?.seal(emailChallenges, { ...challenge, ...UNUSED, attempts: 0 }) ?? null),
          })
          .from(sql`(select 1) as one`)
          .where(sql`(${recent}) < ${maximum}::int8`);
        return db.with(gone).insert(emailChallenges).select(row).returning({ challengeId });
      });
      return added.length === 1;
    },

    async tryEmailChallenge(id, maxAttempts) {
      const ofChallenge = and(ofLog, eq(challengeId, id));
      // Each further turn means that another attempt was counted meanwhile.
      for (let turn = 0; turn <= maxAttempts; turn++) {
        const counted = await countAttempt(context, ofChallenge, maxAttempts);
        if (counted !== 'again') return counted;
      }
      return undefined;
    },

    async useEmailChallenge(id, place) {
      for (let turn = 0; turn < MAX_TURNS; turn++) {
        const used = await use(context, and(ofLog, eq(challengeId, id)), place);
        if (used !== 'again') return used;
      }
      return false;
    },

    async dropEmailChallenge(id) {
      await queries.run((db) => db.delete(emailChallenges).where(and(ofLog, eq(challengeId, id))));
    },
  };
}

/** Counts an attempt before its code is compared, so that all of several simultaneous attempts count. */
async function countAttempt(
  context: StoreContext,
  ofChallenge: SQL | undefined,
  maxAttempts: number,
): Promise<EmailChallengeRow | 'again' | undefined> {
  const row = await find(context, ofChallenge);
  if (row === undefined || row.attempts >= maxAttempts) return undefined;
  const { attempts: before, usedVersion: _version, usedCommitment: _commitment, ...challenge } = row;
  const isCounted = await change(context, ofChallenge, row, { attempts: before + 1 });
  return isCounted ? challenge : 'again';
}

async function use(
  context: StoreContext,
  ofChallenge: SQL | undefined,
  { version, previousCommitment }: NextPlace,
): Promise<boolean | 'again'> {
  const row = await find(context, ofChallenge);
  if (row === undefined) return false;
  const { usedVersion: used, usedCommitment: before } = row;
  if (used !== null) return used === version && before !== null && equalBytes(before, previousCommitment);
  const isUsed = await change(context, ofChallenge, row, {
    usedVersion: version,
    usedCommitment: previousCommitment,
  });
  return isUsed ? true : 'again';
}

type SealedChallenge = SealedColumns<typeof emailChallenges>;
type Changes = Partial<Pick<typeof emailChallenges.$inferSelect, 'attempts' | 'usedVersion' | 'usedCommitment'>>;

/** Reads a challenge whose seal is valid. Throws `unsealed-row`. */
async function find({ queries, seals }: StoreContext, ofChallenge: SQL | undefined) {
  const [found] = await queries.run((db) => db.select(ROW).from(emailChallenges).where(ofChallenge));
  if (found === undefined) return undefined;
  const { mac: sealed, ...row } = found;
  seals?.assert(emailChallenges, row, sealed);
  return row;
}

/** Changes a row and its seal. Returns false if the row is another one by now: the seal would be of what was read. */
async function change(
  { queries, seals }: StoreContext,
  ofChallenge: SQL | undefined,
  row: SealedChallenge & { readonly attempts: number; readonly usedVersion: number | null },
  changes: Changes,
): Promise<boolean> {
  const resealed = seals?.reseal(emailChallenges, row, { ...row, ...changes });
  const isAsRead = row.usedVersion === null ? isNull(usedVersion) : eq(usedVersion, row.usedVersion);
  const changed = await queries.run((db) =>
    db
      .update(emailChallenges)
      .set({ ...changes, mac: resealed })
      .where(and(ofChallenge, eq(attempts, row.attempts), isAsRead))
      .returning({ challengeId }),
  );
  return changed.length === 1;
}
