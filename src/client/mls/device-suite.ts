import { type CiphersuiteImpl, getCiphersuiteFromName, type SignatureAlgorithm } from 'ts-mls';
import type { KeyType } from '../../ca/public-key.ts';
import { ensure } from '../../core/errors.ts';
import type { ClientKey } from '../client-key.ts';

/** The MLS signature scheme of a key. RSA has none (RFC 9420 §17.1). */
const SCHEMES: Readonly<Partial<Record<KeyType, SignatureAlgorithm>>> = {
  ed25519: 'Ed25519',
  p256: 'P256',
  p384: 'P384',
};

/** Stands in ts-mls's state for the private key, which stays with its holder. */
export const NO_PRIVATE_KEY: Uint8Array = new Uint8Array();

/**
 * Returns a cipher suite of ts-mls in which a device's key signs. Give it to every function of ts-mls that writes a
 * message. So the private key is in no state and in no KeyPackage, and need not be exportable. Throws `usage` for a key
 * whose signature scheme is not the suite's.
 */
export function deviceSuite(cipherSuite: CiphersuiteImpl, key: ClientKey): CiphersuiteImpl {
  const { signature } = getCiphersuiteFromName(cipherSuite.name);
  const fits = SCHEMES[key.keyType] === signature;
  ensure(fits, 'usage', `${cipherSuite.name} signs with ${signature}, and the key is of type ${key.keyType}`);
  return { ...cipherSuite, signature: { ...cipherSuite.signature, sign: (_, message) => key.sign(message) } };
}

/** The label of a signature on a message's content (RFC 9420 §6.1), with the prefix of §5.1.2. */
const CONTENT_LABEL = new TextEncoder().encode('MLS 1.0 FramedContentTBS');

/**
 * Returns a cipher suite for a commit that replaces the committer's key: the key before signs the message, by which
 * members still verify it, and the next one signs the leaf (RFC 9420 §7.3, §6.1). Throws `usage` as
 * {@link deviceSuite}.
 */
export function successionSuite(cipherSuite: CiphersuiteImpl, before: ClientKey, next: ClientKey): CiphersuiteImpl {
  const suites = [deviceSuite(cipherSuite, before), deviceSuite(cipherSuite, next)] as const;
  const [old, { signature }] = suites;
  const sign: CiphersuiteImpl['signature']['sign'] = (unused, message) =>
    (isContent(message) ? old.signature : signature).sign(unused, message);
  return { ...old, signature: { ...signature, sign } };
}

/** Returns true for a SignContent (RFC 9420 §5.1.2) of a message's content: a length of one byte, then the label. */
function isContent(message: Uint8Array): boolean {
  return message[0] === CONTENT_LABEL.length && CONTENT_LABEL.every((byte, i) => message[i + 1] === byte);
}
