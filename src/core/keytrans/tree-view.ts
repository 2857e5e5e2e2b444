import { type Codec, fixedBytes, optional, struct, uint64, vector } from '../encoding/codec.ts';
import { decodeError } from '../errors.ts';
import { compactRange, rangeRoot } from '../log/compact-range.ts';
import { fullSubtrees } from '../log/log-tree.ts';
import { keytransNodeHasher } from '../log/node-hasher.ts';
import { frontier } from './implicit-search-tree.ts';
import { type AuditorTreeHead, auditorTreeHeadCodec, type TreeHead, treeHeadCodec } from './tree-head.ts';

/** A log entry that a client retains (KT §4.2). */
export interface RetainedEntry {
  readonly position: number;
  readonly timestampMs: number;
  readonly prefixRoot: Uint8Array;
}

/** The part of the last verified tree head that a client retains (KT §4.2, §13). Verified once, then trusted. */
export interface TreeView {
  readonly size: number;
  /** The heads of the full subtrees, left to right. */
  readonly fullSubtrees: readonly Uint8Array[];
  /** The entries along the frontier, root first. */
  readonly frontier: readonly RetainedEntry[];
  readonly treeHead: TreeHead;
  readonly auditorTreeHead: AuditorTreeHead | undefined;
}

const hash = fixedBytes(32);
const retainedEntryCodec = struct<RetainedEntry>({ position: uint64, timestampMs: uint64, prefixRoot: hash });
const fieldsCodec = struct<TreeView>({
  size: uint64,
  fullSubtrees: vector(hash, 0, 0xff),
  frontier: vector(retainedEntryCodec, 0, 0xff),
  treeHead: treeHeadCodec,
  auditorTreeHead: optional(auditorTreeHeadCodec),
});

/** The encoding in which a client stores a {@link TreeView}. It refuses a view whose parts do not fit its size. */
export const treeViewCodec: Codec<TreeView> = {
  write: (writer, view) => fieldsCodec.write(writer, view),
  read: (reader) => {
    const view = fieldsCodec.read(reader);
    if (view.size === 0 || view.treeHead.treeSize !== view.size) throw decodeError('a view without its tree head');
    const positions = frontier(view.size);
    const fits =
      view.fullSubtrees.length === fullSubtrees(view.size).length &&
      view.frontier.length === positions.length &&
      view.frontier.every((entry, i) => entry.position === positions[i]);
    if (!fits) throw decodeError('the parts of a view do not fit its size');
    return view;
  },
};

/** Computes the root of the log tree of a view (KT §11.8). */
export function viewRoot(view: TreeView): Uint8Array {
  return rangeRoot(compactRange(view.size, view.fullSubtrees), keytransNodeHasher) as Uint8Array;
}
