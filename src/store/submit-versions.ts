import { sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import { Batcher } from './batcher.ts';
import type { CertificateRow, LogStore, NewSubmission } from './ports.ts';
import type { SealedColumns } from './row-seals.ts';
import { keyOf, type StoreContext, serialBytes } from './rows.ts';
import { certificates, intents, submissions } from './schema.ts';
import { arrays, assignments, columnsOf, given, names, statement } from './statement.ts';

interface Submission {
  readonly key: string;
  readonly submission: NewSubmission;
  readonly certificate: CertificateRow | undefined;
  readonly serial: Uint8Array | undefined;
  readonly requestHash: Uint8Array;
}

// One round trip and one commit for all submissions. Writes nothing of one whose request does not hold the open intent.
const SUBMIT = statement(
  [
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
    'contents',
    'spkiHashes',
    'notBefores',
    'notAfters',
    'acts',
    'macs',
  ],
  (values) => {
    const asked = [
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
      [certificates.requestHash, values.requestHashes],
      [certificates.serial, values.serials],
      [certificates.content, values.contents],
      [certificates.spkiSha256, values.spkiHashes],
      [certificates.notBeforeMs, values.notBefores],
      [certificates.notAfterMs, values.notAfters],
    ] as const;
    const { serial, labelKey, version, spkiSha256, requestHash, notBeforeMs, notAfterMs } = certificates;
    const signed = [serial, labelKey, version, certificates.content, spkiSha256, requestHash, notBeforeMs, notAfterMs];
    const { submissionId, label, vrfOutput, vrfProof, opening, value, commitment, act, mac } = submissions;
    const content = [labelKey, version, label, vrfOutput, vrfProof, opening, value, commitment, act, mac];
    const queued = [submissionId, ...content];
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
      returning asked.*, ${intents.submissionId} as ${names(submissionId)}),
    signed as (
      insert into ${certificates} (${names(certificates.logId, ...signed)})
      select ${given(certificates.logId, values.log)}, ${columnsOf('claimed', ...signed)}
      from claimed where ${columnsOf('claimed', serial)} is not null),
    queued as (
      insert into ${submissions} (${names(submissions.logId, ...queued, submissions.state)})
      select ${given(submissions.logId, values.log)}, ${columnsOf('claimed', ...queued)}, 'queued' from claimed)
    select ord, ${columnsOf('claimed', submissionId)} as id from claimed`;
  },
);

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
export function submitter(context: StoreContext): LogStore['submit'] {
  const run = (items: readonly Submission[]): Promise<readonly (number | undefined)[]> => store(context, items);
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

/** Stores submissions. Returns their ids; undefined for one without an open intent. */
async function store(context: StoreContext, items: readonly Submission[]): Promise<readonly (number | undefined)[]> {
  // One order everywhere prevents deadlocks.
  const order = Array.from(items.entries()).toSorted(([, a], [, b]) => (a.key < b.key ? -1 : 1));
  const asked = order.map(([, item]) => item);
  const of = <T>(pick: (item: Submission) => T): T[] => asked.map((item) => pick(item));
  const parameters = SUBMIT.bind({
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
  });
  // Joins with intents, so PostgreSQL plans it for the sizes at hand each time.
  const rows = await context.driver.query<{ ord: number; id: number }>(SUBMIT.text, parameters, {
    replan: true,
  });
  const ids = Array.from<number | undefined>({ length: items.length });
  for (const row of rows) {
    const index = order[row.ord - 1]?.[0];
    if (index !== undefined) ids[index] = row.id;
  }
  return ids;
}
