import { type AddCheckpoint, formatAddCheckpoint, parseTlogSize } from '../../core/audit/add-checkpoint.ts';
import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { boundedFetch, type Fetch } from '../../core/net/bounded-fetch.ts';

/** A witness's reply to one `add-checkpoint` (c2sp.org/tlog-witness). All of it is untrusted. */
export type WitnessReply =
  /** Unverified signature lines. */
  | { readonly type: 'lines'; readonly lines: string }
  /** 409: the size that it cosigned last is not the request's old size. */
  | { readonly type: 'other-size'; readonly size: number }
  /** 422: it claims that the checkpoint does not continue what it has seen. */
  | { readonly type: 'inconsistent'; readonly detail: string }
  | { readonly type: 'failed'; readonly outcome: 'refused' | 'unreachable' | 'bad-answer'; readonly detail: string };

/** Most bytes of a reply: a few post-quantum signature lines of 3.4 KB. */
const MAX_ANSWER_BYTES = 32 * 1024;
const MAX_DETAIL_CHARACTERS = 200;

/** The address of one witness, and the means to reach it. */
export interface AskOptions {
  /** The submission prefix. */
  readonly url: string;
  readonly fetch: Fetch;
  readonly timeoutMs: number;
}

/** Sends one request. Never throws: an unreachable witness is a `failed` reply. */
export async function askWitness(request: AddCheckpoint, options: AskOptions): Promise<WitnessReply> {
  try {
    const { status, body } = await boundedFetch(
      options.fetch,
      `${options.url.replace(/\/+$/, '')}/add-checkpoint`,
      {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: formatAddCheckpoint(request),
      },
      { timeoutMs: options.timeoutMs, maxBytes: MAX_ANSWER_BYTES, name: 'the witness' },
    );
    return readReply(status, decodeUtf8(body));
  } catch (error) {
    const outcome = isGlasskeyError(error, 'network-failed') ? 'unreachable' : 'bad-answer';
    return { type: 'failed', outcome, detail: shorten(error instanceof Error ? error.message : 'no answer') };
  }
}

function readReply(status: number, text: string): WitnessReply {
  if (status === 200) return { type: 'lines', lines: text };
  if (status === 409) return { type: 'other-size', size: parseTlogSize(text) };
  if (status === 422) return { type: 'inconsistent', detail: shorten(text) };
  return { type: 'failed', outcome: 'refused', detail: shorten(`status ${status}: ${text}`) };
}

/** Makes foreign text one short line that is safe to log. */
function shorten(text: string): string {
  return text
    .slice(0, MAX_DETAIL_CHARACTERS)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}
