import type { TileName } from '../../core/prefix/tile-name.ts';

/** Which of the two trees of a log: the KEYTRANS log tree, or the RFC 6962 tree of the audit log. */
export type TreeKind = 'keytrans' | 'audit';

/** What is created once, with the log. */
export interface NewLog {
  /** The log's name on the wire; unique in the database. */
  readonly origin: string;
  /** The encoded KEYTRANS Configuration. */
  readonly configuration: Uint8Array;
}

/** A log as the database knows it. */
export interface LogRow extends NewLog {
  /** Surrogate key inside this database; never on the wire. */
  readonly logId: number;
}

/**
 * The committed state of a log: the one row that an append replaces by compare-and-swap on `size`. It is not signed:
 * signatures are made afterwards, from this row (DESIGN §9).
 */
export interface HeadRow {
  /** Number of log entries; 0 before entry 0 exists. */
  readonly size: number;
  /** Timestamp of the rightmost entry, ms since the epoch; 0 at size 0. */
  readonly timestampMs: number;
  /** Root of the newest prefix tree, 32 bytes. */
  readonly prefixRoot: Uint8Array;
  /** Tile that holds the root of the newest prefix tree; undefined while that tree is empty. */
  readonly prefixTile: TileName | undefined;
  /** Root of the KEYTRANS log tree at `size`, 32 bytes; zeros at size 0. */
  readonly logRoot: Uint8Array;
  /** RFC 6962 root of the audit log at `size`, 32 bytes; the SHA-256 of nothing at size 0. */
  readonly auditRoot: Uint8Array;
  /** The encoded right edge (partial tiles of every level) of the KEYTRANS log tree; no bytes at size 0. */
  readonly logEdge: Uint8Array;
  /** The encoded right edge of the audit log's tree; no bytes at size 0. */
  readonly auditEdge: Uint8Array;
}

/** A head that was signed and released: clients may see it and everything up to its size. */
export interface ReleasedHead {
  readonly size: number;
  /** Signature of the KEYTRANS TreeHead. */
  readonly signature: Uint8Array;
  /** The signed note of the audit log's checkpoint, as UTF-8 text. */
  readonly checkpoint: string;
}

/** One log entry. Everything about it is in its AuditEntry (DESIGN §5), but for where its prefix tree is stored. */
export interface EntryRow {
  readonly position: number;
  /** The encoded AuditEntry: timestamp, prefix root, log root, config hash, update hash. */
  readonly auditEntry: Uint8Array;
  /** Tile that holds the root of this entry's prefix tree; undefined for an empty tree. */
  readonly prefixTile: TileName | undefined;
}

/** Name of one full tile (256 hashes, 8192 bytes) of a log's tree. */
export interface LogTileName {
  readonly tree: TreeKind;
  readonly level: number;
  readonly index: number;
}

/** A full log tile and its bytes. */
export interface LogTileRow extends LogTileName {
  readonly data: Uint8Array;
}

/** A prefix tile and its bytes. Immutable once written. */
export interface PrefixTileRow {
  readonly name: TileName;
  readonly data: Uint8Array;
}

/** One version of one label. `opening` and `value` are undefined once erased. */
export interface VersionRow {
  /** VRF output of version 0 of the label: how rows of a label are found (the plaintext label can be erased). */
  readonly labelKey: Uint8Array;
  readonly version: number;
  /** The log entry that added it. */
  readonly position: number;
  readonly vrfOutput: Uint8Array;
  readonly vrfProof: Uint8Array;
  readonly commitment: Uint8Array;
  readonly opening: Uint8Array | undefined;
  /** The encoded IdentityRecord. */
  readonly value: Uint8Array | undefined;
}

/** What a binary ladder shows of a version: never its record, which can be large. */
export type LadderRow = Pick<VersionRow, 'version' | 'vrfOutput' | 'vrfProof' | 'commitment'>;

/** A label's place in the log. */
export interface LabelRow {
  readonly labelKey: Uint8Array;
  /** The plaintext label; undefined once erased. */
  readonly label: Uint8Array | undefined;
  /** Greatest version that is in the log. */
  readonly greatestVersion: number;
}
