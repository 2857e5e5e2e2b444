/**
 * Glasskey's end-to-end encryption for single messages: seals to all devices of a name, and opens. Needs @hpke/core.
 */
export { MAX_OWN_KEYS, type MessageSender, open, type OpenedMessage, type OwnKeys } from './open-message.ts';
export {
  type MessageDirectory,
  type SealedDevice,
  type SealedMessage,
  sealTo,
  type SealingOptions,
} from './seal-message.ts';
export { type NamedVersion } from '../certified-signature.ts';
export { MAX_MESSAGE_BYTES } from './message-claim.ts';
export { type SealingSuite } from './suites.ts';
export {
  type CoveredName,
  type SafetyComparison,
  type SafetyDifference,
  type SafetyDirectory,
  type SafetyNumber,
  safetyNumber,
} from './safety-number.ts';
export { type MarkDirectory, markVerified, type VerifiedContact, verifiedMark } from './verified-contact.ts';
