import { sha256 } from '../../core/crypto/sha256.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { identityOfLabel } from '../../identity/canonical-identity.ts';
import type { BoundCertificate, VerifiedBinding } from '../binding/binding.ts';
import { assertNoUnseenChange } from '../binding/unseen-changes.ts';
import type { ClientKey } from '../client-key.ts';
import { type CertifiedSignature, type KeyFinder, verifyCertified } from '../certified-signature.ts';
import type { KeyDirectory } from '../key-directory.ts';
import type { LabelVersion } from './call-messages.ts';

/** The parts of a directory that calls need. */
export type CallDirectory = KeyFinder & Pick<KeyDirectory, 'identity' | 'trust'>;

/** The user of this device, who calls and is called. */
export interface CallUser {
  readonly directory: CallDirectory;
  /** The user's name. */
  readonly name: string;
  /** The key of this device, which the record of `name` certifies. */
  readonly key: ClientKey;
  /** Milliseconds since the epoch. Default: the platform's clock. */
  readonly now?: (() => number) | undefined;
}

/** The other side of a call. */
export interface CallPeer {
  /** Canonical. */
  readonly identity: string;
  /** The certificate of the device that signed. */
  readonly certificate: BoundCertificate;
  /**
   * The name as the log shows it. A name with alerts was refused. Show its `change.firstLook`, if it is there: nobody
   * judged the versions that are `unjudged`.
   */
  readonly binding: VerifiedBinding;
}

/**
 * Returns a name as the log shows it now. Throws `identity-not-found`, `keys-changed` if the user has to acknowledge
 * an alert about it first, and what a lookup throws.
 */
export async function readCallName(directory: CallDirectory, name: string): Promise<VerifiedBinding> {
  const found = await directory.lookup(name);
  if (!found.found) throw new GlasskeyError('identity-not-found', `${found.identity} has no keys in the log`);
  assertNoUnseenChange(found.binding, found.binding.version);
  return found.binding;
}

/** Returns the user's own name. Throws as {@link readCallName} does, and `certificate-not-in-record`. */
export async function readOwnName({ directory, name, key }: CallUser): Promise<VerifiedBinding> {
  const binding = await readCallName(directory, name);
  const own = formatHex(sha256(key.spki));
  const isHeld = binding.certificates.some(({ spkiSha256 }) => spkiSha256 === own);
  ensure(isHeld, 'certificate-not-in-record', `no valid certificate of this device is in the record of ${name}`);
  return binding;
}

/** Returns a name of {@link readCallName} as a message of a call has it. */
export function labelVersionOf(directory: CallDirectory, binding: VerifiedBinding): LabelVersion {
  const { version, commitment } = binding;
  return { label: directory.identity(binding.identity).label, version, commitment };
}

/** A claim in a call that a device of a label signed. Untrusted. */
export interface PeerClaim {
  readonly claimed: LabelVersion;
  /** SHA-256 of its SubjectPublicKeyInfo. */
  readonly keySha256: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Verifies that a device of the other side signed: its key is in the newest version of its name, which both sides see
 * alike. Throws `invalid-identity`, `unexpected-version` if the other side knows another version of itself than the log
 * shows here, and as {@link readCallName} and {@link verifyCertified} do.
 */
export async function verifyPeer(directory: CallDirectory, claim: PeerClaim): Promise<CallPeer> {
  const { claimed, keySha256, message, signature } = claim;
  const { text: identity } = identityOfLabel(claimed.label, directory.trust.bundle.identityRules);
  const { version, commitment } = claimed;
  const signer = { identity, version, commitment, keySha256 };
  const signed: CertifiedSignature = await verifyCertified(directory, signer, message, signature);
  const { binding, certificate, isCurrent } = signed;
  const isNewest = binding.version === version;
  ensure(isNewest, 'unexpected-version', `${identity} knows another version of itself than the log shows here`);
  ensure(isCurrent, 'certificate-not-in-record', `the certificate of this device of ${identity} is not valid any more`);
  assertNoUnseenChange(binding, binding.version);
  return { identity, certificate, binding };
}
