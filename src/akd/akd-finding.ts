import type { ErrorCode } from '../core/error-codes.ts';
import { GlasskeyError } from '../core/errors.ts';
import type { SignedEpoch } from './auditor-signature.ts';

/** The subject of a finding: enough for somebody else to look at it again. */
export interface AkdExhibits {
  /** The names of the objects concerned, as they were listed. */
  readonly names: readonly string[];
  /** The epoch that the proof should lead to. */
  readonly endEpoch: number;
  /** The root that the audit had reached, 32 bytes. */
  readonly reached?: Uint8Array | undefined;
  /** The object that does not verify. */
  readonly object?: Uint8Array | undefined;
  /** An auditor's signed statement that contradicts the log. */
  readonly signed?: SignedEpoch | undefined;
}

/** Misbehaviour of an AKD log, with what shows it. */
export class AkdFinding extends GlasskeyError {
  readonly exhibits: AkdExhibits;

  constructor(code: ErrorCode, message: string, exhibits: AkdExhibits, cause?: unknown) {
    super(code, message, { cause });
    this.exhibits = exhibits;
  }
}
