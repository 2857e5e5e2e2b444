import { appendFile, rm } from 'node:fs/promises';
import type { ErrorCode } from '../core/error-codes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { MAX_JSON_BODY_BYTES } from '../contract/input-sizes.ts';
import type { Imported, ImportOrder } from '../service/issuance/import-identity.ts';
import { type BoundedLine, boundedLines } from './bounded-lines.ts';

/** Log entries that one round of an import fills, and the names that an entry holds (KT §12.2). */
const ENTRIES = 4;
const ENTRY_SIZE = 255;
/** Errors that refuse one line. Any other error ends the import, which resumes when it is run again. */
const LINE_CODES: ReadonlySet<ErrorCode> = new Set([
  'malformed-encoding',
  'value-out-of-range',
  'invalid-request',
  'payload-too-large',
  'invalid-identity',
  'bad-csr',
  'bad-key',
  'weak-key',
  'bad-proof-of-possession',
  'csr-identity-mismatch',
  'forbidden',
  'change-required',
  'version-conflict',
  'erased',
  'lint-failed',
]);

/** Progress of an import: lines by outcome. */
export interface ImportCounts {
  readonly imported: number;
  readonly present: number;
  readonly refused: number;
}

/** Options of {@link importFile}. */
export interface ImportFileOptions {
  /** JSON lines: `identity`, and `csr` or `publicKey`, in PEM. Untrusted. */
  readonly file: string;
  /** File for the refused lines, as JSON lines. Absent if no line is refused. */
  readonly report: string;
  /** The administrator, for the trail. */
  readonly who: string;
  readonly importOne: (order: ImportOrder) => Promise<Imported>;
  /** Returns a label that is equal for two spellings of one identity. Throws if the text is not an identity. */
  readonly labelOf: (identity: string) => string;
  readonly progress: (counts: ImportCounts) => void;
}

/**
 * Imports a file in rounds that fill whole log entries. A line that was imported before counts as `present`, so running
 * an interrupted import again resumes it. Throws every error that is not the fault of a line.
 */
export async function importFile(options: ImportFileOptions): Promise<ImportCounts> {
  await rm(options.report, { force: true });
  let counts: ImportCounts = { imported: 0, present: 0, refused: 0 };
  const round: BoundedLine[] = [];
  const finish = async (): Promise<void> => {
    counts = await importRound(options, round, counts);
    round.length = 0;
    options.progress(counts);
  };
  for await (const line of boundedLines(options.file, MAX_JSON_BODY_BYTES)) {
    round.push(line);
    if (round.length === ENTRIES * ENTRY_SIZE) await finish();
  }
  if (round.length > 0) await finish();
  return counts;
}

async function importRound(
  options: ImportFileOptions,
  lines: readonly BoundedLine[],
  before: ImportCounts,
): Promise<ImportCounts> {
  const { report } = options;
  const settled = await Promise.allSettled(importLines(options, lines));
  const counts = { ...before };
  let refused = '';
  for (const [i, outcome] of settled.entries()) {
    if (outcome.status === 'fulfilled') {
      counts[outcome.value] += 1;
      continue;
    }
    const error: unknown = outcome.reason;
    if (!isLineFault(error)) continue;
    counts.refused += 1;
    refused += `${JSON.stringify({ line: lines[i]?.number, code: error.code, reason: error.message })}\n`;
  }
  if (refused !== '') await appendFile(report, refused, { mode: 0o600 });
  const failed = settled.find((one) => one.status === 'rejected' && !isLineFault(one.reason));
  if (failed?.status === 'rejected') throw failed.reason;
  return counts;
}

/** Imports all lines concurrently, but the lines of one identity in their order. */
function importLines(
  { who, importOne, labelOf }: ImportFileOptions,
  lines: readonly BoundedLine[],
): readonly Promise<Imported>[] {
  const latest = new Map<string, Promise<Imported>>();
  return lines.map(async (line) => {
    const order = { ...readLine(line), who };
    const label = labelOf(order.identity);
    const before = latest.get(label);
    const work = () => importOne(order).catch((error: unknown) => onceMore(error, () => importOne(order)));
    const mine = before === undefined ? work() : before.then(ignore, ignore).then(work);
    latest.set(label, mine);
    return mine;
  });
}

const ignore = (): void => undefined;

/** Retries once after a concurrent change of the identity, whose result is visible now. */
function onceMore<T>(error: unknown, work: () => Promise<T>): Promise<T> {
  if (isGlasskeyError(error, 'version-conflict')) return work();
  throw error;
}

function isLineFault(error: unknown): error is GlasskeyError {
  return isGlasskeyError(error) && LINE_CODES.has(error.code);
}

/** Parses a line. Throws `payload-too-large`, `invalid-request`. */
function readLine({ text }: BoundedLine): Omit<ImportOrder, 'who'> {
  ensure(text !== undefined, 'payload-too-large', `a line must have at most ${MAX_JSON_BODY_BYTES} characters`);
  // Invalid UTF-8 was decoded to this character, which would merge different names.
  ensure(!text.includes('\uFFFD'), 'invalid-request', 'not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GlasskeyError('invalid-request', 'not JSON', { cause });
  }
  ensure(typeof value === 'object' && value !== null, 'invalid-request', 'not a JSON object');
  const { identity, csr, publicKey, ...others } = value as Record<string, unknown>;
  ensure(
    Object.keys(others).length === 0,
    'invalid-request',
    'unknown member: a line has identity, and csr or publicKey',
  );
  ensure(typeof identity === 'string', 'invalid-request', 'identity must be a string');
  if (typeof csr === 'string' && publicKey === undefined) return { identity, key: { csr } };
  const isAlone = typeof publicKey === 'string' && csr === undefined;
  ensure(isAlone, 'invalid-request', 'exactly one of csr and publicKey must be given, as a string');
  return { identity, key: { publicKey } };
}
