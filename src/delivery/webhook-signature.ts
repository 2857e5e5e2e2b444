import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { ensure } from '../core/errors.ts';

/** A message to a webhook, as it is signed. */
export interface WebhookMessage {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

const RAW_KEY_BYTES = 32;

/**
 * Returns the headers of Standard Webhooks 1.0 with an asymmetric signature (`v1a`): Ed25519 over id, time and body,
 * joined by dots. `key` is an Ed25519 private key; throws `usage` for another one.
 */
export function webhookHeaders(key: KeyObject, { id, timestamp, body }: WebhookMessage): Record<string, string> {
  ensure(key.asymmetricKeyType === 'ed25519' && key.type === 'private', 'usage', 'the webhook key is not Ed25519');
  const signature = sign(null, Buffer.from(`${id}.${timestamp}.${body}`), key).toString('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1a,${signature}` };
}

/** Returns the public key as receivers configure it: `whpk_` and base64. */
export function webhookPublicKey(key: KeyObject): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return `whpk_${spki.subarray(-RAW_KEY_BYTES).toString('base64')}`;
}
