import { decodeUtf8, encodeUtf8 } from '../../core/encoding/bytes.ts';
import {
  bytes,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  uint64,
  vector,
  type Codec,
} from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { AuditorState } from '../../core/keytrans/auditor-update.ts';
import { compactRange } from '../../core/log/compact-range.ts';
import { decodeTreeEdge, encodeTreeEdge, type TreeEdge } from '../../core/log/tiled-tree.ts';

/** What an auditor keeps of what it has verified, so that the next run goes on from there. */
export interface AuditState {
  /** The KEYTRANS side: size, last timestamp, prefix root, full subtrees of the log tree. */
  readonly auditor: AuditorState;
  /** The RFC 6962 side: the right edge of the audit log's tree, of the same size. */
  readonly edge: TreeEdge;
  /** The signed checkpoint of that size, verbatim: evidence, should the log ever contradict it. */
  readonly checkpoint: string;
}

interface StoredState {
  readonly format: 1;
  readonly size: number;
  readonly timestampMs: number;
  readonly prefixRoot: Uint8Array;
  readonly fullSubtrees: readonly Uint8Array[];
  readonly edge: Uint8Array;
  readonly checkpoint: Uint8Array;
}

const storedStateCodec: Codec<StoredState> = struct<StoredState>({
  format: enumeration([1]),
  size: uint64,
  timestampMs: uint64,
  prefixRoot: fixedBytes(32),
  fullSubtrees: vector(fixedBytes(32), 0, 64),
  edge: bytes(0, 0xff_ffff),
  checkpoint: bytes(0, 0xff_ffff),
});

/** The bytes of a state, to be stored. */
export function encodeAuditState({ auditor, edge, checkpoint }: AuditState): Uint8Array {
  return encode(storedStateCodec, {
    format: 1,
    ...auditor,
    edge: encodeTreeEdge(edge),
    checkpoint: encodeUtf8(checkpoint),
  });
}

/** Reads a stored state. The store is trusted not to lie, not to be whole: throws `state-corrupt`. */
export function decodeAuditState(stored: Uint8Array): AuditState {
  try {
    const { size, timestampMs, prefixRoot, fullSubtrees, edge, checkpoint } = decode(storedStateCodec, stored);
    const state: AuditState = {
      auditor: { size, timestampMs, prefixRoot, fullSubtrees },
      edge: decodeTreeEdge(edge),
      checkpoint: decodeUtf8(checkpoint),
    };
    compactRange(size, fullSubtrees);
    ensure(size > 0 && state.edge.size === size, 'state-corrupt', 'the two trees have different sizes');
    return state;
  } catch (cause) {
    throw new GlasskeyError('state-corrupt', 'the stored audit state is damaged', { cause });
  }
}
