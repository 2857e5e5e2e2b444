import { type KemId, type KemInterface, NotSupportedError } from '@hpke/core';
import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';

/** The outcome of an encapsulation. */
export interface Encapsulated {
  readonly sharedSecret: Uint8Array;
  /** The encapsulated secret, for the holder of the private key. */
  readonly enc: Uint8Array;
}

/** A key encapsulation mechanism over byte strings (RFC 9180 §4), without sender authentication. */
export interface RawKem {
  /** Its number in IANA's registry of HPKE KEMs. */
  readonly id: KemId;
  readonly encBytes: number;
  readonly publicKeyBytes: number;
  readonly privateKeyBytes: number;
  /** Bytes of randomness that an encapsulation takes. */
  readonly randomBytes: number;
  /** Throws for a public key that yields no secret. */
  readonly encapsulate: (publicKey: Uint8Array, random: Uint8Array) => Encapsulated;
  /** `enc` is untrusted. Throws if it yields no secret. */
  readonly decapsulate: (privateKey: Uint8Array, enc: Uint8Array) => Uint8Array;
}

/** The class of keys that @hpke/core passes on to its KEM and does not look into. */
type KemKey = Parameters<KemInterface['serializePublicKey']>[0];
type EncapParameters = Parameters<KemInterface['encap']>[0];

/** Keys are these bytes, in the place of a `CryptoKey`: platforms lack X25519, and none has X-Wing. */
class RawKey {
  readonly extractable = true;
  readonly usages: never[] = [];
  readonly type: 'public' | 'private';
  readonly algorithm = { name: 'raw' };
  readonly bytes: Uint8Array;

  constructor(type: 'public' | 'private', bytes: Uint8Array) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** Returns a KEM in the form that @hpke/core takes. It has what modes without sender authentication use. */
export function hpkeKem(kem: RawKem): KemInterface {
  const read = (type: 'public' | 'private', key: ArrayBufferLike | ArrayBufferView): Promise<KemKey> => {
    const bytes = copyOf(key);
    const expected = type === 'public' ? kem.publicKeyBytes : kem.privateKeyBytes;
    ensure(bytes.length === expected, 'bad-key', `a ${type} key of ${bytes.length} bytes instead of ${expected}`);
    return Promise.resolve(new RawKey(type, bytes));
  };
  const write = (key: KemKey): Promise<ArrayBuffer> => Promise.resolve(bufferOf(bytesOf(key)));
  const unsupported = (): Promise<never> => Promise.reject(new NotSupportedError('not part of sealing and opening'));
  return {
    id: kem.id,
    secretSize: 32,
    encSize: kem.encBytes,
    publicKeySize: kem.publicKeyBytes,
    privateKeySize: kem.privateKeyBytes,
    serializePublicKey: write,
    serializePrivateKey: write,
    deserializePublicKey: async (key) => read('public', key),
    deserializePrivateKey: async (key) => read('private', key),
    importKey: unsupported,
    generateKeyPair: unsupported,
    deriveKeyPair: unsupported,
    encap: async ({ recipientPublicKey, senderKey, ekm }) => {
      if (senderKey !== undefined) return unsupported();
      const { sharedSecret, enc } = kem.encapsulate(bytesOf(recipientPublicKey), randomOf(ekm, kem.randomBytes));
      return { sharedSecret: bufferOf(sharedSecret), enc: bufferOf(enc) };
    },
    decap: async ({ recipientKey, senderPublicKey, enc }) => {
      if (senderPublicKey !== undefined) return unsupported();
      return bufferOf(kem.decapsulate(bytesOf(recipientKey), copyOf(enc)));
    },
  };
}

/** Returns the randomness of an encapsulation: `ekm` in test vectors, else the platform's. */
function randomOf(ekm: EncapParameters['ekm'], length: number): Uint8Array {
  if (ekm === undefined) return platformRandom(length);
  const given = copyOf(ekm as ArrayBuffer);
  ensure(given.length === length, 'value-out-of-range', `an encapsulation takes ${length} random bytes`);
  return given;
}

function bytesOf(key: unknown): Uint8Array {
  ensure(key instanceof RawKey, 'bad-key', 'a key that this KEM has not read');
  return key.bytes;
}

/** Returns a copy of a buffer, or of the part that a view shows. */
export function copyOf(buffer: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(buffer)) return new Uint8Array(buffer).slice();
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).slice();
}

/** Returns a buffer of these bytes and no others. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
