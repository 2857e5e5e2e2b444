import { mediaTypeOf, PROBLEM_MEDIA_TYPE } from '../../contract/media-types.ts';
import { PATHS } from '../../contract/paths.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { boundedFetch, type WholeAnswer } from '../../core/net/bounded-fetch.ts';
import { ServerRefusal, type Transport } from '../transport.ts';
import { auditEvidenceOf } from './audit-evidence.ts';

/** The server of a log's files: the log itself, a copy of its files, or one that does not answer now. */
export type FileServer = 'log' | 'copy' | 'unknown';

/** Errors about two things that the log has signed, which no copy can make up. */
const SIGNED = new Set(['log-forked', 'continued-after-end']);

/**
 * Finds out who serves a log's files. A log's server refuses a GET of its lookups with problem details (RFC 9457). A
 * plain web server, a bucket or a CDN knows nothing of either, and has a checkpoint nevertheless.
 */
export async function fileServer(transport: Transport): Promise<FileServer> {
  const refusal = await askFor(transport, PATHS.distinguished);
  if (refusal !== undefined && mediaTypeOf(refusal.headers.get('content-type')) === PROBLEM_MEDIA_TYPE) return 'log';
  const checkpoint = await askFor(transport, PATHS.checkpoint);
  const isCopy = refusal !== undefined && refusal.status < 500 && checkpoint?.status === 200;
  return isCopy ? 'copy' : 'unknown';
}

/** Returns the answer of a server to a GET; undefined if there is none that can be used. */
async function askFor({ server, fetch, signal }: Transport, path: string): Promise<WholeAnswer | undefined> {
  const bounds = { timeoutMs: 30_000, signal, maxBytes: 1024 * 1024, name: server };
  try {
    return await boundedFetch(fetch, server + path, {}, bounds);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return undefined;
  }
}

/**
 * Returns the error to report for a fault in what a server showed that the log has not signed: the fault of a copy,
 * unless the log's own server showed it. Any other error stays as it is.
 */
export function blamed(error: unknown, by: FileServer, place: string): unknown {
  if (!mayBeDamage(error) || by === 'log') return error;
  // A server that is down is no damaged copy, nor is any web site.
  if (by === 'unknown' && error.code === 'bad-response') return error;
  return damagedCopy(error, place);
}

/** As {@link blamed}, for work that reads files or the bundle of a log from a server. */
export async function readingFrom<T>(transport: Transport, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!mayBeDamage(error) || SIGNED.has(error.code) || auditEvidenceOf(error) !== undefined) throw error;
    throw blamed(error, await fileServer(transport), transport.server);
  }
}

/** Returns true for an error that a damaged file can cause. */
export function mayBeDamage(error: unknown): error is GlasskeyError {
  if (!isGlasskeyError(error) || error instanceof ServerRefusal) return false;
  return error.fault === 'verification' || error.fault === 'decode' || error.code === 'bad-response';
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
