import type { EmailChallengeRow, LogStore } from './ports.ts';
import type { LogContext } from './rows.ts';
import { statement } from './sql-statement.ts';

type Part = 'addEmailChallenge' | 'tryEmailChallenge' | 'dropEmailChallenge';

type ChallengeColumns = {
  readonly challenge_id: Uint8Array;
  readonly label_key: Uint8Array;
  readonly spki_sha256: Uint8Array;
  readonly code_hash: Uint8Array;
  readonly created_ms: number;
  readonly expires_ms: number;
};

const COLUMNS = 'challenge_id, label_key, spki_sha256, code_hash, created_ms, expires_ms';

// What is older than the window in which challenges are counted has also expired: each new one clears it away.
const ADD = statement(
  ['log', 'id', 'label', 'spki', 'code', 'created', 'expires', 'since', 'maximum'],
  `with gone as (delete from email_challenges where log_id = :log::int4 and created_ms < :since::int8)
  insert into email_challenges (log_id, ${COLUMNS}, attempts)
  select :log::int4, :id::bytea, :label::bytea, :spki::bytea, :code::bytea, :created::int8, :expires::int8, 0
  where (select count(*) from email_challenges
    where log_id = :log::int4 and label_key = :label::bytea and created_ms >= :since::int8) < :maximum::int8`,
);

// Counted before it is compared: of attempts that come together none is free.
const TRY = `update email_challenges set attempts = attempts + 1
  where log_id = $1 and challenge_id = $2 and attempts < $3
  returning ${COLUMNS}`;

const DROP = 'delete from email_challenges where log_id = $1 and challenge_id = $2';

/** Codes that were sent by mail. */
export function emailChallengeRows({ sql, logId }: LogContext): Pick<LogStore, Part> {
  return {
    async addEmailChallenge(challenge, { sinceMs, maximum }) {
      const parameters = ADD.bind({
        log: logId,
        id: challenge.challengeId,
        label: challenge.labelKey,
        spki: challenge.spkiSha256,
        code: challenge.codeHash,
        created: challenge.createdMs,
        expires: challenge.expiresMs,
        since: sinceMs,
        maximum,
      });
      return (await sql.execute(ADD.text, parameters)) === 1;
    },

    async tryEmailChallenge(challengeId, maxAttempts) {
      const [row] = await sql.query<ChallengeColumns>(TRY, [logId, challengeId, maxAttempts]);
      return row === undefined ? undefined : toChallenge(row);
    },

    async dropEmailChallenge(challengeId) {
      await sql.execute(DROP, [logId, challengeId]);
    },
  };
}

function toChallenge(row: ChallengeColumns): EmailChallengeRow {
  return {
    challengeId: row.challenge_id,
    labelKey: row.label_key,
    spkiSha256: row.spki_sha256,
    codeHash: row.code_hash,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
  };
}
