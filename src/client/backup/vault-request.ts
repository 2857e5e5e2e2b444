import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { enumeration, fixedBytes, struct, uint64 } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { shortText } from '../../identity/text-codec.ts';
import { assertNoOperatorsChange } from '../binding/unseen-changes.ts';
import type { ClientKey } from '../client-key.ts';
import { type CertifiedSignature, verifyCertified } from '../certified-signature.ts';
import { type BackupDirectory, currentClaim } from './seal-backup.ts';
import { type LogClaim, logClaimFields, StatementKind } from './signed-claim.ts';

/** The service that a device asks of a vault. */
export type VaultPurpose = 'store-backup' | 'fetch-backup' | 'set-password' | 'set-ticket' | 'set-passkey' | 'log-in';

const PURPOSES: Readonly<Record<VaultPurpose, 1 | 2 | 3 | 4 | 5 | 6>> = {
  'store-backup': 1,
  'fetch-backup': 2,
  'set-password': 3,
  'set-ticket': 4,
  'set-passkey': 5,
  'log-in': 6,
};

interface VaultRequest extends LogClaim {
  /** The vault's name, canonical: a request to one vault is worth nothing at another. */
  readonly vault: string;
  readonly purpose: 1 | 2 | 3 | 4 | 5 | 6;
  readonly timeMs: number;
  readonly bodySha256: Uint8Array;
}

const vaultRequest = new StatementKind<VaultRequest>(
  'glasskey vault request v1',
  struct<VaultRequest>({
    ...logClaimFields,
    vault: shortText,
    purpose: enumeration([1, 2, 3, 4, 5, 6]),
    timeMs: uint64,
    bodySha256: fixedBytes(32),
  }),
);

/** The encoding of a signed request (docs/spec.md#vaults). */
export const vaultRequestCodec = vaultRequest.codec;

/** A request's age, in either direction, at which a vault refuses it. */
const MAX_AGE_MS = 5 * 60_000;

/** The subject of a request. */
export interface VaultRequestSubject {
  /** The vault's name, canonical. */
  readonly vault: string;
  readonly purpose: VaultPurpose;
  /** The bytes that the request carries; empty if there are none. */
  readonly body: Uint8Array;
  /** Ms since the epoch. Default: `Date.now()`. */
  readonly nowMs?: number | undefined;
}

/** Signs a request of a device to a vault. Throws what `currentClaim` throws. */
export async function signVaultRequest(
  directory: BackupDirectory,
  identity: string,
  key: ClientKey,
  { vault, purpose, body, nowMs = Date.now() }: VaultRequestSubject,
): Promise<Uint8Array> {
  const claim = await currentClaim(directory, identity, key);
  const { origin } = directory.trust.bundle;
  const order = { vault, purpose: PURPOSES[purpose], timeMs: nowMs, bodySha256: sha256(body) };
  return vaultRequest.sign(key, { ...claim, origin, ...order });
}

/**
 * Verifies, for a vault, an untrusted request: a device that the name still has asked for just this, within the last
 * five minutes. Its `certificate` and `binding` say who. Throws `malformed-encoding`, `unauthenticated` for another
 * vault, purpose, body, log or time, `forbidden` for a device that the name no longer has, and what `verifyCertified`
 * throws. Throws `keys-changed` if the operator may have put the device into the name, until
 * `KeyDirectory.acknowledge`. A recovery needs none: it is how an owner who lost every device comes back.
 */
export async function verifyVaultRequest(
  directory: BackupDirectory,
  signed: Uint8Array,
  { vault, purpose, body, nowMs = Date.now() }: VaultRequestSubject,
): Promise<CertifiedSignature> {
  const { statement, signature } = vaultRequest.read(signed);
  const isThis =
    statement.vault === vault &&
    statement.purpose === PURPOSES[purpose] &&
    statement.origin === directory.trust.bundle.origin &&
    equalBytes(statement.bodySha256, sha256(body));
  ensure(isThis, 'unauthenticated', 'the request was signed for something else');
  const isFresh = Math.abs(statement.timeMs - nowMs) <= MAX_AGE_MS;
  ensure(isFresh, 'unauthenticated', 'the request is too old, or the clocks of device and vault differ');
  const verified = await verifyCertified(directory, statement, vaultRequest.message(statement), signature);
  ensure(verified.isCurrent, 'forbidden', `this device is no longer one of ${statement.identity}`);
  assertNoOperatorsChange(verified.binding, statement.version);
  return verified;
}
