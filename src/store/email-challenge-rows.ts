import { and, count, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import { formatHex } from '../core/encoding/bytes.ts';
import type { EmailChallengeRow, LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { emailChallenges } from './schema.ts';
import { present } from './stored-row.ts';
import { givenAs } from './statement.ts';

type Part = 'addEmailChallenge' | 'tryEmailChallenge' | 'dropEmailChallenge';

const { challengeId, labelKey, spkiSha256, codeHash, createdMs, expiresMs, attempts, mac } = emailChallenges;
const CHALLENGE = { challengeId, labelKey, spkiSha256, codeHash, createdMs, expiresMs };

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
            mac: givenAs(mac, seals?.seal(emailChallenges, { ...challenge, attempts: 0 }) ?? null),
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

    async dropEmailChallenge(id) {
      await queries.run((db) => db.delete(emailChallenges).where(and(ofLog, eq(challengeId, id))));
    },
  };
}

/**
 * Counts an attempt before its code is compared, so that all of several simultaneous attempts count. The seal covers
 * the count, so a row that has another one by now is read again.
 */
async function countAttempt(
  { queries, seals }: StoreContext,
  ofChallenge: SQL | undefined,
  maxAttempts: number,
): Promise<EmailChallengeRow | 'again' | undefined> {
  const columns = { ...CHALLENGE, attempts, mac };
  const [found] = await queries.run((db) => db.select(columns).from(emailChallenges).where(ofChallenge));
  if (found === undefined || found.attempts >= maxAttempts) return undefined;
  const { attempts: before, mac: sealed, ...row } = found;
  seals?.assert(emailChallenges, { ...row, attempts: before }, sealed);
  const next = before + 1;
  const resealed = seals?.reseal(emailChallenges, { ...row, attempts: before }, { ...row, attempts: next });
  const counted = await queries.run((db) =>
    db
      .update(emailChallenges)
      .set({ attempts: next, mac: resealed })
      .where(and(ofChallenge, eq(attempts, before)))
      .returning({ challengeId }),
  );
  return counted.length === 1 ? present(row) : 'again';
}
