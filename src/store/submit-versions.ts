import { ensure } from '../core/errors.ts';
import { Batcher } from './batcher.ts';
import type { CertificateRow, LogStore, NewSubmission } from './ports.ts';
import { keyOf, type LogContext, serialBytes } from './rows.ts';
import { statement } from './sql-statement.ts';

interface Submission {
  readonly key: string;
  readonly submission: NewSubmission;
  readonly certificate: CertificateRow | undefined;
  readonly serial: Uint8Array | undefined;
  readonly requestHash: Uint8Array;
}

// One round trip and one commit for all of them; of each, nothing is written unless the open intent is its request's.
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
    'ders',
    'spkiHashes',
    'notBefores',
    'notAfters',
    'acts',
  ],
  `with asked as materialized (
    select * from unnest(:labelKeys::bytea[], :versions::int8[], :labels::bytea[], :vrfOutputs::bytea[],
      :vrfProofs::bytea[], :openings::bytea[], :values::bytea[], :commitments::bytea[], :requestHashes::bytea[],
      :serials::bytea[], :ders::bytea[], :spkiHashes::bytea[], :notBefores::int8[], :notAfters::int8[],
      :acts::text[])
    with ordinality as one (label_key, version, label, vrf_output, vrf_proof, opening, value, commitment, request_hash,
      serial, der, spki_sha256, not_before_ms, not_after_ms, act, ord)),
  claimed as (
    update intents i set state = 'submitted', serial = asked.serial,
      submission_id = nextval('submissions_submission_id_seq')
    from asked where i.log_id = :log and i.label_key = asked.label_key and i.version = asked.version
      and i.state = 'open' and i.request_hash = asked.request_hash
    returning asked.*, i.submission_id),
  signed as (
    insert into certificates
      (log_id, serial, label_key, version, der, spki_sha256, request_hash, not_before_ms, not_after_ms)
    select :log::int4, serial, label_key, version, der, spki_sha256, request_hash, not_before_ms, not_after_ms
    from claimed where serial is not null),
  queued as (
    insert into submissions
      (log_id, submission_id, label_key, version, label, vrf_output, vrf_proof, opening, value, commitment, act, state)
    select :log::int4, submission_id, label_key, version, label, vrf_output, vrf_proof, opening, value, commitment,
      act, 'queued' from claimed)
  select ord, submission_id from claimed`,
);

/** Submissions that one statement stores, and such statements under way. */
const BATCH = { maxItems: 128, maxRuns: 2 };

/** `submit` of the port: see there. Those that come together are stored, and made durable, together. */
export function submitter(context: LogContext): LogStore['submit'] {
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

/** Ids of what was stored; undefined where there was no open intent for it. */
async function store(context: LogContext, items: readonly Submission[]): Promise<readonly (number | undefined)[]> {
  // In one order everywhere, so that no two statements wait for each other.
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
    ders: of(({ certificate }) => certificate?.der),
    spkiHashes: of(({ certificate }) => certificate?.spkiSha256),
    notBefores: of(({ certificate }) => certificate?.notBeforeMs),
    notAfters: of(({ certificate }) => certificate?.notAfterMs),
    acts: of(({ submission }) => submission.act),
  });
  // Its join with intents is planned for the sizes at hand, each time.
  const rows = await context.sql.query<{ ord: number; submission_id: number }>(SUBMIT.text, parameters, {
    replan: true,
  });
  const ids = Array.from<number | undefined>({ length: items.length });
  for (const row of rows) {
    const index = order[row.ord - 1]?.[0];
    if (index !== undefined) ids[index] = row.submission_id;
  }
  return ids;
}
