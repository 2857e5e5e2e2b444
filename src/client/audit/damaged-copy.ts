import { KEYTRANS_MEDIA_TYPE, mediaTypeOf, PROBLEM_MEDIA_TYPE } from '../../contract/media-types.ts';
import { PATHS } from '../../contract/paths.ts';
import { encode } from '../../core/encoding/codec.ts';
import type { ERROR_CODES, ErrorCode } from '../../core/error-codes.ts';
import { GlasskeyError, isGlasskeyError, SignedFault } from '../../core/errors.ts';
import { distinguishedRequestCodec } from '../../core/keytrans/distinguished-messages.ts';
import { boundedFetch, type WholeAnswer } from '../../core/net/bounded-fetch.ts';
import { ServerRefusal, type Transport } from '../transport.ts';
import { auditEvidenceOf } from './audit-evidence.ts';

/** The server of a log's files: the log itself, a copy of its files, or one that does not answer now. */
export type FileServer = 'log' | 'copy' | 'unknown';

/** An error that bytes from a server of files can cause. */
type FileFault =
  | 'bad-response'
  | { [C in ErrorCode]: (typeof ERROR_CODES)[C] extends 'verification' | 'decode' ? C : never }[ErrorCode];

/**
 * Who can cause each such error where files or a bundle are read: only the `log`, by what it has signed, or `anybody`
 * who alters bytes. Of the latter, one that is a {@link SignedFault} is the log's too.
 */
export const CAUSED_BY = {
  'bad-audit-entry': 'anybody',
  'bad-auditor-update': 'anybody',
  'bad-bundle': 'anybody',
  'bad-certificate': 'anybody',
  'bad-chain': 'anybody',
  'bad-change-signature': 'anybody',
  'bad-checkpoint': 'anybody',
  'bad-commitment': 'anybody',
  'bad-frame': 'anybody',
  'bad-key': 'anybody',
  'bad-ladder': 'anybody',
  'bad-log-end': 'anybody',
  'bad-log-proof': 'anybody',
  'bad-message': 'anybody',
  'bad-note': 'anybody',
  'bad-prefix-proof': 'anybody',
  'bad-record': 'anybody',
  'bad-response': 'anybody',
  'bad-signature': 'anybody',
  'bad-timestamp': 'anybody',
  'bad-tlog-proof': 'anybody',
  'bad-tree-head': 'anybody',
  'bad-vrf-proof': 'anybody',
  'bundle-changed': 'anybody',
  'call-mismatch': 'anybody',
  'certificate-expired': 'anybody',
  'certificate-not-in-record': 'anybody',
  'certificate-revoked': 'anybody',
  'continued-after-end': 'log',
  'credential-expired': 'anybody',
  'fingerprint-mismatch': 'anybody',
  'log-forked': 'log',
  'log-replaced': 'anybody',
  'malformed-encoding': 'anybody',
  'not-witnessed': 'anybody',
  'proof-exhausted': 'anybody',
  'proof-left-over': 'anybody',
  'trail-broken': 'anybody',
  'tree-head-too-new': 'anybody',
  'tree-head-too-old': 'anybody',
  'tree-rolled-back': 'anybody',
  'unexpected-version': 'anybody',
  'unknown-head': 'anybody',
  'untrusted-issuer': 'anybody',
  'version-mismatch': 'anybody',
  'version-rolled-back': 'anybody',
  'view-mismatch': 'anybody',
} as const satisfies Record<FileFault, 'log' | 'anybody'>;

/**
 * Finds out who serves a log's files. A server of the log answers a question (KT §13.6), or refuses it with problem
 * details (RFC 9457). A plain web server, a bucket or a CDN can do neither, and has a checkpoint nevertheless.
 * `logServers` are known to be of the log, whatever they answer now.
 */
export async function fileServer(transport: Transport, logServers: readonly string[]): Promise<FileServer> {
  if (logServers.includes(transport.server)) return 'log';
  const question = new Uint8Array(encode(distinguishedRequestCodec, { last: undefined, stop: undefined }));
  const headers = { 'content-type': KEYTRANS_MEDIA_TYPE };
  const answer = await askFor(transport, PATHS.distinguished, { method: 'POST', headers, body: question });
  const type = mediaTypeOf(answer?.headers.get('content-type') ?? null);
  if (type === PROBLEM_MEDIA_TYPE || type === KEYTRANS_MEDIA_TYPE) return 'log';
  const checkpoint = await askFor(transport, PATHS.checkpoint, {});
  const isCopy = answer !== undefined && answer.status < 500 && checkpoint?.status === 200;
  return isCopy ? 'copy' : 'unknown';
}

/** Returns the answer of a server; undefined if there is none that can be used. */
async function askFor(
  { server, fetch, signal }: Transport,
  path: string,
  init: RequestInit,
): Promise<WholeAnswer | undefined> {
  const bounds = { timeoutMs: 30_000, signal, maxBytes: 8 * 1024 * 1024, name: server };
  try {
    return await boundedFetch(fetch, server + path, init, bounds);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return undefined;
  }
}

/**
 * Returns the error to report for a fault in what a server showed that the log has not signed: the fault of a copy,
 * if a copy showed it. A server that cannot be asked is no copy. Any other error stays as it is.
 */
export function blamed(error: unknown, by: FileServer, place: string): unknown {
  return by === 'copy' && mayBeDamage(error) ? damagedCopy(error, place) : error;
}

/**
 * As {@link blamed}, for work that reads files or the bundle of a log from a server. `logServers` returns the servers
 * that are known to be of the log.
 */
export async function readingFrom<T>(
  transport: Transport,
  logServers: () => Promise<readonly string[]>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!mayBeDamage(error) || isSigned(error) || auditEvidenceOf(error) !== undefined) throw error;
    throw blamed(error, await fileServer(transport, await logServers()), transport.server);
  }
}

function isSigned(error: GlasskeyError): boolean {
  const causes: Readonly<Partial<Record<ErrorCode, string>>> = CAUSED_BY;
  return error instanceof SignedFault || causes[error.code] === 'log';
}

/** Returns true for an error that a damaged file can cause. */
export function mayBeDamage(error: unknown): error is GlasskeyError {
  return isGlasskeyError(error) && !(error instanceof ServerRefusal) && error.code in CAUSED_BY;
}

/** Returns the error for a fault of the copy at `place`: it is damaged, or `too-far-behind` if it is only old. */
export function damagedCopy(error: GlasskeyError, place: string): GlasskeyError {
  const { code, message } = error;
  if (code === 'tree-rolled-back') {
    return new GlasskeyError('too-far-behind', `${place} is a copy that is out of date: ${message}`, { cause: error });
  }
  const next = 'The log has not signed this. Next: its keeper finds and mends the files with --check and --repair';
  return new GlasskeyError('copy-damaged', `${place} is a damaged copy: ${message} (${code}). ${next}`, {
    cause: error,
  });
}
