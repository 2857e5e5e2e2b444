import { decodeLossyUtf8 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { boundedFetch, type Fetch } from '../core/net/bounded-fetch.ts';
import { type AkdSource, lowerEpoch } from './akd-source.ts';
import { parseObjectListing } from './object-listing.ts';

/** Options of {@link httpSource}. */
export interface BucketOptions {
  /** URL of the bucket or mirror, without a trailing slash. */
  readonly base: string;
  readonly fetch: Fetch;
  /** Longest wait for one answer, in ms. */
  readonly timeoutMs: number;
  /** Most bytes of one object. */
  readonly maxBytes: number;
}

/** Most bytes of a page of a listing: 1,000 keys are about 400 kB. */
const MAX_PAGE_BYTES = 4 * 2 ** 20;

/** Most pages of a whole listing: 10 million objects. */
const MAX_PAGES = 10_000;

/**
 * Returns the objects of a bucket that answers `ListObjectsV2` without credentials. It asks with `list-type`, `prefix`
 * and `start-after` only: a cache in front of a bucket may drop other parameters, such as a continuation token. Methods
 * throw `network-failed` without an answer, `bad-response` for one that is too long, not in the protocol or a refusal.
 */
export function httpSource(options: BucketOptions): AkdSource {
  const { base } = options;
  const list = async (parameters: Readonly<Record<string, string>>, signal?: AbortSignal) => {
    const query = new URLSearchParams({ 'list-type': '2', ...parameters });
    return parseObjectListing(decodeLossyUtf8(await get(options, `/?${query.toString()}`, MAX_PAGE_BYTES, signal)));
  };
  return {
    place: base,
    namesOf: async (epoch, signal) => {
      const prefix = `${epoch}/`;
      const { keys, isTruncated } = await list({ prefix }, signal);
      ensure(
        keys.every((key) => key.startsWith(prefix)),
        'bad-response',
        `${base} lists objects of other epochs`,
      );
      ensure(keys.length > 0 || !isTruncated, 'bad-response', `${base} lists no objects and says that more follow`);
      // A server that lists an object twice has one all the same.
      return [...new Set(keys)];
    },
    firstEpoch: async () => {
      let lowest: number | undefined;
      let last = '';
      for (let page = 0; page < MAX_PAGES; page++) {
        const { keys, isTruncated } = await list(last === '' ? {} : { 'start-after': last });
        for (const key of keys) {
          // Else two pages could follow each other for ever.
          ensure(key > last, 'bad-response', `${base} lists its objects out of order`);
          last = key;
          lowest = lowerEpoch(lowest, key);
        }
        if (!isTruncated) return lowest;
        ensure(keys.length > 0, 'bad-response', `${base} lists no objects and says that more follow`);
      }
      throw new GlasskeyError(
        'bad-response',
        `${base} lists more than ${MAX_PAGES} pages: say where to begin with --from`,
      );
    },
    read: (name, signal) => get(options, `/${name}`, options.maxBytes, signal),
  };
}

async function get(
  { base, fetch, timeoutMs }: BucketOptions,
  path: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const answer = await boundedFetch(fetch, base + path, {}, { timeoutMs, signal, maxBytes, name: base });
  ensure(answer.status === 200, 'bad-response', `${base} answers ${answer.status} for ${path.slice(0, 40)}`);
  return answer.body;
}
