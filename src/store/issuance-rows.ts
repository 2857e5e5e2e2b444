import { REASON_NEVER_RELEASED } from './append.ts';
import { INTENT_COLUMNS, type IntentColumns, intentOpener, toIntent } from './open-intents.ts';
import type { IntentState, LogStore, Revocation, SubmissionOutcome, SubmissionRow, TrailRecord } from './ports.ts';
import { type LogContext, serialBytes } from './rows.ts';
import { isRefused } from './sql-error.ts';
import { statement } from './sql-statement.ts';
import { submitter } from './submit-versions.ts';
import { assertTrailNotMoved, TRAIL, trailValues, writesTrail } from './trail-rows.ts';

type Part =
  | 'openIntent'
  | 'submit'
  | 'failIntent'
  | 'staleIntents'
  | 'readQueue'
  | 'queueDepth'
  | 'readOutcomes'
  | 'purgeSettled';

// Locks in the order of the append: the submission, the intent, revocations. Where the submission could be stopped but the
// intent has changed meanwhile, the last line divides by zero and so undoes everything.
const FAIL_INTENT = statement(
  ['log', 'labelKey', 'version', 'from', 'nowMs', 'serial', 'revokedMs', 'reason', ...TRAIL],
  `with found as materialized (
    select submission_id from intents where log_id = :log and label_key = :labelKey and version = :version
      and state = :from),
  stopped as (
    update submissions s set state = 'rejected', code = 'timed-out', settled_ms = :nowMs::int8, label = null,
      vrf_output = null, vrf_proof = null, commitment = null, opening = null, value = null, act = null
    from found where :from = 'submitted' and s.log_id = :log and s.submission_id = found.submission_id
      and s.state = 'queued'
    returning s.submission_id),
  failed as (
    update intents i set state = 'failed' from found
    where i.log_id = :log and i.label_key = :labelKey and i.version = :version and i.state = :from
      and i.submission_id is not distinct from found.submission_id
      and (:from <> 'submitted' or exists (select from stopped))
    returning i.serial),
  revoked as (
    select :serial::bytea as serial, :revokedMs::int8 as revoked_ms, :reason::int8 as reason from failed
    where :serial::bytea is not null
    union all
    select serial, coalesce(:revokedMs::int8, :nowMs::int8), ${REASON_NEVER_RELEASED} from failed
    where serial is not null and serial is distinct from :serial::bytea),
  new_revocations as (
    insert into revocations (log_id, serial, revoked_ms, reason, not_after_ms)
    select :log::int4, revoked.*,
      (select not_after_ms from certificates c where c.log_id = :log and c.serial = revoked.serial)
    from revoked
    on conflict do nothing),
  ${writesTrail('failed')}
  select (select count(*) from failed) as failed,
    1 / (case when exists (select from stopped) and not exists (select from failed) then 0 else 1 end) as consistent`,
);

const STALE_INTENTS = `select ${INTENT_COLUMNS} from intents
  where log_id = $1 and created_ms < $2 and state in ('open', 'submitted') order by created_ms limit $3`;

const QUEUE = `select submission_id, label_key, version, label, vrf_output, vrf_proof, commitment, opening, value, act
  from submissions where log_id = $1 and state = 'queued' order by submission_id limit $2`;

const QUEUE_DEPTH = `select count(*) as depth from submissions where log_id = $1 and state = 'queued'`;

const OUTCOMES = `select found.* from unnest($2::int8[]) with ordinality as asked (id, ord)
  cross join lateral (select submission_id, state, position, code from submissions
    where log_id = $1 and submission_id = asked.id limit 1) as found order by asked.ord`;

const PURGE_SUBMISSIONS = 'delete from submissions where log_id = $1 and settled_ms < $2';
const PURGE_INTENTS = `delete from intents where log_id = $1 and created_ms < $2 and state in ('sequenced', 'failed')`;

/** Intents, submissions and their outcomes. */
export function issuanceRows(context: LogContext): Pick<LogStore, Part> {
  const { sql, logId } = context;
  return {
    openIntent: intentOpener(context),
    submit: submitter(context),
    failIntent: (intent, from, revocation, trail) => failIntent(context, intent, from, revocation, trail),

    async staleIntents(beforeMs, limit) {
      const rows = await sql.query<IntentColumns>(STALE_INTENTS, [logId, beforeMs, limit]);
      return rows.map(toIntent);
    },

    async readQueue(limit) {
      const rows = await sql.query<QueueColumns>(QUEUE, [logId, limit]);
      return rows.map(toSubmission);
    },

    async queueDepth() {
      const [row] = await sql.query<{ depth: number }>(QUEUE_DEPTH, [logId]);
      return row?.depth ?? 0;
    },

    async readOutcomes(submissionIds) {
      if (submissionIds.length === 0) return [];
      const rows = await sql.query<OutcomeColumns>(OUTCOMES, [logId, submissionIds]);
      return rows.map(toOutcome);
    },

    async purgeSettled(beforeMs) {
      await sql.execute(PURGE_SUBMISSIONS, [logId, beforeMs]);
      await sql.execute(PURGE_INTENTS, [logId, beforeMs]);
    },
  };
}

async function failIntent(
  { sql, logId, now }: LogContext,
  intent: { readonly labelKey: Uint8Array; readonly version: number },
  from: IntentState,
  revocation: Revocation | undefined,
  trail: TrailRecord | undefined,
): Promise<boolean> {
  const parameters = FAIL_INTENT.bind({
    log: logId,
    labelKey: intent.labelKey,
    version: intent.version,
    from,
    nowMs: now(),
    serial: revocation === undefined ? undefined : serialBytes(revocation.serial),
    revokedMs: revocation?.revokedMs,
    reason: revocation?.reason,
    ...trailValues(trail),
  });
  try {
    const [row] = await sql.query<{ failed: number }>(FAIL_INTENT.text, parameters);
    return row?.failed === 1;
  } catch (error) {
    assertTrailNotMoved(error);
    if (isRefused(error)) return false;
    throw error;
  }
}

type QueueColumns = {
  readonly submission_id: number;
  readonly label_key: Uint8Array;
  readonly version: number;
  readonly label: Uint8Array;
  readonly vrf_output: Uint8Array;
  readonly vrf_proof: Uint8Array;
  readonly commitment: Uint8Array;
  readonly opening: Uint8Array;
  readonly value: Uint8Array;
  readonly act: string | null;
};

type OutcomeColumns = {
  readonly submission_id: number;
  readonly state: SubmissionOutcome['state'];
  readonly position: number | null;
  readonly code: string | null;
};

function toSubmission(row: QueueColumns): SubmissionRow {
  return {
    id: row.submission_id,
    labelKey: row.label_key,
    label: row.label,
    version: row.version,
    vrfOutput: row.vrf_output,
    vrfProof: row.vrf_proof,
    opening: row.opening,
    value: row.value,
    commitment: row.commitment,
    ...(row.act === null ? {} : { act: row.act }),
  };
}

function toOutcome(row: OutcomeColumns): SubmissionOutcome {
  const id = row.submission_id;
  if (row.position !== null) return { id, state: 'sequenced', position: row.position };
  if (row.code !== null) return { id, state: 'rejected', code: row.code };
  return { id, state: 'queued' };
}
