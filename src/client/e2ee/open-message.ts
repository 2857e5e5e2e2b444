import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { decodeError, ensure, GlasskeyError } from '../../core/errors.ts';
import { identityOfLabel } from '../../identity/canonical-identity.ts';
import type { BoundCertificate, VerifiedBinding } from '../binding/binding.ts';
import type { ClientKey } from '../client-key.ts';
import { withJson } from '../json-result.ts';
import { companionKeysOf } from '../keys/companion-secrets.ts';
import { requireSubtle } from '../platform.ts';
import { assertSameVersion, type NamedVersion, readNamedVersion, verifyCertified } from '../certified-signature.ts';
import { decryptContent, type SealedTo, sealingInfo, slotHint } from './content-cipher.ts';
import { decodeEnvelope, type Envelope, type Slot } from './envelope-codec.ts';
import { type ClaimedParty, decodeContent, type MessageContent, sealedMessageText } from './message-claim.ts';
import type { MessageDirectory } from './seal-message.ts';
import { SEALING_SUITES, type SealingSuite, suitePrivateKey, suitePublicKey, unwrapKey } from './suites.ts';
import { assertNoUnseenChange } from '../binding/unseen-changes.ts';

/** The greatest number of own keys that {@link open} tries. */
export const MAX_OWN_KEYS = 32;

/** The user's own name and this device's keys. */
export interface OwnKeys {
  readonly name: string;
  /**
   * Keys with their companion secrets: the present one and, for messages that were under way when it was replaced, the
   * earlier ones. At most 32.
   */
  readonly keys: readonly ClientKey[];
}

/** The verified author of a message. */
export interface MessageSender {
  /** Canonical. */
  readonly identity: string;
  /** The version of the record that the sender signed for. */
  readonly version: number;
  /** The certificate of the signing device in that version. It may have expired since. */
  readonly certificate: BoundCertificate;
  /** False if the sender's newest record no longer has a valid certificate of that device: say so to the user. */
  readonly isCurrent: boolean;
  /** The sender's newest record. Show its `pending` and `change` as after any lookup. */
  readonly binding: VerifiedBinding;
}

/** A message that was opened, and all of whose claims were verified. */
export interface OpenedMessage {
  readonly plaintext: Uint8Array;
  readonly from: MessageSender;
  /**
   * Lower-case hex. A message can be delivered again by anybody: the application remembers the ids that it has seen of
   * each sender.
   */
  readonly messageId: string;
  /** The sender's clock, ms since the epoch: a claim. */
  readonly sentAtMs: number;
  /** The user's own name as the sender saw it, and the devices that can read the message, by their `keysSha256`. */
  readonly to: NamedVersion & { readonly devices: readonly Uint8Array[] };
  /** The encryption of this device's slot. */
  readonly suite: SealingSuite;
}

/** A slot, and the own key that opens it. */
interface OwnSlot {
  readonly slot: Slot;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/**
 * Opens a message that somebody sealed to the user's name with `sealTo`. The envelope is untrusted. Verifies the
 * signature against the sender's record at the version that it names, and the sender's view of the user's own keys.
 *
 * Throws `not-for-this-key` if none of the keys has a slot; `bad-message`, `malformed-encoding` and `bad-signature` for
 * an altered or invented message; `unexpected-version` if the sender encrypted to a key that is not the user's, or saw
 * another version than the log shows here; `keys-changed` if the sender's keys changed unseen; `identity-not-found`,
 * `certificate-not-in-record`, `too-far-behind`, `platform-unsupported`, and what a lookup throws.
 */
export async function open(
  directory: MessageDirectory,
  { name, keys }: OwnKeys,
  envelope: Uint8Array,
): Promise<OpenedMessage> {
  requireSubtle('opening a message');
  ensure(keys.length <= MAX_OWN_KEYS, 'value-out-of-range', `at most ${MAX_OWN_KEYS} own keys are tried`);
  const { origin } = directory.trust.bundle;
  const { text, label } = directory.identity(name);
  const decoded = decodeEnvelope(envelope);
  const own = findSlot({ origin, label }, keys, decoded);
  const { suite } = own.slot;
  const contentKey = await unwrapKey(suite, own.privateKey, sealingInfo({ origin, label }), own.slot);
  const content = decodeContent(decryptContent(contentKey, decoded));
  const { claim } = content;
  ensure(equalBytes(claim.recipient.label, label), 'bad-message', 'the message was written to another name');
  const from = await verifySender(directory, content);
  const to = { ...namedVersion(text, claim.recipient), devices: claim.devices };
  await verifyRecipient(directory, to, own);
  const { messageId, sentAtMs } = claim;
  return withJson({ plaintext: content.plaintext, from, messageId: formatHex(messageId), sentAtMs, to, suite });
}

/** Finds the slot of one of the keys. Decrypts nothing: an envelope costs one decapsulation, whatever it holds. */
function findSlot(to: SealedTo, keys: readonly ClientKey[], { header }: Envelope): OwnSlot {
  for (const key of keys) {
    const companions = companionKeysOf(key);
    for (const suite of SEALING_SUITES) {
      const publicKey = suitePublicKey(suite, companions);
      const privateKey = suitePrivateKey(suite, key.companionSecrets);
      if (publicKey === undefined || privateKey === undefined) continue;
      const isOwn = (one: Slot): boolean =>
        one.suite === suite && equalBytes(one.hint, slotHint(to, suite, one.enc, publicKey));
      const slot = header.slots.find(isOwn);
      if (slot !== undefined) return { slot, privateKey, publicKey };
    }
  }
  const message = 'the message is for none of the keys that were given, or for another name or log';
  throw new GlasskeyError('not-for-this-key', message);
}

async function verifySender(directory: MessageDirectory, content: MessageContent): Promise<MessageSender> {
  const { claim, plaintext, signature } = content;
  const { origin } = directory.trust.bundle;
  const named = namedVersion(nameOf(directory, claim.sender), claim.sender);
  const certified = { ...named, keySha256: claim.signer };
  const text = sealedMessageText(origin, claim, plaintext);
  const { certificate, isCurrent, binding } = await verifyCertified(directory, certified, text, signature);
  assertNoUnseenChange(binding, named.version);
  return { identity: binding.identity, version: named.version, certificate, isCurrent, binding };
}

/** Returns the name with a label that somebody sent. */
function nameOf(directory: MessageDirectory, { label }: ClaimedParty): string {
  try {
    return identityOfLabel(label, directory.trust.bundle.identityRules).text;
  } catch (cause) {
    throw decodeError('the sender of the message has no name', cause);
  }
}

function namedVersion(identity: string, { version, commitment }: ClaimedParty): NamedVersion {
  return { identity, version, commitment };
}

/**
 * Verifies the list of the user's keys that the sender encrypted to: a log that showed the sender another list is found
 * out here. Throws `unexpected-version`, and `bad-message` if this device is not on the list.
 */
async function verifyRecipient(directory: MessageDirectory, to: OpenedMessage['to'], own: OwnSlot): Promise<void> {
  const { binding, named } = await readNamedVersion(directory, to);
  assertSameVersion(named, to);
  const alert = binding.alerts.find(({ version }) => version <= to.version);
  const unknown = `the sender encrypted to version ${to.version} of ${to.identity}, and an alert is open: ${alert?.reason}`;
  ensure(alert === undefined, 'unexpected-version', unknown);
  const certificates = [...named.certificates, ...named.expired];
  const devices = to.devices.map((device) => certificates.find(({ keysSha256 }) => equalBytes(keysSha256, device)));
  const stranger = `the sender encrypted to a key that is not in version ${to.version} of ${to.identity}`;
  ensure(!devices.includes(undefined), 'unexpected-version', stranger);
  const isOwn = (device: BoundCertificate | undefined): boolean => {
    const publicKey = suitePublicKey(own.slot.suite, device?.companions);
    return publicKey !== undefined && equalBytes(publicKey, own.publicKey);
  };
  ensure(devices.some(isOwn), 'bad-message', 'the sender did not write to this device: another one passed it on');
}
