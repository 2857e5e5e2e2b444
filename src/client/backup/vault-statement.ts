import { fixedBytes, struct } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import { assertNoUnseenChange } from '../binding/unseen-changes.ts';
import type { ClientKey } from '../client-key.ts';
import { verifyCertified } from '../certified-signature.ts';
import { type BackupDirectory, currentClaim } from './seal-backup.ts';
import { type LogClaim, logClaimFields, StatementKind } from './signed-claim.ts';

/** A vault's word, signed by the key that its name has in the log, about the key that it uses in OPAQUE. */
export interface VaultStatement extends LogClaim {
  /** The static public key of the vault's OPAQUE server, 32 bytes (RFC 9807 §2.2). */
  readonly opaqueKey: Uint8Array;
}

const vaultStatement = new StatementKind<VaultStatement>(
  'glasskey vault v1',
  struct<VaultStatement>({ ...logClaimFields, opaqueKey: fixedBytes(32) }),
);

/** The encoding of a signed statement of a vault (docs/spec.md#vaults). */
export const vaultStatementCodec = vaultStatement.codec;

/**
 * Signs a vault's statement. `key` is certified for the vault's `name`. Make it again after that name's record has
 * changed. Throws what `currentClaim` throws.
 */
export async function signVaultStatement(
  directory: BackupDirectory,
  name: string,
  key: ClientKey,
  opaqueKey: Uint8Array,
): Promise<Uint8Array> {
  const claim = await currentClaim(directory, name, key);
  return vaultStatement.sign(key, { ...claim, origin: directory.trust.bundle.origin, opaqueKey });
}

/** A vault whose statement the log bears out. */
export interface VerifiedVault {
  /** Canonical. */
  readonly identity: string;
  readonly opaqueKey: Uint8Array;
  readonly binding: VerifiedBinding;
}

/**
 * Verifies the untrusted statement of the vault that has this name (canonical) in the log. Throws `other-log`,
 * `bad-signature` for the statement of another name, `certificate-not-in-record` for a key that the name no longer has,
 * `keys-changed` while there is an alert about the name: somebody else than its keys changed it, so the vault may
 * have been swapped. `KeyDirectory.acknowledge` lifts that, after its user has asked the vault's operator. Throws what
 * `verifyCertified` throws.
 */
export async function verifyVaultStatement(
  directory: BackupDirectory,
  name: string,
  signed: Uint8Array,
): Promise<VerifiedVault> {
  const { statement, signature } = vaultStatement.read(signed);
  const { origin } = directory.trust.bundle;
  ensure(statement.origin === origin, 'other-log', `this vault's statement is of the log ${statement.origin}`);
  ensure(statement.identity === name, 'bad-signature', `this is the statement of ${statement.identity}`);
  const message = vaultStatement.message(statement);
  const { isCurrent, binding } = await verifyCertified(directory, statement, message, signature);
  ensure(isCurrent, 'certificate-not-in-record', `the key that signed for the vault is no longer one of ${name}`);
  assertNoUnseenChange(binding, binding.version);
  return { identity: statement.identity, opaqueKey: statement.opaqueKey, binding };
}
