/** The operations that a webhook can decide on. */
export const WEBHOOK_OPERATIONS = ['register', 'add', 'rotate', 'renew', 'recover'] as const;

/** An operation that issues a certificate. */
export type IssuanceOperation = (typeof WEBHOOK_OPERATIONS)[number];

/** The settings of the webhook that approves certificates before they are issued. */
export interface WebhookSettings {
  readonly url: string;
  /** The HMAC key that signs questions. */
  readonly secret: string;
  /** The time limit for one question and its answer, ms. */
  readonly timeoutMs: number;
  /** The operations that need its approval. */
  readonly operations: readonly IssuanceOperation[];
}
