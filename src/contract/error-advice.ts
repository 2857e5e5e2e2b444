import type { ErrorCode } from '../core/error-codes.ts';
import type { Advice } from './advice/advice.ts';
import { OPERATING_ADVICE } from './advice/operating-advice.ts';
import { PROOF_ADVICE } from './advice/proof-advice.ts';
import { REQUEST_ADVICE } from './advice/request-advice.ts';

export type { Advice } from './advice/advice.ts';

/** Every error code in words: what happened, and what to do next. A code without advice does not compile. */
const ADVICE: Readonly<Record<ErrorCode, Advice>> = { ...PROOF_ADVICE, ...REQUEST_ADVICE, ...OPERATING_ADVICE };

/** Returns an error code in words, for people. */
export function adviceOf(code: ErrorCode): Advice {
  return ADVICE[code];
}

/** The anchor of a code on the page `/docs`. */
export function codeAnchor(code: ErrorCode): string {
  return `code-${code}`;
}
