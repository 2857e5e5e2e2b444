import { equalBytes, formatHex, parseHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { TrailHead } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import type { Act } from '../log/act.ts';
import { trailGenesis, trailHash } from '../log/trail.ts';

/** Records that one statement reads. */
const PAGE = 256;

/** An act of the trail, with its time and record. */
export interface TrailEntry extends Act {
  /** The time of the act, ms. */
  readonly at: number;
  /** The number of the record. */
  readonly record: number;
}

/**
 * Reads the trail from record 0 and verifies it on the way: each record follows the one before, none is missing, and
 * the last is the one that the database names. The trail must contain `anchor`, an earlier end that somebody noted:
 * this detects a trail that was rewritten as a whole. Verifies all acts, yields those of `sinceMs` and later, and
 * returns the end. Throws `trail-broken`.
 */
export async function* readTrail(
  { store, origin }: Pick<LogContext, 'store' | 'origin'>,
  { sinceMs, anchor }: { readonly sinceMs?: number | undefined; readonly anchor?: TrailHead | undefined } = {},
): AsyncGenerator<TrailEntry, TrailHead> {
  const genesis = { size: 0, hash: trailGenesis(origin) };
  const end = (await store.readTrailHead()) ?? genesis;
  assertHolds(end.size >= (anchor?.size ?? 0), 'the trail is shorter than the noted end');
  let head: TrailHead = genesis;
  assertAnchor(head, anchor);
  while (head.size < end.size) {
    const records = await store.readTrail(head.size, Math.min(PAGE, end.size - head.size));
    assertHolds(records.length > 0, `record ${head.size} is missing`);
    for (const { sequence, acts, hash } of records) {
      assertHolds(sequence === head.size, `record ${head.size} is missing`);
      const holds = equalBytes(hash, trailHash(head.hash, sequence, acts));
      assertHolds(holds, `record ${sequence} or the one before it was changed`);
      head = { size: sequence + 1, hash };
      assertAnchor(head, anchor);
      for (const entry of entriesOf(sequence, acts)) if (entry.at >= (sinceMs ?? 0)) yield entry;
    }
  }
  assertHolds(equalBytes(head.hash, end.hash), 'the last record is not the one that the database names');
  const [beyond] = await store.readTrail(end.size, 1);
  // Another process may have just written it; then the database names a later end now.
  if (beyond !== undefined)
    assertHolds(((await store.readTrailHead())?.size ?? 0) > end.size, 'there is a record after the end of the trail');
  return head;
}

function entriesOf(record: number, acts: string): TrailEntry[] {
  try {
    return acts.split('\n').map((line) => Object.assign(JSON.parse(line) as Act & { at: number }, { record }));
  } catch {
    throw new GlasskeyError('trail-broken', `record ${record} cannot be read`);
  }
}

function assertAnchor(head: TrailHead, anchor: TrailHead | undefined): void {
  if (anchor?.size !== head.size) return;
  assertHolds(
    equalBytes(anchor.hash, head.hash),
    `the first ${head.size} records of the trail do not match the noted end`,
  );
}

function assertHolds(holds: boolean, message: string): void {
  if (!holds) throw new GlasskeyError('trail-broken', message);
}

/** Formats the end of a trail as a line to note: size and hash. */
export function formatTrailHead({ size, hash }: TrailHead): string {
  return `${size} ${formatHex(hash)}`;
}

/** Parses a line of {@link formatTrailHead}. Throws `usage` for anything else. */
export function parseTrailHead(line: string): TrailHead {
  const [, size, hash] = /^(\d{1,15}) ([0-9a-f]{64})\s*$/.exec(line) ?? [];
  ensure(size !== undefined && hash !== undefined, 'usage', 'an end of the trail is a number of records and a hash');
  return { size: Number(size), hash: parseHex(hash) };
}
