import type { TileName } from '../../core/prefix/tile-name.ts';
import type { entries, heads, labels, logs, releasedHeads, versions } from '../schema.ts';
import type { StoredRow } from '../stored-row.ts';

/** A tree of a log: the KEYTRANS log tree, or the RFC 6962 tree of the audit log. */
export type TreeKind = 'keytrans' | 'audit';

/** The parts of a log that its creation decides. */
export interface NewLog extends Omit<LogRow, 'logId' | 'format'> {
  /** Default: the newest (stored-format.ts). */
  readonly format?: number;
}

/** A log in the database. */
export type LogRow = Readonly<typeof logs.$inferSelect>;

/** A row in which two columns name a prefix tile. */
type WithTile<Row> = Omit<Row, 'prefixTilePosition' | 'prefixTileCounter'> & {
  /** Tile that holds the root of the prefix tree; undefined while that tree is empty. */
  readonly prefixTile: TileName | undefined;
};

/**
 * The committed state of a log: the one row that an append replaces by compare-and-swap on `size`. It is not signed:
 * signatures are made afterwards, from this row (`docs/architecture.md#sequencing-and-durability`).
 */
export type HeadRow = WithTile<StoredRow<typeof heads, 'logEnd' | 'mac'>>;

/** A head that was signed and released: clients may see it and everything up to its size. */
export type ReleasedHead = StoredRow<typeof releasedHeads>;

/** One log entry. Its AuditEntry holds all of it (`docs/spec.md#audit-log`), except the place of its prefix tree. */
export type EntryRow = WithTile<StoredRow<typeof entries, 'updateGzip'>>;

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
export type VersionRow = StoredRow<typeof versions>;

/** The part of a version that a binary ladder shows: never its record, which can be large. */
export type LadderRow = Pick<VersionRow, 'version' | 'vrfOutput' | 'vrfProof' | 'commitment'>;

/** A label's place in the log. */
export type LabelRow = StoredRow<typeof labels, 'labelHash' | 'vrfMemory'>;
