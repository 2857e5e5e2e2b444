import type { ErrorCode } from '../core/error-codes.ts';

/** These say that two clocks disagree, which is nobody's lie. */
export const CLOCK_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'tree-head-too-old',
  'tree-head-too-new',
  'certificate-expired',
]);
