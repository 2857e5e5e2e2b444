/** RFC 5280 §5.3.1, but for holds (6, 8), compromised CAs (2, 10) and 7, which is not used. */
const REASONS: readonly unknown[] = [0, 1, 3, 4, 5, 9];

/** Tells whether a value from outside is a reason for which a certificate of an identity can be revoked. */
export function isRevocationReason(value: unknown): value is number {
  return REASONS.includes(value);
}
