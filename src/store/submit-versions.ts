import { type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { ensure } from '../core/errors.ts';
import { Batcher } from './batcher.ts';
import type { CertificateRow, LogStore, NewSubmission } from './ports.ts';
import type { SealedColumns } from './row-seals.ts';
import { keyOf, type StoreContext, serialBytes } from './rows.ts';
import { certificates, intents, submissions } from './schema.ts';
import { arrays, assignments, columnsOf, given, names, type Placeholders, statement } from './statement.ts';

interface Submission {
  readonly key: string;
  readonly submission: NewSubmission;
  readonly certificate: CertificateRow | undefined;
  readonly serial: Uint8Array | undefined;
  readonly requestHash: Uint8Array;
}

const CONTENT = [
  'log',
  'labelKeys',
  'versions',
  'labels',
  'vrfOutputs',
  'vrfProofs',
  'openings',
  'values',
  'commitments',
  'requestHashes',
  'serials',
  'acts',
  'macs',
] as const;
const SIGNED = ['contents', 'spkiHashes', 'notBefores', 'notAfters'] as const;

type Values = Placeholders<(typeof CONTENT)[number]>;
type AskedColumns = readonly (readonly [PgColumn, Placeholder])[];

const { serial, labelKey, version, content, spkiSha256, requestHash, notBeforeMs, notAfterMs } = certificates;
const SIGNED_COLUMNS = [serial, labelKey, version, content, spkiSha256, requestHash, notBeforeMs, notAfterMs];

// One round trip and one commit for all submissions. Writes nothing of one whose request does not hold the open intent.
const SUBMIT = statement([...CONTENT, ...SIGNED], (values) => {
  const signed = [
    [content, values.contents],
    [spkiSha256, values.spkiHashes],
    [notBeforeMs, values.notBefores],
    [notAfterMs, values.notAfters],
  ] as const;
  return sql`${claims(values, signed)},
    signed as (
      insert into ${certificates} (${names(certificates.logId, ...SIGNED_COLUMNS)})
      select ${given(certificates.logId, values.log)}, ${columnsOf('claimed', ...SIGNED_COLUMNS)}
      from claimed where ${columnsOf('claimed', serial)} is not null),
    ${queues(values)}`;
});

/** {@link SUBMIT} without the certificates. */
export const SUBMIT_SMALL = statement(CONTENT, (values) => sql`${claims(values, [])}, ${queues(values)}`);

/** The certificates of some submissions, in a statement of their own. */
export const SIGNED_INSERT = statement(
  ['log', 'serials', 'labelKeys', 'versions', 'requestHashes', ...SIGNED],
  (values) => sql`insert into ${certificates} (${names(certificates.logId, ...SIGNED_COLUMNS)})
    select ${given(certificates.logId, values.log)}, signed.* from unnest(${arrays(
      [serial, values.serials],
      [labelKey, values.labelKeys],
      [version, values.versions],
      [content, values.contents],
      [spkiSha256, values.spkiHashes],
      [requestHash, values.requestHashes],
      [notBeforeMs, values.notBefores],
      [notAfterMs, values.notAfters],
    )}) as signed`,
);

function claims(values: Values, signed: AskedColumns): SQL {
  const asked: AskedColumns = [
    [submissions.labelKey, values.labelKeys],
    [submissions.version, values.versions],
    [submissions.label, values.labels],
    [submissions.vrfOutput, values.vrfOutputs],
    [submissions.vrfProof, values.vrfProofs],
    [submissions.opening, values.openings],
    [submissions.value, values.values],
    [submissions.commitment, values.commitments],
    [submissions.act, values.acts],
    [submissions.mac, values.macs],
    [requestHash, values.requestHashes],
    [serial, values.serials],
    ...signed,
  ];
  return sql`with asked as materialized (
      select * from unnest(${arrays(...asked)})
      with ordinality as one (${names(...asked.map(([column]) => column))}, ord)),
    claimed as (
      update ${intents} set ${assignments(intents, {
        state: sql`'submitted'`,
        serial: columnsOf('asked', serial),
        submissionId: sql`nextval('submissions_submission_id_seq')`,
      })}
      from asked where ${intents.logId} = ${values.log} and ${intents.labelKey} = ${columnsOf('asked', labelKey)}
        and ${intents.version} = ${columnsOf('asked', version)}
        and ${intents.state} = 'open' and ${intents.requestHash} = ${columnsOf('asked', requestHash)}
      returning asked.*, ${intents.submissionId} as ${names(submissions.submissionId)})`;
}

function queues(values: Values): SQL {
  const { submissionId, label, vrfOutput, vrfProof, opening, value, commitment, act, mac } = submissions;
  const asked = [labelKey, version, label, vrfOutput, vrfProof, opening, value, commitment, act, mac];
  const queued = [submissionId, ...asked];
  return sql`queued as (
      insert into ${submissions} (${names(submissions.logId, ...queued, submissions.state)})
      select ${given(submissions.logId, values.log)}, ${columnsOf('claimed', ...queued)}, 'queued' from claimed)
    select ord, ${columnsOf('claimed', submissionId)} as id from claimed`;
}

/**
 * The columns of a queued submission that its seal covers. The database numbers submissions, so the number is not one
 * of them: label and version, which the log takes once, name the row.
 */
export function queuedColumns(submission: NewSubmission): SealedColumns<typeof submissions> {
  const { labelKey, version, label, vrfOutput, vrfProof, commitment, opening, value, act } = submission;
  const content = { labelKey, version, label, vrfOutput, vrfProof, commitment, opening, value, act };
  const unsettled = { position: undefined, code: undefined, settledMs: undefined };
  return { ...content, ...unsettled, submissionId: undefined, state: 'queued' };
}

/** Maximum of submissions in one statement, of the bytes of their records, and of such statements under way. */
const BATCH = {
  maxItems: 128,
  heaviest: { weight: 8 * 1024 * 1024, weigh: ({ submission }: Submission) => submission.value.length },
  maxRuns: 2,
};

/** Implements {@link LogStore.submit}. Submissions that arrive together share a statement and its commit. */
export function submitter(context: StoreContext, store: StoreSubmissions = storeTogether): LogStore['submit'] {
  const run = (items: readonly Submission[]): Promise<readonly (number | undefined)[]> =>
    storeInOrder(context, items, store);
  const batcher = new Batcher<Submission, number | undefined>({ ...BATCH, run });
  return async (submission, certificate, requestHash) => {
    const serial = certificate && serialBytes(certificate.serial);
    const item = { key: keyOf(submission), submission, certificate, serial, requestHash };
    const submissionId = await batcher.add(item);
    ensure(submissionId !== undefined, 'version-conflict', 'the intent is no longer open');
    context.emitSubmitted();
    return { submissionId };
  };
}

/** Writes submissions that are in the order of their keys. Returns the index of each that was written, from 1. */
export type StoreSubmissions = (
  context: StoreContext,
  values: SubmissionValues,
) => Promise<readonly { readonly ord: number; readonly id: number }[]>;

/** The parameters of {@link SUBMIT}: arrays with a place for each submission. */
export type SubmissionValues = ReturnType<typeof submissionValues>;

/** Stores submissions. Returns their ids; undefined for one without an open intent. */
async function storeInOrder(
  context: StoreContext,
  items: readonly Submission[],
  store: StoreSubmissions,
): Promise<readonly (number | undefined)[]> {
  // One order everywhere prevents deadlocks.
  const order = Array.from(items.entries()).toSorted(([, a], [, b]) => (a.key < b.key ? -1 : 1));
  const rows = await store(
    context,
    submissionValues(
      context,
      order.map(([, item]) => item),
    ),
  );
  const ids = Array.from<number | undefined>({ length: items.length });
  for (const row of rows) {
    const index = order[row.ord - 1]?.[0];
    if (index !== undefined) ids[index] = row.id;
  }
  return ids;
}

async function storeTogether({ driver }: StoreContext, values: SubmissionValues) {
  // Joins with intents, so PostgreSQL plans it for the sizes at hand each time.
  return driver.query<{ ord: number; id: number }>(SUBMIT.text, SUBMIT.bind(values), { replan: true });
}

function submissionValues(context: StoreContext, asked: readonly Submission[]) {
  const of = <T>(pick: (item: Submission) => T): T[] => asked.map((item) => pick(item));
  return {
    log: context.logId,
    labelKeys: of(({ submission }) => submission.labelKey),
    versions: of(({ submission }) => submission.version),
    labels: of(({ submission }) => submission.label),
    vrfOutputs: of(({ submission }) => submission.vrfOutput),
    vrfProofs: of(({ submission }) => submission.vrfProof),
    openings: of(({ submission }) => submission.opening),
    values: of(({ submission }) => submission.value),
    commitments: of(({ submission }) => submission.commitment),
    requestHashes: of(({ requestHash }) => requestHash),
    serials: of(({ serial }) => serial),
    contents: of(({ certificate }) => certificate?.content),
    spkiHashes: of(({ certificate }) => certificate?.spkiSha256),
    notBefores: of(({ certificate }) => certificate?.notBeforeMs),
    notAfters: of(({ certificate }) => certificate?.notAfterMs),
    acts: of(({ submission }) => submission.act),
    macs: of(({ submission }) => context.seals?.seal(submissions, queuedColumns(submission))),
  };
}
