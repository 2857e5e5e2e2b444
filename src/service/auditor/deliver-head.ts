import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type AuditorTreeHead, auditorTreeHeadCodec } from '../../core/keytrans/tree-head.ts';
import { readStream } from '../../core/encoding/read-stream.ts';

/** The place where heads are delivered or fetched. */
export interface HeadPlace {
  readonly url: string;
  /** The media type of a TLS-encoded AuditorTreeHead. */
  readonly mediaType: string;
  readonly fetch: typeof fetch;
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** The length of a head with the longest possible signature. */
const MAX_HEAD_BYTES = 16 + 2 + 0xffff;

/** Posts a head to its log's server. Throws `network-failed`, `request-refused`. */
export async function deliverHead(head: AuditorTreeHead, place: HeadPlace): Promise<void> {
  const { url, mediaType } = place;
  const body = new Uint8Array(encode(auditorTreeHeadCodec, head));
  const response = await reach(place, { method: 'POST', headers: { 'content-type': mediaType }, body });
  await response.body?.cancel();
  ensure(response.status === 204, 'request-refused', `${url} answered ${response.status}`);
}

/**
 * Fetches the newest head from the auditor at `url`; undefined if it has signed none. The head is untrusted: the caller
 * verifies it. Throws `network-failed`, `bad-response`, and `not-audited` if the auditor reports that the log
 * misbehaved.
 */
export async function fetchHead(place: HeadPlace): Promise<AuditorTreeHead | undefined> {
  const { url } = place;
  const response = await reach(place, {});
  if (response.status !== 200) await response.body?.cancel();
  if (response.status === 404) return undefined;
  ensure(response.status !== 409, 'not-audited', `the auditor at ${url} reports that the log misbehaved`);
  ensure(response.status === 200, 'bad-response', `${url} answered ${response.status}`);
  try {
    return decode(auditorTreeHeadCodec, await readStream(response.body, MAX_HEAD_BYTES, url));
  } catch (cause) {
    if (isGlasskeyError(cause, 'network-failed')) throw cause;
    throw new GlasskeyError('bad-response', `${url} did not answer with an auditor's tree head`, { cause });
  }
}

async function reach({ url, fetch, signal }: HeadPlace, init: RequestInit): Promise<Response> {
  try {
    const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    return await fetch(url, { ...init, redirect: 'error', signal: either });
  } catch (cause) {
    throw new GlasskeyError('network-failed', `${url} does not answer`, { cause });
  }
}
