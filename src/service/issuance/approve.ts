import type { Validity } from '../../ca/profile.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Webhook } from '../evidence/webhook/webhook.ts';
import type { IssuanceOperation } from '../evidence/webhook/webhook-settings.ts';
import type { NextVersion } from './continuity.ts';

/** The certificate that {@link approve} asks about. */
export interface Approvable {
  readonly identity: Identity;
  readonly next: NextVersion;
  /** SHA-256 of the SPKI in the CSR. */
  readonly spkiSha256: Uint8Array;
  /** Names the keys in the CSR: see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
  /** The validity that the profile gives. */
  readonly validity: Validity;
  readonly nowMs: number;
}

/**
 * Step `approve`: asks the operator's webhook, if there is one. It may shorten the validity. Throws
 * `denied`, `webhook-unavailable`.
 */
export async function approve(webhook: Webhook | undefined, asked: Approvable): Promise<Validity> {
  const { identity, next, spkiSha256, validity, nowMs } = asked;
  if (webhook === undefined) return validity;
  const { authorization, version } = next;
  const evidence = authorization.type === 'initial' ? authorization.evidence : undefined;
  const operation = operationOf(next, asked.keysSha256);
  const { validityMs } = await webhook.ask({ operation, identity, evidence, spkiSha256, version });
  if (validityMs === undefined) return validity;
  const endMs = Math.floor((nowMs + validityMs) / 1000) * 1000;
  return { ...validity, notAfterMs: Math.min(validity.notAfterMs, endMs) };
}

/** Returns the webhook's name for the request, from the keys before and after it. */
function operationOf({ previous, kept }: NextVersion, keysSha256: Uint8Array): IssuanceOperation {
  if (previous === undefined) return 'register';
  const isNew = !previous.certificates.some((one) => equalBytes(one.keysSha256, keysSha256));
  if (!isNew) return 'renew';
  const stays = (hash: Uint8Array) => kept.some((one) => equalBytes(one.keysSha256, hash));
  return previous.certificates.every((one) => stays(one.keysSha256)) ? 'add' : 'rotate';
}
