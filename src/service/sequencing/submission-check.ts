import { parseCertificate } from '../../ca/certificate.ts';
import { nodeVerifySignature } from '../../ca/node-verify-signature.ts';
import { commit } from '../../core/crypto/commitment.ts';
import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { checkTransition, type HeldVersion } from '../../identity/continuity.ts';
import { decodeIdentityRecord, type IdentityRecord, MAX_RECORD_BYTES } from '../../identity/identity-record.ts';
import { includesBytes, spkiSet } from '../../identity/spki-set.ts';
import type { HeadRow, Revocation, SubmissionRow } from '../../store/ports.ts';
import type { RefusedRow } from './batch-bisection.ts';
import { continuityPorts } from './continuity-ports.ts';
import { ownersRecordBefore } from './owners-record-before.ts';
import type { LogContext } from '../log/log-context.ts';
import { isGrantUnused } from '../log/recovery-grant.ts';
import { proveGreatest } from '../log/proved-state.ts';
import { recoveryWaitedBefore } from '../log/recovery-wait.ts';
import { isRevocationReason } from '../../ca/crl-entries.ts';
import { queuedAct } from '../log/act.ts';

/** RFC 5280 §5.3.1. */
const SUPERSEDED = 4;
const UNSPECIFIED = 0;

/** Faults of one submission: of the rows of its label, or of the server that made it. */
const LASTING: ReadonlySet<ErrorCode> = new Set(['storage-corrupt', 'unsealed-row', 'clock-skew']);

/** Result of {@link checkQueue}. */
export interface CheckedQueue {
  /** The submissions to append, in the order of the queue. */
  readonly accepted: readonly SubmissionRow[];
  readonly rejected: readonly RefusedRow[];
  /** Certificates that leave a record before they expire. */
  readonly revocations: readonly Revocation[];
}

interface CheckOptions {
  /** Timestamp that the new log entries will have. */
  readonly timestampMs: number;
  /** Search keys (hex) of the queue that the prefix tree holds already, as far as somebody looked. */
  readonly taken: ReadonlySet<string>;
}

/**
 * Checks queued submissions against the committed log (docs/architecture.md#sequencing-and-durability): each must open
 * its commitment, be the successor of the label's greatest version, and follow it by the rules of continuity
 * (docs/spec.md#identity-record). Neither the queue nor the rows of a label are trusted: a wrong submission is
 * rejected, even one of this process, and stops no other. Throws only transient errors, such as `storage-failed` and
 * `overloaded`.
 */
export async function checkQueue(
  context: LogContext,
  head: HeadRow,
  queue: readonly SubmissionRow[],
  options: CheckOptions,
): Promise<CheckedQueue> {
  const stored = await readPredecessors(context, head, queue);
  const latest = new Map<string, HeldVersion>();
  for (const [label, { held }] of stored) if (held !== undefined) latest.set(label, held);
  // On the thread pool, all at once; each outcome is awaited when its row's turn comes.
  const issued = new Map(
    queue.map((row) => {
      const before = stored.get(formatHex(row.labelKey))?.held?.record;
      return [row.id, outcome(checkIssued(context, row, before, options.timestampMs))];
    }),
  );
  const accepted: SubmissionRow[] = [];
  const rejected: RefusedRow[] = [];
  const revocations: Revocation[] = [];
  for (const row of queue) {
    const label = formatHex(row.labelKey);
    try {
      ensure(row.isUnsealed !== true, 'unsealed-row', 'the submission was not queued by this log');
      throwIf(stored.get(label)?.fault);
      ensure(!options.taken.has(formatHex(row.vrfOutput)), 'version-conflict', 'the version is in the log already');
      const next = await checkSubmission(context, head, row, latest.get(label));
      throwIf(await issued.get(row.id));
      revocations.push(...revocationsOf(latest.get(label)?.record, next.record, row, options.timestampMs));
      latest.set(label, next);
      accepted.push(row);
    } catch (error) {
      if (isTransient(error)) throw error;
      const code = isGlasskeyError(error) ? error.code : 'internal';
      rejected.push({ row, code });
      context.observe({ type: 'rejected', code });
    }
  }
  return { accepted, rejected, revocations };
}

/** The greatest committed version of a label: there is none, or it cannot be read. */
interface Predecessor {
  readonly held?: HeldVersion | undefined;
  readonly fault?: Error;
}

/** Reads the greatest committed version of each label that needs one. */
async function readPredecessors(
  context: LogContext,
  head: HeadRow,
  queue: readonly SubmissionRow[],
): Promise<ReadonlyMap<string, Predecessor>> {
  const rows = new Map<string, SubmissionRow>();
  for (const row of queue) if (row.version > 0) rows.set(formatHex(row.labelKey), row);
  const read = async ({ label, labelKey }: SubmissionRow): Promise<Predecessor> => {
    try {
      return { held: await readGreatest(context, head, label, labelKey) };
    } catch (error) {
      return { fault: toError(error) };
    }
  };
  return new Map(await Promise.all([...rows].map(async ([text, row]) => [text, await read(row)] as const)));
}

/**
 * Reads the greatest version of a label before `head`, with its record, and proves it from the prefix tree of `head`;
 * undefined if there is none. Throws `erased`, `storage-corrupt`, and storage errors.
 */
async function readGreatest(
  context: LogContext,
  { size, prefixRoot, prefixTile }: HeadRow,
  label: Uint8Array,
  labelKey: Uint8Array,
): Promise<HeldVersion | undefined> {
  const row = await context.store.readLabelAt(labelKey, size);
  return row && proveGreatest(context, { hash: prefixRoot, tile: prefixTile }, label, row.greatest);
}

/** Throws a failure of an earlier step; does nothing if there was none. */
function throwIf(fault: Error | undefined): void {
  if (fault !== undefined) throw fault;
}

/** Returns true for an error that says nothing of the submission: a later attempt may succeed. */
function isTransient(error: unknown): boolean {
  if (!isGlasskeyError(error) || LASTING.has(error.code)) return false;
  return error.fault === 'storage' || error.fault === 'overload' || error.fault === 'network';
}

async function checkSubmission(
  context: LogContext,
  head: HeadRow,
  row: SubmissionRow,
  previous: HeldVersion | undefined,
): Promise<HeldVersion> {
  const { label, version, opening, value, commitment } = row;
  const update = { value, signature: undefined };
  const opens = equalBytes(commit({ opening, label, version, update }), commitment);
  ensure(opens, 'bad-commitment', 'the submission does not open its commitment');
  const expected = previous === undefined ? 0 : previous.version + 1;
  ensure(version === expected, 'version-conflict', `version ${version} is not the next one`);
  await checkSearchKeys(context, row);
  ensure(value.length <= MAX_RECORD_BYTES, 'bad-record', `a record has at most ${MAX_RECORD_BYTES} bytes`);
  const record = decodeIdentityRecord(value);
  const { origin, issued, reloadable } = context;
  const isReadable = record.format === undefined || reloadable.allowsMlDsa;
  ensure(isReadable, 'bad-record', 'a record with ML-DSA, which the trust bundle does not require of clients');
  const type = await checkTransition({
    origin,
    label,
    version,
    previous,
    next: record,
    ports: continuityPorts(issued),
    recoveryWaited: recoveryWaitedBefore(context, head, row),
    ownersRecord: ownersRecordBefore(context, head, row),
  });
  if (type === 'operator' && !isOperatorRevocation(record, previous)) {
    await assertGranted(context, row, record, previous);
  }
  return { version, commitment, record };
}

/**
 * Returns true for an administrator's revocation: it removes certificates and does nothing else. It needs no grant,
 * since the CA may remove certificates without one (`maintenance`), and less openly.
 */
function isOperatorRevocation(next: IdentityRecord, previous: HeldVersion | undefined): boolean {
  if (next.authorization.type !== 'operator' || previous === undefined) return false;
  const { certificates } = previous.record;
  const isKept = (certificate: Uint8Array): boolean => includesBytes(certificates, certificate);
  return next.certificates.length < certificates.length && next.certificates.every(isKept);
}

/**
 * Throws `change-rejected` unless the operator granted this recovery, after too many vetoes, for the key of its claim.
 */
async function assertGranted(
  { store, issued }: LogContext,
  row: SubmissionRow,
  record: IdentityRecord,
  previous: HeldVersion | undefined,
): Promise<void> {
  const isAct = record.authorization.type === 'operator';
  const claim = isAct ? await store.findRecovery(row.labelKey) : undefined;
  const keys = await spkiSet(record, continuityPorts(issued));
  const isGranted =
    claim?.state === 'granted' && keys.length === 1 && keys.every((key) => equalBytes(key, claim.spkiSha256));
  const isUnused =
    claim !== undefined && previous !== undefined && (await isGrantUnused(store, row.label, claim, previous));
  ensure(isGranted && isUnused, 'change-rejected', 'the operator has not granted the recovery in this version');
}

/**
 * Checks that an issuing CA of this log signed every certificate that a record adds to the stored one, by a clock that
 * agrees with this server's: clients refuse a record with a certificate from the future as a whole. Certificates that
 * this process signed are known by their digests.
 */
async function checkIssued(
  { reloadable, issued, configuration }: LogContext,
  row: SubmissionRow,
  stored: IdentityRecord | undefined,
  timestampMs: number,
): Promise<void> {
  for (const der of decodeIdentityRecord(row.value).certificates) {
    if (stored !== undefined && includesBytes(stored.certificates, der)) continue;
    const known = issued.keysOf(der);
    const { notBeforeMs } = known ?? parseCertificate(der);
    const isTimely = notBeforeMs <= timestampMs + configuration.maxAheadMs;
    ensure(isTimely, 'clock-skew', 'the certificate was signed by a server whose clock is ahead');
    if (known === undefined) await assertSignedByCa(reloadable, der);
  }
}

async function assertSignedByCa({ issuingCas }: LogContext['reloadable'], der: Uint8Array): Promise<void> {
  const certificate = parseCertificate(der);
  const { tbs, signature, signatureAlgorithm } = certificate;
  const ca = issuingCas.of(certificate);
  ensure(ca !== undefined, 'bad-signature', 'no issuing CA of this log signed the certificate');
  await nodeVerifySignature(ca.issuer.certificate.publicKey, signatureAlgorithm, tbs, signature);
}

/** Returns the error that a check throws; undefined if it passes. */
async function outcome(check: Promise<void>): Promise<Error | undefined> {
  try {
    await check;
    return undefined;
  } catch (error) {
    return toError(error);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/**
 * Verifies the search key: a wrong one would stay in the prefix tree for good. Keys of this process are in the cache.
 */
async function checkSearchKeys({ vrf }: LogContext, row: SubmissionRow): Promise<void> {
  const [first, own] = await vrf.evaluate(row.label, [0, row.version]);
  const holds =
    first !== undefined &&
    own !== undefined &&
    equalBytes(first.output, row.labelKey) &&
    equalBytes(own.output, row.vrfOutput) &&
    equalBytes(own.proof, row.vrfProof);
  ensure(holds, 'bad-vrf-proof', 'the search key of the submission is not that of its label');
}

function revocationsOf(
  previous: IdentityRecord | undefined,
  next: IdentityRecord,
  row: SubmissionRow,
  timestampMs: number,
): Revocation[] {
  if (previous === undefined) return [];
  const removed = previous.certificates.filter((certificate) => !includesBytes(next.certificates, certificate));
  const reason = reasonOf(previous, next, row);
  return removed
    .map((certificate) => parseCertificate(certificate))
    .filter(({ notAfterMs }) => notAfterMs > timestampMs)
    .map(({ serial }) => ({ serial, revokedMs: timestampMs, reason }));
}

/**
 * The CA's own reason is in the record. An owner's is only in the act, since a change says no more than its keys; so is
 * an administrator's, whose record has a reason in words.
 */
function reasonOf(previous: IdentityRecord, next: IdentityRecord, row: SubmissionRow): number {
  const { authorization } = next;
  if (authorization.type === 'maintenance' && authorization.kind === 'revocation') return authorization.reason;
  const brings = next.certificates.some((certificate) => !includesBytes(previous.certificates, certificate));
  if (brings) return SUPERSEDED;
  const { reason } = queuedAct(row.act);
  const isInAct = authorization.type === 'key' || authorization.type === 'operator';
  return isInAct && isRevocationReason(reason) ? reason : UNSPECIFIED;
}
