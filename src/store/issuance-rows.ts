import { and, asc, count, eq, inArray, lt, type SQL, sql } from 'drizzle-orm';
import {
  CLEARED,
  expiryOf,
  insertsRevocations,
  REASON_NEVER_RELEASED,
  REVOKED,
  UNKNOWN_EXPIRY,
} from './append-statements.ts';
import { INTENT, intentOpener, toIntent } from './open-intents.ts';
import { recordLength } from './packed-record.ts';
import type { IntentState, LogStore, Revocation, SubmissionOutcome, SubmissionRow, TrailRecord } from './ports.ts';
import { type StoreContext, serialBytes } from './rows.ts';
import { isRefused } from './sql-error.ts';
import { intents, revocations, submissions, versions } from './schema.ts';
import {
  arrays,
  assignments,
  columnsOf,
  fields,
  given,
  names,
  type Placeholders,
  required,
  type RowOf,
  statement,
} from './statement.ts';
import { queuedColumns, submitter } from './submit-versions.ts';
import { assertTrailNotMoved, TRAIL, trailValues, writesTrail } from './trail-rows.ts';

type Part =
  | 'openIntent'
  | 'submit'
  | 'failIntent'
  | 'staleIntents'
  | 'readQueue'
  | 'queueDepth'
  | 'oldestQueued'
  | 'readOutcomes'
  | 'purgeSettled';

const FAILURE = ['log', 'labelKey', 'version', 'from', 'nowMs', 'serial', 'revokedMs', 'reason', ...TRAIL] as const;
const FAIL_INTENT = statement(FAILURE, (values) => failsIntent(values, expiryOf(values.log)));
/** The same without the expiry of the revoked certificates, whose serials it returns. */
export const FAIL_INTENT_SMALL = statement(FAILURE, (values) => failsIntent(values, UNKNOWN_EXPIRY));

// Locks in the order of the append: the submission, the intent, revocations. If the submission could be stopped but the
// intent has changed meanwhile, the last line divides by zero and so undoes everything.
function failsIntent(values: Placeholders<(typeof FAILURE)[number]>, expiry: SQL): SQL {
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
      select ${given(serial, values.serial)} as ${names(revocations.serial)},
        ${given(revocations.revokedMs, values.revokedMs)}, ${given(revocations.reason, values.reason)}
      from failed where ${given(serial, values.serial)} is not null
      union all
      select serial, coalesce(${given(revocations.revokedMs, values.revokedMs)}, ${values.nowMs}::int8),
        ${sql.raw(String(REASON_NEVER_RELEASED))}
      from failed where serial is not null and serial is distinct from ${given(serial, values.serial)}),
    ${insertsRevocations(sql`revoked`, values.log, expiry)},
    ${writesTrail('failed', values)}
    select (select count(*) from failed) as failed, ${REVOKED},
      1 / (case when exists (select from stopped) and not exists (select from failed) then 0 else 1 end) as consistent`;
}

// A queued submission still carries all its columns: the table's check `submissions_queued` holds them.
const SUBMISSION = {
  id: submissions.submissionId,
  labelKey: submissions.labelKey,
  label: required(submissions.label),
  version: submissions.version,
  vrfOutput: required(submissions.vrfOutput),
  vrfProof: required(submissions.vrfProof),
  opening: required(submissions.opening),
  value: required(submissions.value),
  commitment: required(submissions.commitment),
  act: submissions.act,
  mac: submissions.mac,
};

// An append reads both records. The database knows their lengths without reading them.
const RECORDS_LENGTH = sql<number>`octet_length(${columnsOf('submissions', submissions.value)}) + coalesce((
  select ${recordLength(columnsOf('before', versions.value))} from ${versions} as before
  where ${columnsOf('before', versions.logId)} = ${columnsOf('submissions', submissions.logId)}
    and ${columnsOf('before', versions.labelKey)} = ${columnsOf('submissions', submissions.labelKey)}
    and ${columnsOf('before', versions.version)} = ${columnsOf('submissions', submissions.version)} - 1), 0)`;

// One scan. A join of the queue with the part of it that fits reads that part anew for each of its rows, as long as the
// planner takes the table for an empty one.
const QUEUE = statement(['log', 'limit', 'maxBytes'], (values) => {
  const { logId, submissionId, state } = submissions;
  const members = sql.join(
    Object.keys(SUBMISSION).map((name) => sql.identifier(name)),
    sql`, `,
  );
  return sql`select ${members} from (
      select ${fields(SUBMISSION)}, row_number() over by_id as place, sum(${RECORDS_LENGTH}) over by_id as total
      from ${submissions} where ${logId} = ${values.log} and ${state} = 'queued'
      window by_id as (order by ${submissionId}) order by ${submissionId} limit ${values.limit}) as sized
    where total <= ${values.maxBytes}::int8 or place = 1 order by id`;
});

const OUTCOME = {
  id: submissions.submissionId,
  state: submissions.state,
  position: submissions.position,
  code: submissions.code,
};

const OUTCOMES = statement(['log', 'ids'], (values) => {
  const { logId, submissionId } = submissions;
  return sql`select found.* from unnest(${arrays([submissionId, values.ids])}) with ordinality as asked (id, ord)
    cross join lateral (
      select ${fields(OUTCOME)} from ${submissions}
      where ${logId} = ${values.log} and ${submissionId} = asked.id limit 1) as found
    order by asked.ord`;
});

/** Intents, submissions and their outcomes. */
export function issuanceRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, queries, logId } = context;
  // The state is a literal: with a parameter, a generic plan could not use the partial index `submissions_queue`.
  const queued = and(eq(submissions.logId, logId), sql`${submissions.state} = 'queued'`);
  return {
    openIntent: intentOpener(context),
    submit: submitter(context),
    failIntent: (intent, from, revocation, trail) => failIntent(context, intent, from, revocation, trail),

    async staleIntents(beforeMs, limit) {
      const unsettled = inArray(intents.state, ['open', 'submitted']);
      const rows = await queries.run((db) =>
        db
          .select(INTENT)
          .from(intents)
          .where(and(eq(intents.logId, logId), lt(intents.createdMs, beforeMs), unsettled))
          .orderBy(asc(intents.createdMs))
          .limit(limit),
      );
      return rows.map(toIntent);
    },

    async readQueue(limit, maxBytes = Number.MAX_SAFE_INTEGER) {
      const rows = await driver.query<QueuedRow>(QUEUE.text, QUEUE.bind({ log: logId, limit, maxBytes }));
      return rows.map((row) => toSubmission(context, row));
    },

    async queueDepth() {
      const [row] = await queries.run((db) => db.select({ depth: count() }).from(submissions).where(queued));
      return row?.depth ?? 0;
    },

    async oldestQueued() {
      const { submissionId } = submissions;
      const [row] = await queries.run((db) =>
        db.select({ submissionId }).from(submissions).where(queued).orderBy(asc(submissionId)).limit(1),
      );
      return row?.submissionId;
    },

    async readOutcomes(submissionIds) {
      if (submissionIds.length === 0) return [];
      const parameters = OUTCOMES.bind({ log: logId, ids: submissionIds });
      return (await driver.query<RowOf<typeof OUTCOME>>(OUTCOMES.text, parameters)).map(toOutcome);
    },

    async purgeSettled(beforeMs) {
      const settled = and(eq(submissions.logId, logId), lt(submissions.settledMs, beforeMs));
      await queries.run((db) => db.delete(submissions).where(settled));
      const ended = inArray(intents.state, ['sequenced', 'failed']);
      await queries.run((db) =>
        db.delete(intents).where(and(eq(intents.logId, logId), lt(intents.createdMs, beforeMs), ended)),
      );
    },
  };
}

/** Returns a read of queued submissions by their numbers, in the order of the numbers. */
export function queueReader(context: StoreContext): (ids: readonly number[]) => Promise<readonly SubmissionRow[]> {
  const { submissionId, logId, state } = submissions;
  return async (ids) => {
    if (ids.length === 0) return [];
    const isOf = and(eq(logId, context.logId), inArray(submissionId, [...ids]), sql`${state} = 'queued'`);
    const rows = await context.queries.run((db) =>
      db.select(SUBMISSION).from(submissions).where(isOf).orderBy(asc(submissionId)),
    );
    return rows.map((row) => toSubmission(context, row));
  };
}

async function failIntent(
  context: StoreContext,
  intent: { readonly labelKey: Uint8Array; readonly version: number },
  from: IntentState,
  revocation: Revocation | undefined,
  trail: TrailRecord | undefined,
): Promise<boolean> {
  const parameters = FAIL_INTENT.bind(failureValues(context, intent, from, revocation, trail));
  return unlessStopped(async () => {
    const [row] = await context.driver.query<{ failed: number }>(FAIL_INTENT.text, parameters);
    return row?.failed === 1;
  });
}

/** Returns the parameters of a failure, by their names. */
export function failureValues(
  { logId, now }: StoreContext,
  { labelKey, version }: { readonly labelKey: Uint8Array; readonly version: number },
  from: IntentState,
  revocation: Revocation | undefined,
  trail: TrailRecord | undefined,
) {
  const serial = revocation === undefined ? undefined : serialBytes(revocation.serial);
  const revoked = { serial, revokedMs: revocation?.revokedMs, reason: revocation?.reason };
  return { log: logId, labelKey, version, from, nowMs: now(), ...revoked, ...trailValues(trail) };
}

/** Returns false for a failure that undid itself. */
export async function unlessStopped(fail: () => Promise<boolean>): Promise<boolean> {
  try {
    return await fail();
  } catch (error) {
    assertTrailNotMoved(error);
    if (isRefused(error)) return false;
    throw error;
  }
}

type QueuedRow = Omit<SubmissionRow, 'act' | 'isUnsealed'> & {
  readonly act: string | null;
  readonly mac: Uint8Array | null;
};

function toSubmission({ seals }: StoreContext, { act, mac, ...row }: QueuedRow): SubmissionRow {
  const submission = act === null ? row : { ...row, act };
  const isSealed = seals?.accepts(submissions, queuedColumns(submission), mac) ?? true;
  return isSealed ? submission : { ...submission, isUnsealed: true };
}

function toOutcome({ id, position, code }: RowOf<typeof OUTCOME>): SubmissionOutcome {
  if (position !== null) return { id, state: 'sequenced', position };
  if (code !== null) return { id, state: 'rejected', code };
  return { id, state: 'queued' };
}
