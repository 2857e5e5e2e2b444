import { MAX_LOG_END_BYTES } from '../../core/audit/log-end.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/encoding/bytes.ts';
import {
  bytes,
  decode,
  encode,
  enumeration,
  fixedBytes,
  optional,
  struct,
  uint64,
  vector,
  type Codec,
} from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { AuditorState } from '../../core/keytrans/auditor-update.ts';
import { compactRange } from '../../core/log/compact-range.ts';
import { decodeTreeEdge, encodeTreeEdge, type TreeEdge } from '../../core/log/tiled-tree.ts';

/** The state of an auditor: the next run continues from it. */
export interface AuditState {
  /** The KEYTRANS side: size, last timestamp, prefix root, full subtrees of the log tree. */
  readonly auditor: AuditorState;
  /** The RFC 6962 side: the right edge of the audit log's tree, of the same size. */
  readonly edge: TreeEdge;
  /** The signed checkpoint of that size, verbatim: evidence if the log ever contradicts it. */
  readonly checkpoint: string;
  /** Counts of the whole log; undefined if the audit began before they were kept. */
  readonly recorded: Recorded | undefined;
  /** Encoded Configurations of bundles from earlier runs; entries may still name them. */
  readonly configurations: readonly Uint8Array[];
  /** The encoded SignedLogEnd, if the last entry of that size ended the log. */
  readonly logEnd: Uint8Array | undefined;
}

/** Counts of an auditor since entry 0. */
export interface Recorded {
  /** Timestamp of entry 0, ms since the epoch. */
  readonly firstEntryMs: number;
  /** Label versions that were added. */
  readonly updates: number;
}

interface StoredState {
  readonly size: number;
  readonly timestampMs: number;
  readonly prefixRoot: Uint8Array;
  readonly fullSubtrees: readonly Uint8Array[];
  readonly edge: Uint8Array;
  readonly checkpoint: Uint8Array;
}

interface CountedState extends StoredState {
  readonly recorded: Recorded | undefined;
  readonly configurations: readonly Uint8Array[];
}

interface EndedState extends CountedState {
  readonly logEnd: Uint8Array;
}

const storedFields = {
  size: uint64,
  timestampMs: uint64,
  prefixRoot: fixedBytes(32),
  fullSubtrees: vector(fixedBytes(32), 0, 64),
  edge: bytes(0, 0xff_ffff),
  checkpoint: bytes(0, 0xff_ffff),
};

/** The first format, of an auditor without counts. */
const firstCodec = struct<StoredState & { readonly format: 1 }>({ format: enumeration([1]), ...storedFields });

const recordedCodec: Codec<Recorded> = struct<Recorded>({ firstEntryMs: uint64, updates: uint64 });
const countedFields = {
  recorded: optional(recordedCodec),
  configurations: vector(bytes(1, 0xffff), 0, 255),
  ...storedFields,
};
const countedCodec = struct<CountedState & { readonly format: 2 }>({ format: enumeration([2]), ...countedFields });

/** The format of a log that has ended. */
const endedCodec = struct<EndedState & { readonly format: 3 }>({
  format: enumeration([3]),
  logEnd: bytes(1, MAX_LOG_END_BYTES),
  ...countedFields,
});

/** Encodes a state for storage. */
export function encodeAuditState(state: AuditState): Uint8Array {
  const { auditor, edge, checkpoint, recorded, configurations, logEnd } = state;
  const stored = { ...auditor, edge: encodeTreeEdge(edge), checkpoint: encodeUtf8(checkpoint) };
  const counted = { recorded, configurations, ...stored };
  if (logEnd === undefined) return encode(countedCodec, { format: 2, ...counted });
  return encode(endedCodec, { format: 3, logEnd, ...counted });
}

/** The newest format. */
const NEWEST_FORMAT = 3;

/**
 * Reads a stored state. The store is trusted not to lie, but may be damaged: throws `state-corrupt`. Throws
 * `state-too-new` for a later format.
 */
export function decodeAuditState(stored: Uint8Array): AuditState {
  const message = 'a newer version of Glasskey wrote the audit state. Next: update Glasskey, or use another state';
  ensure((stored[0] ?? 0) <= NEWEST_FORMAT, 'state-too-new', message);
  try {
    const { size, timestampMs, prefixRoot, fullSubtrees, edge, checkpoint, recorded, configurations, logEnd } =
      decodeStored(stored);
    const state: AuditState = {
      auditor: { size, timestampMs, prefixRoot, fullSubtrees },
      edge: decodeTreeEdge(edge),
      checkpoint: decodeUtf8(checkpoint),
      recorded,
      configurations,
      logEnd,
    };
    compactRange(size, fullSubtrees);
    ensure(size > 0 && state.edge.size === size, 'state-corrupt', 'the two trees have different sizes');
    return state;
  } catch (cause) {
    throw new GlasskeyError('state-corrupt', 'the stored audit state is damaged', { cause });
  }
}

function decodeStored(stored: Uint8Array): CountedState & { readonly logEnd: Uint8Array | undefined } {
  if (stored[0] === 3) return decode(endedCodec, stored);
  if (stored[0] !== 1) return { ...decode(countedCodec, stored), logEnd: undefined };
  return { ...decode(firstCodec, stored), recorded: undefined, configurations: [], logEnd: undefined };
}
