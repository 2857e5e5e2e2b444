import { encode } from '../../../src/core/encoding/codec.ts';
import type { MonitorMapEntry } from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { auditorTreeHeadCodec } from '../../../src/core/keytrans/tree-head.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import type { ReferenceLog } from '../../support/reference-log.ts';
import { hex, type Json } from './own-file.ts';

/** What a client retains of a tree head (KT §4.2), as vectors have it. */
export function viewJson({ size, fullSubtrees, frontier, treeHead, auditorTreeHead }: TreeView): Json {
  return {
    size,
    fullSubtrees: fullSubtrees.map(hex),
    frontier: frontier.map(({ position, timestampMs, prefixRoot }) => ({
      position,
      timestampMs,
      prefixRoot: hex(prefixRoot),
    })),
    signature: hex(treeHead.signature),
    ...(auditorTreeHead === undefined ? {} : { auditorTreeHead: hex(encode(auditorTreeHeadCodec, auditorTreeHead)) }),
  };
}

/** A monitoring map (KT §8.2). */
export function entriesJson(entries: readonly MonitorMapEntry[]): Json {
  return entries.map(({ position, version }) => ({ position, version }));
}

/** Search keys of a label's versions, ascending, with the commitments of those up to `greatest`. */
export function ladderJson(
  log: ReferenceLog,
  label: string,
  versions: Iterable<number>,
  greatest = Number.POSITIVE_INFINITY,
): Json {
  const known = log.versions.get(label) ?? [];
  return [...new Set(versions)]
    .sort((a, b) => a - b)
    .map((version) => {
      const commitment = version <= greatest ? known[version]?.commitment : undefined;
      const vrfOutput = hex(log.vrf(label, version).output);
      return { version, vrfOutput, commitment: commitment === undefined ? null : hex(commitment) };
    });
}
