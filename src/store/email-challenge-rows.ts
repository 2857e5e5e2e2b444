import { and, count, eq, gte, lt, sql } from 'drizzle-orm';
import { formatHex } from '../core/encoding/bytes.ts';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { emailChallenges } from './schema.ts';
import { present } from './stored-row.ts';
import { givenAs } from './statement.ts';

type Part = 'addEmailChallenge' | 'tryEmailChallenge' | 'dropEmailChallenge';

const { challengeId, labelKey, spkiSha256, codeHash, createdMs, expiresMs, attempts } = emailChallenges;
const CHALLENGE = { challengeId, labelKey, spkiSha256, codeHash, createdMs, expiresMs };

/** Codes that were sent by mail. */
export function emailChallengeRows({ queries, logId }: StoreContext): Pick<LogStore, Part> {
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
          })
          .from(sql`(select 1) as one`)
          .where(sql`(${recent}) < ${maximum}::int8`);
        return db.with(gone).insert(emailChallenges).select(row).returning({ challengeId });
      });
      return added.length === 1;
    },

    async tryEmailChallenge(id, maxAttempts) {
      // Counts an attempt before comparing its code, so that all of several simultaneous attempts count.
      const [row] = await queries.run((db) =>
        db
          .update(emailChallenges)
          .set({ attempts: sql`${attempts} + 1` })
          .where(and(ofLog, eq(challengeId, id), lt(attempts, maxAttempts)))
          .returning(CHALLENGE),
      );
      return row && present(row);
    },

    async dropEmailChallenge(id) {
      await queries.run((db) => db.delete(emailChallenges).where(and(ofLog, eq(challengeId, id))));
    },
  };
}
