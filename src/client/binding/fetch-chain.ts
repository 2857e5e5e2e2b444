import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { Configuration } from '../../core/keytrans/configuration.ts';
import {
  type ChainRequest,
  chainRequestCodec,
  chainResponseCodec,
  MAXIMUM_CHAIN_LINKS,
} from '../../core/keytrans/messages.ts';
import { PATHS } from '../../contract/paths.ts';
import type { RecordLink } from '../../identity/chain.ts';
import type { Transport } from '../transport.ts';

/**
 * Most versions, and most bytes of their values, that the client fetches to explain a change: a daily change for eleven
 * years. Otherwise a log, which numbers versions as it likes, could keep a client busy for ever.
 */
const MAX_LINKS = 4096;
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
  if (end - first > MAX_LINKS) return links;
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
