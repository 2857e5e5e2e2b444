import {
  type CiphersuiteImpl,
  decodeMlsMessage,
  encodeMlsMessage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type KeyPackage,
  type MlsPrivateMessage,
  type MlsPublicMessage,
  type MLSMessage,
  type PrivateMessage,
  type Welcome,
} from 'ts-mls';
import { LIMITS } from '../../shared/protocol.ts';

/** The cipher suite of every group. Its signatures are Ed25519, like the keys of devices. */
export const cipherSuite: Promise<CiphersuiteImpl> = getCiphersuiteImpl(
  getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'),
);

const VERSION = 'mls10';

/** Writes a KeyPackage. */
export const writeKeyPackage = (keyPackage: KeyPackage): Uint8Array =>
  encodeMlsMessage({ version: VERSION, wireformat: 'mls_key_package', keyPackage });

/** Writes a Welcome. */
export const writeWelcome = (welcome: Welcome): Uint8Array =>
  encodeMlsMessage({ version: VERSION, wireformat: 'mls_welcome', welcome });

/** Writes a commit. */
export const writeMessage = (message: MLSMessage): Uint8Array => encodeMlsMessage(message);

/** Writes an application message. */
export const writePrivateMessage = (privateMessage: PrivateMessage): Uint8Array =>
  encodeMlsMessage({ version: VERSION, wireformat: 'mls_private_message', privateMessage });

/** Reads a KeyPackage. Throws for other bytes. */
export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = read(bytes);
  if (message.wireformat !== 'mls_key_package') throw new Error('These bytes are no KeyPackage.');
  return message.keyPackage;
}

/** Reads a Welcome. Throws for other bytes. */
export function readWelcome(bytes: Uint8Array): Welcome {
  const message = read(bytes);
  if (message.wireformat !== 'mls_welcome') throw new Error('These bytes are no Welcome.');
  return message.welcome;
}

/** Reads a message of a group. Throws for other bytes. */
export function readGroupMessage(bytes: Uint8Array): MlsPrivateMessage | MlsPublicMessage {
  const message = read(bytes);
  const isOfGroup = message.wireformat === 'mls_private_message' || message.wireformat === 'mls_public_message';
  if (!isOfGroup) throw new Error('These bytes are no message of a group.');
  return message;
}

function read(bytes: Uint8Array): MLSMessage {
  const decoded = bytes.length <= LIMITS.bodyBytes ? decodeMlsMessage(bytes, 0) : undefined;
  if (decoded === undefined || decoded[1] !== bytes.length) throw new Error('These bytes are no MLS message.');
  return decoded[0];
}
