import { readStream } from '../../core/encoding/read-stream.ts';

/** The platform's fetch, or a test's. */
export type OutboundFetch = (url: string, init: RequestInit) => Promise<Response>;

/** The bounds of one request to a foreign server. */
export interface FetchBounds {
  /** From the first byte sent to the last byte received, ms. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** An answer within the bounds. */
export interface BoundedAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request to a server that may be slow, talkative or down. It keeps to the bounds and follows no redirect, so
 * that the server cannot send us elsewhere. Rejects with the error of the fetch or the read.
 */
export async function boundedFetch(
  fetch: OutboundFetch,
  url: string,
  init: RequestInit,
  { timeoutMs, maxBytes }: FetchBounds,
): Promise<BoundedAnswer> {
  const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await readStream(response.body, maxBytes, url));
  return { status: response.status, text };
}
