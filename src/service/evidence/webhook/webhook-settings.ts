/** What an owner, or somebody who would like to be, asks for. */
export const WEBHOOK_OPERATIONS = ['register', 'add', 'rotate', 'renew', 'recover'] as const;

/** What a request for a certificate comes to. */
export type IssuanceOperation = (typeof WEBHOOK_OPERATIONS)[number];

/** Somebody who is asked before a certificate is made. */
export interface WebhookSettings {
  readonly url: string;
  /** Key of the HMAC that signs questions. */
  readonly secret: string;
  /** For the whole of one question, ms. */
  readonly timeoutMs: number;
  /** Which operations it is asked about. */
  readonly operations: readonly IssuanceOperation[];
}
