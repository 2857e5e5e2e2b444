import { readStream } from '../../core/encoding/read-stream.ts';

/** The platform's fetch, or a test's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Bounds of one request to somebody else's server. */
export interface FetchBounds {
  /** From the first byte sent to the last byte received, ms. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** What an answer was. */
export interface BoundedAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks another server, which may be slow, talkative or down: within bounds, and without following redirects, so that it cannot
 * send us elsewhere. Rejects with whatever went wrong.
 */
export async function boundedFetch(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  { timeoutMs, maxBytes }: FetchBounds,
): Promise<BoundedAnswer> {
  const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await readStream(response.body, maxBytes, url));
  return { status: response.status, text };
}
