/**
 * Two checkpoints that do not continue each other: the log has two histories. Everybody who signed both of them says
 * so.
 */
export interface ForkProof {
  readonly type: 'fork';
  /** Signed checkpoints, verbatim, the smaller first. */
  readonly first: string;
  readonly second: string;
  /**
   * Empty for two roots of one size. Otherwise the input of `evaluateConsistency`: the path from the tree of the second
   * checkpoint to the root of its first entries, which is not the root of the first checkpoint.
   */
  readonly consistency: readonly Uint8Array[];
}

/** A leaf of the audit log, with the inclusion proof to a checkpoint (RFC 6962 §2.1.1). */
export interface IncludedEntry {
  /** The leaf's data: an AuditEntry, unless that is the fault. */
  readonly entry: Uint8Array;
  readonly inclusion: readonly Uint8Array[];
}

/** An entry under a signed checkpoint that an honest log does not make, whatever came before. */
export interface EntryProof {
  readonly type: 'entry';
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** The entry's index. */
  readonly index: number;
  readonly included: IncludedEntry;
  /** The entry before; undefined for entry 0. */
  readonly previous: IncludedEntry | undefined;
  /**
   * Heads of the full subtrees of the KEYTRANS log tree of the entries before, largest first: the previous log root.
   */
  readonly fullSubtrees: readonly Uint8Array[];
  /** The AuditorUpdate that the entry names, if it could be read. */
  readonly update: Uint8Array | undefined;
}

/** A KEYTRANS tree head over another log root than the audit log has for that size: lookups and audits see two logs. */
export interface HeadProof {
  readonly type: 'tree-head';
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** The last entry of the tree head's tree. */
  readonly included: IncludedEntry;
  /** The encoded Configuration under which the head is signed. */
  readonly configuration: Uint8Array;
  /** Size of the tree head's tree. */
  readonly size: number;
  readonly signature: Uint8Array;
  /** The log root that the signature is over. */
  readonly logRoot: Uint8Array;
}

/** A proof of misbehaviour for a reader who knows only the log's trust bundle; untrusted until verified. */
export type EvidenceProof = ForkProof | EntryProof | HeadProof;
