import { boundedFetch, type Fetch, type WholeAnswer } from '../../core/net/bounded-fetch.ts';

const BOUNDS = { timeoutMs: 5_000, maxBytes: 1024 * 1024 };

/** The tools of checks that ask other machines. */
export interface ProbeTools {
  readonly fetch: Fetch;
  /** Now, in ms. */
  readonly now: () => number;
}

/** An answer, and by how much the clock of its sender is ahead of ours, ms; undefined without a Date header. */
export interface Probed extends WholeAnswer {
  readonly aheadMs: number | undefined;
}

/** Asks another server. Throws `network-failed`, `bad-response`. */
export async function probe({ fetch, now }: ProbeTools, url: string): Promise<Probed> {
  const before = now();
  const answer = await boundedFetch(fetch, url, {}, { ...BOUNDS, name: new URL(url).host });
  const middle = (before + now()) / 2;
  const dateMs = Date.parse(answer.headers.get('date') ?? '');
  // The header is cut to the second: on average half a second is missing.
  return { ...answer, aheadMs: Number.isNaN(dateMs) ? undefined : dateMs + 500 - middle };
}
