import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import type { KnownVersion } from '../../../src/core/keytrans/known-version.ts';
import { auditorTreeHeadCodec } from '../../../src/core/keytrans/tree-head.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';

/** A view as vectors have it. */
export interface ViewJson {
  readonly size: number;
  readonly fullSubtrees: readonly string[];
  readonly frontier: readonly {
    readonly position: number;
    readonly timestampMs: number;
    readonly prefixRoot: string;
  }[];
  readonly signature: string;
  readonly auditorTreeHead?: string;
}

/** A {@link KnownVersion} as vectors have it. */
export interface KnownJson {
  readonly version: number;
  readonly vrfOutput: string;
  readonly commitment: string | null;
}

/** The view that a case gives the client. */
export function viewOf({ size, fullSubtrees, frontier, signature, auditorTreeHead }: ViewJson): TreeView {
  return {
    size,
    fullSubtrees: fullSubtrees.map(parseHex),
    frontier: frontier.map((entry) => ({ ...entry, prefixRoot: parseHex(entry.prefixRoot) })),
    treeHead: { treeSize: size, signature: parseHex(signature) },
    auditorTreeHead:
      auditorTreeHead === undefined ? undefined : decode(auditorTreeHeadCodec, parseHex(auditorTreeHead)),
  };
}

/** The versions that a case says the client knows. */
export function knownOf(ladder: readonly KnownJson[]): readonly KnownVersion[] {
  return ladder.map(({ version, vrfOutput, commitment }) => {
    return {
      version,
      vrfOutput: parseHex(vrfOutput),
      commitment: commitment === null ? undefined : parseHex(commitment),
    };
  });
}

/** Known versions as vectors have them. */
export function knownToJson(ladder: readonly KnownVersion[]): readonly KnownJson[] {
  return ladder.map(({ version, vrfOutput, commitment }) => {
    return {
      version,
      vrfOutput: formatHex(vrfOutput),
      commitment: commitment === undefined ? null : formatHex(commitment),
    };
  });
}
