import { ensure, GlasskeyError } from '../core/errors.ts';
import { REASON_NEVER_RELEASED } from './append.ts';
import type {
  CertificateRow,
  IntentRow,
  IntentState,
  LogStore,
  NewIntent,
  NewSubmission,
  Revocation,
  SubmissionOutcome,
  SubmissionRow,
} from './ports.ts';
import { orUndefined, serialBytes, serialText, type LogContext } from './rows.ts';
import { isRefused } from './sql-error.ts';
import { statement } from './sql-statement.ts';

type Part =
  | 'openIntent'
  | 'submit'
  | 'failIntent'
  | 'staleIntents'
  | 'readQueue'
  | 'queueDepth'
  | 'readOutcomes'
  | 'purgeSettled';

type IntentColumns = {
  readonly label_key: Uint8Array;
  readonly version: number;
  readonly request_hash: Uint8Array;
  readonly created_ms: number;
  readonly state: IntentState;
  readonly serial: Uint8Array | null;
  readonly submission_id: number | null;
};

const INTENT_COLUMNS = 'label_key, version, request_hash, created_ms, state, serial, submission_id';

const OPEN_INTENT = `insert into intents (log_id, label_key, version, request_hash, created_ms, state)
  select $1::int4, $2::bytea, $3::int8, $4::bytea, $5::int8, 'open'
  where not exists (select from versions where log_id = $1 and label_key = $2 and version = $3)
  on conflict (log_id, label_key, version) do update
    set request_hash = excluded.request_hash, created_ms = excluded.created_ms, state = 'open', serial = null,
      submission_id = null
    where intents.state = 'failed'`;

const INTENT = `select ${INTENT_COLUMNS} from intents where log_id = $1 and label_key = $2 and version = $3`;

// What is left of an intent that was purged: its version, and its certificate if one was signed.
const SEQUENCED_INTENT = `select v.label_key, v.version, coalesce(c.request_hash, $4::bytea) as request_hash,
    0::int8 as created_ms, 'sequenced' as state, c.serial, null::int8 as submission_id
  from versions v left join lateral (select request_hash, serial from certificates
    where log_id = $1 and label_key = $2 and version = $3 limit 1) as c on true
  where v.log_id = $1 and v.label_key = $2 and v.version = $3`;

// One round trip and one commit; nothing is written unless the open intent is this request's.
const SUBMIT = `with fresh as materialized (select nextval('submissions_submission_id_seq') as id),
  claimed as (
    update intents set state = 'submitted', serial = $11::bytea, submission_id = fresh.id from fresh
    where log_id = $1 and label_key = $2 and version = $3 and state = 'open' and request_hash = $10
    returning fresh.id),
  signed as (
    insert into certificates
      (log_id, serial, label_key, version, der, spki_sha256, request_hash, not_before_ms, not_after_ms)
    select $1::int4, $11::bytea, $2::bytea, $3::int8, $12::bytea, $13::bytea, $10::bytea, $14::int8, $15::int8
    from claimed where $11::bytea is not null)
  insert into submissions
    (log_id, submission_id, label_key, version, label, vrf_output, vrf_proof, opening, value, commitment, state)
  select $1::int4, claimed.id, $2::bytea, $3::int8, $4::bytea, $5::bytea, $6::bytea, $7::bytea, $8::bytea, $9::bytea,
    'queued'
  from claimed returning submission_id`;

// Locks in the order of the append: the submission, the intent, revocations. Where the submission could be stopped but the
// intent has changed meanwhile, the last line divides by zero and so undoes everything.
const FAIL_INTENT = statement(
  ['log', 'labelKey', 'version', 'from', 'nowMs', 'serial', 'revokedMs', 'reason'],
  `with found as materialized (
    select submission_id from intents where log_id = :log and label_key = :labelKey and version = :version
      and state = :from),
  stopped as (
    update submissions s set state = 'rejected', code = 'timed-out', settled_ms = :nowMs::int8, label = null,
      vrf_output = null, vrf_proof = null, commitment = null, opening = null, value = null
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
    on conflict do nothing)
  select (select count(*) from failed) as failed,
    1 / (case when exists (select from stopped) and not exists (select from failed) then 0 else 1 end) as consistent`,
);

const STALE_INTENTS = `select ${INTENT_COLUMNS} from intents
  where log_id = $1 and created_ms < $2 and state in ('open', 'submitted') order by created_ms limit $3`;

const QUEUE = `select submission_id, label_key, version, label, vrf_output, vrf_proof, commitment, opening, value
  from submissions where log_id = $1 and state = 'queued' order by submission_id limit $2`;

const QUEUE_DEPTH = `select count(*) as depth from submissions where log_id = $1 and state = 'queued'`;

const OUTCOMES = `select found.* from unnest($2::int8[]) with ordinality as asked (id, ord)
  cross join lateral (select submission_id, state, position, code from submissions
    where log_id = $1 and submission_id = asked.id limit 1) as found order by asked.ord`;

const PURGE_SUBMISSIONS = 'delete from submissions where log_id = $1 and settled_ms < $2';
const PURGE_INTENTS = `delete from intents where log_id = $1 and created_ms < $2 and state in ('sequenced', 'failed')`;

const NO_HASH = new Uint8Array(32);
const ATTEMPTS = 5;

/** Intents, submissions and their outcomes. */
export function issuanceRows(context: LogContext): Pick<LogStore, Part> {
  const { sql, logId } = context;
  return {
    openIntent: (intent) => openIntent(context, intent),
    submit: (submission, certificate, requestHash) => submit(context, submission, certificate, requestHash),
    failIntent: (intent, from, revocation) => failIntent(context, intent, from, revocation),

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

async function openIntent({ sql, logId }: LogContext, intent: NewIntent): ReturnType<LogStore['openIntent']> {
  const { labelKey, version, requestHash, createdMs } = intent;
  // Between the two statements the one in the way can go: then try again.
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const inserted = await sql.execute(OPEN_INTENT, [logId, labelKey, version, requestHash, createdMs]);
    if (inserted === 1) return { opened: true };
    const [existing] = await sql.query<IntentColumns>(INTENT, [logId, labelKey, version]);
    if (existing !== undefined && existing.state !== 'failed') return { opened: false, existing: toIntent(existing) };
    if (existing !== undefined) continue;
    const [sequenced] = await sql.query<IntentColumns>(SEQUENCED_INTENT, [logId, labelKey, version, NO_HASH]);
    if (sequenced !== undefined) return { opened: false, existing: toIntent(sequenced) };
  }
  throw new GlasskeyError('overloaded', 'the version changes hands too fast');
}

async function submit(
  context: LogContext,
  submission: NewSubmission,
  certificate: CertificateRow | undefined,
  requestHash: Uint8Array,
): Promise<{ readonly submissionId: number }> {
  const [row] = await context.sql.query<{ submission_id: number }>(SUBMIT, [
    context.logId,
    submission.labelKey,
    submission.version,
    submission.label,
    submission.vrfOutput,
    submission.vrfProof,
    submission.opening,
    submission.value,
    submission.commitment,
    requestHash,
    certificate === undefined ? null : serialBytes(certificate.serial),
    certificate?.der,
    certificate?.spkiSha256,
    certificate?.notBeforeMs,
    certificate?.notAfterMs,
  ]);
  ensure(row !== undefined, 'version-conflict', 'the intent is no longer open');
  context.emitSubmitted();
  return { submissionId: row.submission_id };
}

async function failIntent(
  { sql, logId, now }: LogContext,
  intent: { readonly labelKey: Uint8Array; readonly version: number },
  from: IntentState,
  revocation: Revocation | undefined,
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
  });
  try {
    const [row] = await sql.query<{ failed: number }>(FAIL_INTENT.text, parameters);
    return row?.failed === 1;
  } catch (error) {
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
};

type OutcomeColumns = {
  readonly submission_id: number;
  readonly state: SubmissionOutcome['state'];
  readonly position: number | null;
  readonly code: string | null;
};

function toIntent(row: IntentColumns): IntentRow {
  return {
    labelKey: row.label_key,
    version: row.version,
    requestHash: row.request_hash,
    createdMs: row.created_ms,
    state: row.state,
    serial: row.serial === null ? undefined : serialText(row.serial),
    submissionId: orUndefined(row.submission_id),
  };
}

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
  };
}

function toOutcome(row: OutcomeColumns): SubmissionOutcome {
  const id = row.submission_id;
  if (row.position !== null) return { id, state: 'sequenced', position: row.position };
  if (row.code !== null) return { id, state: 'rejected', code: row.code };
  return { id, state: 'queued' };
}
