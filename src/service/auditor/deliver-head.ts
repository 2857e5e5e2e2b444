import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { type AuditorTreeHead, auditorTreeHeadCodec } from '../../core/keytrans/tree-head.ts';
import { boundedFetch, type Fetch, type WholeAnswer } from '../../core/net/bounded-fetch.ts';

/** The place where heads are delivered or fetched. */
export interface HeadPlace {
  readonly url: string;
  /** The media type of a TLS-encoded AuditorTreeHead. */
  readonly mediaType: string;
  readonly fetch: Fetch;
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** The length of a head with the longest possible signature. */
const MAX_HEAD_BYTES = 16 + 2 + 0xffff;

/** Posts a head to its log's server. Throws `network-failed`, `bad-response`, `request-refused`. */
export async function deliverHead(head: AuditorTreeHead, place: HeadPlace): Promise<void> {
  const { url, mediaType } = place;
  const body = new Uint8Array(encode(auditorTreeHeadCodec, head));
  const { status } = await reach(place, { method: 'POST', headers: { 'content-type': mediaType }, body });
  ensure(status === 204, 'request-refused', `${url} answered ${status}`);
}

/**
 * Fetches the newest head from the auditor at `url`; undefined if it has signed none. The head is untrusted: the caller
 * verifies it. Throws `network-failed`, `bad-response`, and `not-audited` if the auditor reports that the log
 * misbehaved.
 */
export async function fetchHead(place: HeadPlace): Promise<AuditorTreeHead | undefined> {
  const { url } = place;
  const { status, body } = await reach(place, {});
  if (status === 404) return undefined;
  ensure(status !== 409, 'not-audited', `the auditor at ${url} reports that the log misbehaved`);
  ensure(status === 200, 'bad-response', `${url} answered ${status}`);
  try {
    return decode(auditorTreeHeadCodec, body);
  } catch (cause) {
    throw new GlasskeyError('bad-response', `${url} did not answer with an auditor's tree head`, { cause });
  }
}

function reach({ url, fetch, signal }: HeadPlace, init: RequestInit): Promise<WholeAnswer> {
  return boundedFetch(fetch, url, init, { timeoutMs: TIMEOUT_MS, signal, maxBytes: MAX_HEAD_BYTES, name: url });
}
