import { equalBytes } from '../core/encoding/bytes.ts';
import type { HeldVersion } from './continuity.ts';
import { openLink, type RecordLink } from './record-link.ts';

/** Reads the versions first..last of the label, ascending; fewer if some cannot be read. They are untrusted. */
export type ReadLinks = (first: number, last: number) => Promise<readonly (RecordLink | undefined)[]>;

/** Why {@link readBack} yields no earlier version: it reached its end, the version is missing, or it is another one. */
export type BackEnd = 'end' | 'missing' | 'broken';

/** Where {@link readBack} reads. */
export interface BackInput {
  readonly label: Uint8Array;
  readonly read: ReadLinks;
  /** The earliest version to read. */
  readonly end: number;
  /** Versions per read at most. */
  readonly page: number;
}

/**
 * Yields the versions before `from`, descending to `end`, as long as each is the one that its successor names. A server
 * refuses a whole page for one erased version, so a page that cannot be read is halved. Throws `bad-commitment` and
 * `bad-record` for a link that is no version of the label.
 */
export async function* readBack(
  { label, read, end, page: most }: BackInput,
  from: HeldVersion,
): AsyncGenerator<HeldVersion, BackEnd> {
  let later = from;
  let page = most;
  while (later.version > end) {
    if (page < 1) return 'missing';
    const first = Math.max(end, later.version - page);
    const links = await read(first, later.version - 1);
    if (links.length !== later.version - first) {
      page = Math.floor(Math.min(page, later.version - first) / 2);
      continue;
    }
    for (const link of links.toReversed()) {
      if (link === undefined) return 'missing';
      const earlier = openLink(label, later.version - 1, link);
      if (!equalBytes(later.record.previousCommitment, earlier.commitment)) return 'broken';
      yield earlier;
      later = earlier;
    }
  }
  return 'end';
}
