import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { EvidenceProof } from './evidence-proof.ts';

/** Evidence that a log misbehaved: enough for somebody else to check, and for a report. */
export interface AuditEvidence {
  readonly origin: string;
  /** The error code. */
  readonly code: string;
  readonly message: string;
  /** The signed checkpoint that the log served, verbatim. Untrusted if it is itself the fault. */
  readonly checkpoint: string | undefined;
  /** The signed checkpoint that an earlier run had verified. */
  readonly previousCheckpoint: string | undefined;
  /** The log entry at which verification failed; undefined if the fault is in the tree as a whole. */
  readonly position: number | undefined;
  /** The proof for somebody else; undefined if the log has signed nothing that shows the fault. */
  readonly proof: EvidenceProof | undefined;
}

/** The `cause` of an error that an audit throws for misbehaviour. */
export interface AuditFailureCause {
  readonly evidence: AuditEvidence;
  readonly error: unknown;
}

/** Returns the evidence that an error of `auditLog` carries; undefined unless it is about misbehaviour. */
export function auditEvidenceOf(error: unknown): AuditEvidence | undefined {
  if (!isGlasskeyError(error)) return undefined;
  const cause = error.cause as Partial<AuditFailureCause> | undefined;
  return cause?.evidence;
}

/** Returns true if an error of an audit is about what the log did, not about reaching it. */
export function isMisbehaviour(error: unknown): error is GlasskeyError {
  return isGlasskeyError(error) && error.fault === 'verification';
}

/** Returns the same error with evidence if it is about misbehaviour, and any other error unchanged. */
export function withEvidence(error: unknown, known: Omit<AuditEvidence, 'code' | 'message'>): unknown {
  if (!isMisbehaviour(error)) return error;
  const evidence: AuditEvidence = { ...known, code: error.code, message: error.message };
  const at = known.position === undefined ? '' : `log entry ${known.position}: `;
  const cause: AuditFailureCause = { evidence, error };
  return new GlasskeyError(error.code, at + error.message, { cause });
}
