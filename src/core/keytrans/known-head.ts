import { equalBytes } from '../encoding/bytes.ts';
import { type Codec, struct, vector } from '../encoding/codec.ts';
import { decodeError, ensure } from '../errors.ts';
import { compactRange, rangeRoot } from '../log/compact-range.ts';
import { keytransNodeHasher } from '../log/node-hasher.ts';
import { hashValueCodec } from './proofs.ts';
import { type RetainedEntry, type TreeView, treeViewCodec } from './tree-view.ts';

/**
 * A distinguished log entry that a client knows, and the log as it was when that entry was the rightmost (KT §10.2,
 * §14.2.1). Verified once, then trusted.
 */
export interface KnownHead {
  readonly position: number;
  readonly timestampMs: number;
  readonly prefixRoot: Uint8Array;
  /** The root of the log tree of `position + 1` entries, which clients compare. */
  readonly logRoot: Uint8Array;
  /** The heads of that tree's full subtrees, left to right. */
  readonly fullSubtrees: readonly Uint8Array[];
  /** The entries along that tree's frontier; the last one is the entry itself. */
  readonly frontier: readonly RetainedEntry[];
}

/** The greatest number of "recent" distinguished entries (KT §10.1): the rightmost ones that have not expired. */
export const RECENT_HEADS = 10;

/** Builds a known head from its parts, which must fit `position`. */
export function knownHead(
  position: number,
  subtrees: readonly Uint8Array[],
  entries: readonly RetainedEntry[],
): KnownHead {
  const { timestampMs, prefixRoot } = entries.at(-1) as RetainedEntry;
  const logRoot = rangeRoot(compactRange(position + 1, subtrees), keytransNodeHasher) as Uint8Array;
  return { position, timestampMs, prefixRoot, logRoot, fullSubtrees: subtrees, frontier: entries };
}

/**
 * Returns the view of a client for which a known head's entry is the rightmost. The view has no signed tree head, so a
 * response that claims that the log has not grown is refused.
 */
export function viewOfHead(head: KnownHead): TreeView {
  const size = head.position + 1;
  const treeHead = { treeSize: size, signature: new Uint8Array(0) };
  return { size, fullSubtrees: head.fullSubtrees, frontier: head.frontier, treeHead, auditorTreeHead: undefined };
}

/**
 * The encoding in which a client stores a {@link KnownHead}: that of a view. It refuses a head whose parts do not fit.
 */
export const knownHeadCodec: Codec<KnownHead> = {
  write: (writer, head) => treeViewCodec.write(writer, viewOfHead(head)),
  read: (reader) => {
    const view = treeViewCodec.read(reader);
    const { size, treeHead, auditorTreeHead } = view;
    if (treeHead.signature.length > 0 || auditorTreeHead !== undefined) throw decodeError('a known head is not signed');
    return knownHead(size - 1, view.fullSubtrees, view.frontier);
  },
};

/**
 * Merges the heads that a client knows with those that it has found, and returns the recent ones left to right: at most
 * {@link RECENT_HEADS}. Throws `log-forked` if the two disagree about an entry.
 */
export function recentHeads(known: readonly KnownHead[], found: readonly KnownHead[]): readonly KnownHead[] {
  const heads = new Map(known.map((head) => [head.position, head]));
  for (const head of found) {
    const before = heads.get(head.position);
    const agrees = before === undefined || equalBytes(before.logRoot, head.logRoot);
    ensure(agrees, 'log-forked', `the log had another root when entry ${head.position} was the rightmost`);
    heads.set(head.position, head);
  }
  return [...heads.values()].sort((a, b) => a.position - b.position).slice(-RECENT_HEADS);
}

/** `DistinguishedHead` (KT §10.2): the roots of the log tree at recent distinguished entries, left to right. */
export interface DistinguishedHead {
  readonly heads: readonly Uint8Array[];
}

export const distinguishedHeadCodec: Codec<DistinguishedHead> = struct<DistinguishedHead>({
  heads: vector(hashValueCodec, 0, 0xff),
});

/**
 * Compares the roots that two people were shown (KT §10.2). The lists must have the same length, and a beginning of one
 * must equal an end of the other: at least one root. Throws `log-forked` if the log showed different trees (or the
 * lists have too few roots to overlap). Throws `usage` if the lists differ in length or are empty.
 */
export function compareRoots(mine: readonly Uint8Array[], theirs: readonly Uint8Array[]): void {
  ensure(
    mine.length === theirs.length && mine.length > 0,
    'usage',
    'the lists of roots differ in length, or are empty',
  );
  const overlap = mine.some((_, x) => startsWithEndOf(mine, theirs, x) || startsWithEndOf(theirs, mine, x));
  ensure(
    overlap,
    'log-forked',
    'the two lists of roots have no common part: the log showed two people different trees',
  );
}

/** Returns true if `a`, without its last `x` roots, equals `b` without its first `x`. */
function startsWithEndOf(a: readonly Uint8Array[], b: readonly Uint8Array[], x: number): boolean {
  return a.slice(0, a.length - x).every((root, i) => equalBytes(root, b[i + x] as Uint8Array));
}
