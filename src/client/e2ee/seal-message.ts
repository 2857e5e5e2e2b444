import { compareBytes, equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { BoundCertificate, VerifiedBinding } from '../binding/binding.ts';
import type { ClientKey } from '../client-key.ts';
import { withJson } from '../json-result.ts';
import type { KeyDirectory } from '../key-directory.ts';
import { platformRandom, requireSubtle } from '../platform.ts';
import { claimOf } from '../certified-signature.ts';
import { encryptContent, keyCommitment, type SealedTo, sealingInfo, slotHint } from './content-cipher.ts';
import { encodeEnvelope, MAX_DEVICES, type Slot } from './envelope-codec.ts';
import {
  encodeContent,
  MAX_MESSAGE_BYTES,
  MESSAGE_ID_BYTES,
  type MessageClaim,
  sealedMessageText,
} from './message-claim.ts';
import { SEALING_SUITES, type SealingSuite, suitePublicKey, wrapKey } from './suites.ts';
import { assertNoUnseenChange } from '../binding/unseen-changes.ts';

/** The parts of a directory that sealed messages need. */
export type MessageDirectory = Pick<KeyDirectory, 'lookup' | 'lookupVersion' | 'identity' | 'trust'>;

/** The author of a message, and other particulars. */
export interface SealingOptions {
  /** The sender's own name. */
  readonly name: string;
  /** A key that the record of the name certifies now. It signs the message. */
  readonly key: ClientKey;
  /** 16 bytes, such as those of an earlier attempt. Default: random. */
  readonly messageId?: Uint8Array | undefined;
  /** Returns ms since the epoch, for the time of the message. Default: the platform's clock. */
  readonly now?: (() => number) | undefined;
}

/** A device that a message was sealed to. */
export interface SealedDevice {
  readonly certificate: BoundCertificate;
  readonly suite: SealingSuite;
}

/** A message, sealed. */
export interface SealedMessage {
  /** The bytes to deliver: the same for every device (docs/spec.md#sealed-messages). */
  readonly envelope: Uint8Array;
  /** Lower-case hex. */
  readonly messageId: string;
  /** The recipient's name and keys, as they were looked up. */
  readonly to: VerifiedBinding;
  /** The devices that can open it. */
  readonly devices: readonly SealedDevice[];
  /** Devices that cannot, for want of companion keys. Tell the user. */
  readonly leftOut: readonly BoundCertificate[];
}

/**
 * Seals one message of at most 1 MiB to every device of a name, signed by the sender's certified key.
 *
 * Throws `keys-changed` if the name has alerts that the user has not acknowledged; `identity-not-found` if it has no
 * valid keys, `no-companion-key` if none of its devices can decrypt; `usage` if the sender's record does not certify
 * `key` now; `value-out-of-range` for a longer message, `platform-unsupported`, and what a lookup throws.
 */
export async function sealTo(
  directory: MessageDirectory,
  recipient: string,
  message: Uint8Array,
  options: SealingOptions,
): Promise<SealedMessage> {
  requireSubtle('sealing a message');
  const { key, messageId = platformRandom(MESSAGE_ID_BYTES), now = Date.now } = options;
  const isShort = message.length <= MAX_MESSAGE_BYTES;
  ensure(isShort, 'value-out-of-range', `a message has at most ${MAX_MESSAGE_BYTES} bytes: send a file in another way`);
  const sender = await ownBinding(directory, options);
  const to = await validKeys(directory, recipient);
  assertNoUnseenChange(to, to.version);
  const { devices, leftOut } = devicesOf(to);
  const { signer, claimed } = senderOf(directory, sender, key);
  const claim: MessageClaim = {
    sender: claimed,
    signer,
    recipient: partyOf(directory, to),
    devices: devices.map(({ certificate }) => certificate.keysSha256).toSorted(compareBytes),
    messageId,
    sentAtMs: now(),
  };
  const { origin } = directory.trust.bundle;
  const signature = await key.sign(sealedMessageText(origin, claim, message));
  const content = encodeContent({ claim, signature, plaintext: message });
  const envelope = await encryptTo({ origin, label: claim.recipient.label }, devices, content);
  return withJson({ envelope, messageId: formatHex(messageId), to, devices, leftOut });
}

/** Returns the record of a name. Throws `identity-not-found` unless it has valid keys. */
async function validKeys(directory: MessageDirectory, name: string): Promise<VerifiedBinding> {
  const found = await directory.lookup(name);
  const hasKeys = found.found && found.binding.certificates.length > 0;
  if (hasKeys) return found.binding;
  throw new GlasskeyError('identity-not-found', `${directory.identity(name).text} has no valid keys in the log`);
}

/** Returns the sender's record. Throws `usage` unless it certifies the key now. */
async function ownBinding(directory: MessageDirectory, { name, key }: SealingOptions): Promise<VerifiedBinding> {
  const binding = await validKeys(directory, name);
  const isCertified = binding.certificates.some(({ spki }) => equalBytes(spki, key.spki));
  const message = `${binding.identity} has no valid certificate of the key that is to sign. Next: renew it`;
  ensure(isCertified, 'usage', message);
  return binding;
}

function senderOf(directory: MessageDirectory, binding: VerifiedBinding, key: ClientKey) {
  return { signer: claimOf(key, binding).keySha256, claimed: partyOf(directory, binding) };
}

function partyOf(directory: MessageDirectory, { identity, version, commitment }: VerifiedBinding) {
  return { label: directory.identity(identity).label, version, commitment };
}

/** Chooses the suite of each device. Throws `no-companion-key` if none has one. */
function devicesOf({ identity, certificates }: VerifiedBinding): Pick<SealedMessage, 'devices' | 'leftOut'> {
  // A renewed certificate certifies the same keys as the one before.
  const distinct = [...new Map(certificates.map((one) => [formatHex(one.keysSha256), one])).values()];
  const devices = distinct.flatMap((certificate) => {
    const suite = SEALING_SUITES.find((one) => suitePublicKey(one, certificate.companions) !== undefined);
    return suite === undefined ? [] : [{ certificate, suite }];
  });
  ensure(devices.length > 0, 'no-companion-key', `no device of ${identity} has a companion key for encryption`);
  ensure(devices.length <= MAX_DEVICES, 'value-out-of-range', `${identity} has more than ${MAX_DEVICES} devices`);
  const leftOut = distinct.filter((certificate) => devices.every((one) => one.certificate !== certificate));
  return { devices, leftOut };
}

/** Encrypts a content by a fresh key, and that key to each device. */
async function encryptTo(to: SealedTo, devices: readonly SealedDevice[], content: Uint8Array): Promise<Uint8Array> {
  const contentKey = platformRandom(32);
  const info = sealingInfo(to);
  const slots: Slot[] = [];
  for (const { certificate, suite } of devices) {
    const publicKey = suitePublicKey(suite, certificate.companions) as Uint8Array;
    const wrapped = await wrapKey(suite, publicKey, info, contentKey);
    slots.push({ suite, hint: slotHint(to, suite, wrapped.enc, publicKey), ...wrapped });
  }
  const ordered = slots.toSorted((a, b) => compareBytes(a.hint, b.hint));
  const header = { format: 1, keyCommitment: keyCommitment(contentKey), slots: ordered } as const;
  return encodeEnvelope({ header, ciphertext: encryptContent(contentKey, header, content) });
}
