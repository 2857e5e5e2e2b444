import { enumeration, fixedBytes, struct, uint64, type Codec } from '../encoding/codec.ts';

/** The number of bytes of an encoded AuditEntry. */
export const AUDIT_ENTRY_LENGTH = 137;

/** Entry i of the audit log: the content and the effect of log entry i (docs/spec.md#audit-log). */
export interface AuditEntry {
  readonly format: 1;
  /** The timestamp of log entry i, ms since the epoch. */
  readonly timestampMs: number;
  /** The root of the prefix tree of log entry i, 32 bytes. */
  readonly prefixRoot: Uint8Array;
  /** The root of the KEYTRANS log tree with i+1 leaves, 32 bytes. */
  readonly logRoot: Uint8Array;
  /** SHA-256 of the encoded Configuration. */
  readonly configHash: Uint8Array;
  /** SHA-256 of the encoded AuditorUpdate of log entry i. */
  readonly updateHash: Uint8Array;
}

/** The encoding of an AuditEntry, which is the leaf data of the audit log. */
export const auditEntryCodec: Codec<AuditEntry> = struct<AuditEntry>({
  format: enumeration([1]),
  timestampMs: uint64,
  prefixRoot: fixedBytes(32),
  logRoot: fixedBytes(32),
  configHash: fixedBytes(32),
  updateHash: fixedBytes(32),
});
