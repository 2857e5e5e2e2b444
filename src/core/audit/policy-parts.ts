import type { Vkey } from './vkey.ts';

/** The name of the quorum that requires no witness. */
export const NO_QUORUM = 'none';

/** A log of a policy. The name of its key is the log's origin. */
export interface PolicyLog {
  readonly vkey: Vkey;
  readonly url?: string;
}

/** A witness of a policy. */
export interface PolicyWitness {
  /** The witness's name inside the policy: opaque text. */
  readonly name: string;
  /** A key of type 0x04 or 0x06. */
  readonly vkey: Vkey;
  /** The submission prefix to which checkpoints are sent (c2sp.org/tlog-witness). */
  readonly url?: string;
}

/** A group of witnesses and of groups defined before it. */
export interface PolicyGroup {
  readonly name: string;
  /** The number of members that satisfy the group: 1..members. */
  readonly threshold: number;
  readonly members: readonly string[];
}

/** The known logs and witnesses, and the combinations of witnesses that suffice (c2sp.org/tlog-policy). */
export interface Policy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: readonly PolicyGroup[];
  /** The name of a witness or a group, or {@link NO_QUORUM}. */
  readonly quorum: string;
}
