import type { Vkey } from './vkey.ts';

/** The name of the quorum that asks for no witness. */
export const NO_QUORUM = 'none';

/** A log of a policy. The key's name is the log's origin. */
export interface PolicyLog {
  readonly vkey: Vkey;
  readonly url?: string;
}

/** A witness of a policy. */
export interface PolicyWitness {
  /** Its name inside the policy: opaque text. */
  readonly name: string;
  /** A key of type 0x04 or 0x06. */
  readonly vkey: Vkey;
  /** Where checkpoints are submitted: the submission prefix of c2sp.org/tlog-witness. */
  readonly url?: string;
}

/** A group of witnesses and of groups before it. */
export interface PolicyGroup {
  readonly name: string;
  /** So many of its members make it: 1..members. */
  readonly threshold: number;
  readonly members: readonly string[];
}

/** Which logs and witnesses are known, and which witnesses together suffice (c2sp.org/tlog-policy). */
export interface Policy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: readonly PolicyGroup[];
  /** Name of a witness or of a group, or {@link NO_QUORUM}. */
  readonly quorum: string;
}
