import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { Configuration } from '../../core/keytrans/configuration.ts';
import {
  type ChainRequest,
  chainRequestCodec,
  chainResponseCodec,
  MAXIMUM_CHAIN_LINKS,
} from '../../core/keytrans/messages.ts';
import { PATHS } from '../../contract/paths.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import { MAX_VERSIONS_BACK } from '../../identity/owners-record.ts';
import type { ReadLinks } from '../../identity/read-back.ts';
import { breaksChain, openLink, type RecordLink } from '../../identity/record-link.ts';
import type { Transport } from '../transport.ts';

/**
 * Most bytes of values that the client fetches to explain a change; {@link MAX_VERSIONS_BACK} bounds their number.
 * Otherwise a log, which numbers versions as it likes, could keep a client busy for ever.
 */
const MAX_BYTES = 32 * 1024 * 1024;

/** Most requests for the versions of one chain. An honest server sends several hundred KB at a time, if there are. */
const MAX_PAGES = 256;

/** The versions of a label, from the first one that was asked for on; untrusted. */
export interface ChainPart {
  readonly links: readonly RecordLink[];
  /**
   * `whole`: all are there. `erased`: the server says that the rest was erased, which nothing proves. `broken`: the
   * last one does not name the version before. `bound`: the client stopped.
   */
  readonly why: 'whole' | 'erased' | 'broken' | 'bound';
}

/**
 * Fetches the versions first..end-1 of a label, in pages of as many as the server sends; they are untrusted. Returns
 * fewer if the server says that they were erased, which nothing proves, if there are too many, or if one does not name
 * the version before: the chain then does not close. Throws `bad-chain` if the server returns more than requested.
 */
export async function fetchChain(
  transport: Transport,
  config: Configuration,
  label: Uint8Array,
  range: { readonly first: number; readonly end: number },
): Promise<readonly RecordLink[]> {
  return (await fetchChainPart(transport, config, label, range)).links;
}

/** As {@link fetchChain}, and says why there are fewer. */
export async function fetchChainPart(
  transport: Transport,
  config: Configuration,
  label: Uint8Array,
  { first, end }: { readonly first: number; readonly end: number },
): Promise<ChainPart> {
  const links: RecordLink[] = [];
  if (end - first > MAX_VERSIONS_BACK) return { links, why: 'bound' };
  let bytes = 0;
  let previous: HeldVersion | undefined;
  for (let pages = 0; first + links.length < end && bytes <= MAX_BYTES && pages < MAX_PAGES; pages++) {
    const next = first + links.length;
    const last = Math.min(next + MAXIMUM_CHAIN_LINKS, end) - 1;
    const page = await fetchPage(transport, config, { label, first: next, last });
    if (page === undefined) return { links, why: 'erased' };
    for (const { value } of page) bytes += value.length;
    links.push(...page);
    previous = follow(label, previous, next, page);
    if (previous === undefined && first + links.length < end) return { links, why: 'broken' };
  }
  return { links, why: first + links.length === end ? 'whole' : 'bound' };
}

/**
 * Returns the last version of a page, so that no further page is fetched after one that breaks the chain; undefined if
 * a version does not name the one before it.
 */
function follow(
  label: Uint8Array,
  before: HeldVersion | undefined,
  first: number,
  page: readonly RecordLink[],
): HeldVersion | undefined {
  let previous = before;
  try {
    for (const [i, link] of page.entries()) {
      const version = openLink(label, first + i, link);
      const named = version.record.previousCommitment;
      if (previous !== undefined && !equalBytes(named, previous.commitment)) return undefined;
      previous = version;
    }
    return previous;
  } catch (error) {
    if (breaksChain(error)) return undefined;
    throw error;
  }
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
    ensure(links.length <= count, 'bad-chain', 'the server gave more versions than it was asked for');
    return links.map(({ opening, value }) => ({ opening, value: value.value }));
  } catch (error) {
    if (isGlasskeyError(error, 'erased')) return undefined;
    throw error;
  }
}
