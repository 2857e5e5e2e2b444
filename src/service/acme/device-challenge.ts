import { createHmac } from 'node:crypto';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { AcmeOrderRow, LogStore } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { AcmeRefusal, ensureAcme } from './acme-refusal.ts';
import { type AcmeAttestSettings, ORDER_LIFETIME_MS } from './acme-settings.ts';
import { verifyAppleAttestation } from './apple-attestation.ts';
import { readAttestationObject } from './attestation-object.ts';
import { serialNumberOf } from './order-identity.ts';

/** The part of an open log that challenges of devices need. */
export type DeviceChallengeContext = Pick<LogContext, 'origin' | 'keys' | 'now'> & {
  readonly store: Pick<LogStore, 'changeAcmeOrder'>;
};

/**
 * Returns the token of an order's challenge, base64url of 256 bits. It follows from a key of the data folder, and each
 * order has another one: an attestation for it counts for one order of one account.
 */
export function deviceToken(
  { origin, keys }: Pick<DeviceChallengeContext, 'origin' | 'keys'>,
  orderId: Uint8Array,
): string {
  const key = createHmac('sha256', keys.rowSeal).update('glasskey acme device key v1').digest();
  return createHmac('sha256', key).update(orderId).update(origin).digest('base64url');
}

/**
 * Takes the untrusted answer to a challenge `device-attest-01` (draft-ietf-acme-device-attest-09 §5): an attestation
 * object, CBOR. A good one makes the pending order ready for the attested key alone. Any other one ends the order, as
 * the draft demands. Throws `badAttestationStatement` with the reason.
 */
export async function acceptAttestation(
  context: DeviceChallengeContext,
  { roots, prefix }: AcmeAttestSettings,
  order: AcmeOrderRow,
  attestation: Uint8Array,
): Promise<void> {
  const { store, now } = context;
  ensureAcme(order.state === 'pending', 'malformed', 'the challenge was answered before');
  let attestedKey: Uint8Array;
  try {
    const { certificates } = readAttestationObject(attestation);
    const serialNumber = serialNumberOf(order.identity);
    // The order may be older than the setting.
    ensure(prefix + serialNumber === order.identity, 'attestation-refused', 'devices have other names by now');
    const token = deviceToken(context, order.orderId);
    attestedKey = await verifyAppleAttestation(certificates, { roots, nowMs: now(), token, serialNumber });
  } catch (error) {
    if (!(error instanceof GlasskeyError) || error.fault === 'internal') throw error;
    await store.changeAcmeOrder(order, { state: 'invalid', errorCode: REFUSED });
    throw new AcmeRefusal('badAttestationStatement', error.message, REFUSED);
  }
  const isReady = await store.changeAcmeOrder(order, {
    state: 'ready',
    attestedKey,
    expiresMs: now() + ORDER_LIFETIME_MS,
  });
  ensure(isReady, 'version-conflict', 'the order was changed at the same time');
}

const REFUSED = 'attestation-refused';

/** Throws `badCSR` unless the request of a device is for the key that it has attested. Other orders have any key. */
export function assertAttestedKey(
  { proof, attestedKey }: Pick<AcmeOrderRow, 'proof' | 'attestedKey'>,
  { spkiSha256 }: { readonly spkiSha256: Uint8Array },
): void {
  if (proof !== 'device') return;
  const isAttested = attestedKey !== undefined && equalBytes(attestedKey, spkiSha256);
  ensureAcme(isAttested, 'badCSR', 'the key of the request is not the one that the device has attested');
}
