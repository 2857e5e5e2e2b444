import { sql } from 'drizzle-orm';
import { CLEARED, insertsRevocations, REASON_NEVER_RELEASED } from './append.ts';
import { INTENT_COLUMNS, type IntentColumns, intentOpener, toIntent } from './open-intents.ts';
import type { IntentState, LogStore, Revocation, SubmissionOutcome, SubmissionRow, TrailRecord } from './ports.ts';
import { type StoreContext, serialBytes } from './rows.ts';
import { isRefused } from './sql-error.ts';
import { intents, revocations, submissions } from './schema.ts';
import { assignments, given, statement } from './statement.ts';
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
  (values) => {
    const { logId, labelKey, version, state, submissionId, serial } = intents;
    return sql`with found as materialized (
      select ${submissionId} as id from ${intents}
      where ${logId} = ${values.log} and ${labelKey} = ${values.labelKey} and ${version} = ${values.version}
        and ${state} = ${values.from}),
    stopped as (
      update ${submissions} set ${assignments(submissions, {
        state: sql`'rejected'`,
        code: sql`'timed-out'`,
        settledMs: given(submissions.settledMs, values.nowMs),
        ...CLEARED,
      })}
      from found where ${values.from} = 'submitted' and ${submissions.logId} = ${values.log}
        and ${submissions.submissionId} = found.id and ${submissions.state} = 'queued'
      returning 1),
    failed as (
      update ${intents} set ${assignments(intents, { state: sql`'failed'` })} from found
      where ${logId} = ${values.log} and ${labelKey} = ${values.labelKey} and ${version} = ${values.version}
        and ${state} = ${values.from} and ${submissionId} is not distinct from found.id
        and (${values.from} <> 'submitted' or exists (select from stopped))
      returning ${serial} as serial),
    revoked as (
      select ${given(serial, values.serial)} as serial, ${given(revocations.revokedMs, values.revokedMs)} as revoked_ms,
        ${given(revocations.reason, values.reason)} as reason
      from failed where ${given(serial, values.serial)} is not null
      union all
      select serial, coalesce(${given(revocations.revokedMs, values.revokedMs)}, ${values.nowMs}::int8),
        ${sql.raw(String(REASON_NEVER_RELEASED))}
      from failed where serial is not null and serial is distinct from ${given(serial, values.serial)}),
    ${insertsRevocations(sql`revoked`, values.log)},
    ${writesTrail('failed', values)}
    select (select count(*) from failed) as failed,
      1 / (case when exists (select from stopped) and not exists (select from failed) then 0 else 1 end) as consistent`;
  },
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
export function issuanceRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, logId } = context;
  return {
    openIntent: intentOpener(context),
    submit: submitter(context),
    failIntent: (intent, from, revocation, trail) => failIntent(context, intent, from, revocation, trail),

    async staleIntents(beforeMs, limit) {
      const rows = await driver.query<IntentColumns>(STALE_INTENTS, [logId, beforeMs, limit]);
      return rows.map(toIntent);
    },

    async readQueue(limit) {
      const rows = await driver.query<QueueColumns>(QUEUE, [logId, limit]);
      return rows.map(toSubmission);
    },

    async queueDepth() {
      const [row] = await driver.query<{ depth: number }>(QUEUE_DEPTH, [logId]);
      return row?.depth ?? 0;
    },

    async readOutcomes(submissionIds) {
      if (submissionIds.length === 0) return [];
      const rows = await driver.query<OutcomeColumns>(OUTCOMES, [logId, submissionIds]);
      return rows.map(toOutcome);
    },

    async purgeSettled(beforeMs) {
      await driver.execute(PURGE_SUBMISSIONS, [logId, beforeMs]);
      await driver.execute(PURGE_INTENTS, [logId, beforeMs]);
    },
  };
}

async function failIntent(
  { driver, logId, now }: StoreContext,
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
    const [row] = await driver.query<{ failed: number }>(FAIL_INTENT.text, parameters);
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
