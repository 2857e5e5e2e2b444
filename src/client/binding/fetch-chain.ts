import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { Configuration } from '../../core/keytrans/configuration.ts';
import {
  type ChainRequest,
  chainRequestCodec,
  chainResponseCodec,
  MAXIMUM_CHAIN_LINKS,
} from '../../core/keytrans/messages.ts';
import { PATHS } from '../../contract/paths.ts';
import { MAX_VERSIONS_BACK, type ReadLinks } from '../../identity/owners-record.ts';
import type { RecordLink } from '../../identity/record-link.ts';
import type { Transport } from '../transport.ts';

/**
 * Most bytes of values that the client fetches to explain a change; {@link MAX_VERSIONS_BACK} bounds their number.
 * Otherwise a log, which numbers versions as it likes, could keep a client busy for ever.
 */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Fetches the versions first..end-1 of a label, in pages; they are untrusted. Returns fewer if the server says that
 * they were erased, which nothing proves, or if there are too many: the chain then does not close. Throws `bad-chain`
 * if the server returns another number of versions than requested.
 */
export async function fetchChain(
  transport: Transport,
  config: Configuration,
  label: Uint8Array,
  { first, end }: { readonly first: number; readonly end: number },
): Promise<readonly RecordLink[]> {
  const links: RecordLink[] = [];
  if (end - first > MAX_VERSIONS_BACK) return links;
  let bytes = 0;
  for (let next = first; next < end && bytes <= MAX_BYTES; next += MAXIMUM_CHAIN_LINKS) {
    const last = Math.min(next + MAXIMUM_CHAIN_LINKS, end) - 1;
    const page = await fetchPage(transport, config, { label, first: next, last });
    if (page === undefined) break;
    for (const { value } of page) bytes += value.length;
    links.push(...page);
  }
  return links;
}

/** Returns a reader of a label's versions that stops after as many bytes as {@link fetchChain}. */
export function earlierVersions(transport: Transport, config: Configuration, label: Uint8Array): ReadLinks {
  let bytes = 0;
  return async (first, last) => {
    const links = bytes > MAX_BYTES ? [] : await fetchChain(transport, config, label, { first, end: last + 1 });
    for (const { value } of links) bytes += value.length;
    return links;
  };
}

async function fetchPage(
  transport: Transport,
  config: Configuration,
  request: ChainRequest,
): Promise<readonly RecordLink[] | undefined> {
  try {
    const { links } = await transport.postKeytrans(
      PATHS.chain,
      [chainRequestCodec, request],
      chainResponseCodec(config),
    );
    const count = request.last - request.first + 1;
    ensure(links.length === count, 'bad-chain', 'the server gave another number of versions than it was asked for');
    return links.map(({ opening, value }) => ({ opening, value: value.value }));
  } catch (error) {
    if (isGlasskeyError(error, 'erased')) return undefined;
    throw error;
  }
}
