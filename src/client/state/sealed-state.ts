import { gcm } from '@noble/ciphers/aes.js';
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { formatPem, parsePem } from '../../ca/der/pem.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  uint32,
  uint8,
} from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { platformRandom, platformSubtle } from '../platform.ts';
import type { ClientState } from './client-state.ts';
import { formatClientState, parseClientState } from './client-state-json.ts';

/** The cost of Argon2id (RFC 9106), for who guesses a passphrase and for who knows it. One lane. */
export interface SealCost {
  /** 8,192 to 262,144. */
  readonly memoryKib: number;
  /** 1 to 16. */
  readonly passes: number;
}

/** The second recommendation of RFC 9106 §4 with one lane: about a second in a browser. */
export const DEFAULT_SEAL_COST: SealCost = { memoryKib: 65_536, passes: 3 };

/** For {@link sealState}. */
export interface SealOptions {
  readonly cost?: SealCost | undefined;
  /** Secure random bytes; default: the platform's. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
}

const PEM_LABEL = 'GLASSKEY SEALED STATE';
const MINIMUM_PASSPHRASE = 8;
const MEMORY_KIB = { minimum: 8_192, maximum: 262_144 };
const PASSES = { minimum: 1, maximum: 16 };

interface SealHeader {
  readonly format: 1;
  readonly memoryKib: number;
  readonly passes: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
}

const headerCodec: Codec<SealHeader> = struct<SealHeader>({
  format: enumeration([1]),
  memoryKib: uint32,
  passes: uint8,
  salt: fixedBytes(16),
  nonce: fixedBytes(12),
});
const sealedCodec = struct({ header: headerCodec, ciphertext: bytes(16, 2 ** 32 - 1) });

/**
 * Seals a state with a passphrase, as PEM text (docs/client-state.md): Argon2id derives the key; AES-256-GCM seals the
 * JSON text of the state and authenticates the parameters. Throws `usage` for a passphrase of less than 8 characters.
 */
export async function sealState(state: ClientState, passphrase: string, options: SealOptions = {}): Promise<string> {
  const isLong = normalized(passphrase).length >= MINIMUM_PASSPHRASE;
  ensure(isLong, 'usage', `a passphrase has at least ${MINIMUM_PASSPHRASE} characters`);
  const random = options.random ?? platformRandom;
  const { memoryKib, passes } = options.cost ?? DEFAULT_SEAL_COST;
  ensure(isBounded(memoryKib, passes), 'usage', 'the cost of sealing is out of bounds');
  const header: SealHeader = { format: 1, memoryKib, passes, salt: random(16), nonce: random(12) };
  const key = await deriveKey(header, passphrase);
  const ciphertext = await runCipher('encrypt', key, header, encodeUtf8(formatClientState(state)));
  return formatPem(PEM_LABEL, encode(sealedCodec, { header, ciphertext }));
}

/**
 * Opens a text of {@link sealState}. The text is untrusted: its parameters are bounded, so that it keeps a device busy
 * for at most about a minute. Throws `malformed-encoding`, `wrong-passphrase` (also for a damaged text: the two cannot
 * be told apart), `state-corrupt`.
 */
export async function openSealedState(text: string, passphrase: string): Promise<ClientState> {
  const { header, ciphertext } = decode(sealedCodec, parsePem(PEM_LABEL, text));
  ensure(isBounded(header.memoryKib, header.passes), 'malformed-encoding', 'the cost of opening is out of bounds');
  const key = await deriveKey(header, passphrase);
  const opened = await runCipher('decrypt', key, header, ciphertext).catch((cause: unknown): never => {
    throw new GlasskeyError('wrong-passphrase', 'the passphrase is wrong, or the text was damaged', { cause });
  });
  return parseClientState(decodeUtf8(opened));
}

function deriveKey(header: SealHeader, passphrase: string): Promise<Uint8Array> {
  const { memoryKib: m, passes: t, salt } = header;
  // Yields to other work, so that a page does not freeze.
  return argon2idAsync(encodeUtf8(normalized(passphrase)), salt, { m, t, p: 1, dkLen: 32, asyncTick: 10 });
}

/** Runs AES-256-GCM: by WebCrypto, or by noble where there is none. Rejects if a ciphertext was damaged. */
async function runCipher(
  direction: 'encrypt' | 'decrypt',
  key: Uint8Array,
  header: SealHeader,
  input: Uint8Array,
): Promise<Uint8Array> {
  const additionalData = new Uint8Array(encode(headerCodec, header));
  const subtle = platformSubtle();
  if (subtle === undefined) return gcm(key, header.nonce, additionalData)[direction](input);
  const imported = await subtle.importKey('raw', new Uint8Array(key), 'AES-GCM', false, [direction]);
  const algorithm = { name: 'AES-GCM', iv: new Uint8Array(header.nonce), additionalData };
  return new Uint8Array(await subtle[direction](algorithm, imported, new Uint8Array(input)));
}

function isBounded(memoryKib: number, passes: number): boolean {
  return isWithin(memoryKib, MEMORY_KIB) && isWithin(passes, PASSES);
}

function isWithin(
  value: number,
  { minimum, maximum }: { readonly minimum: number; readonly maximum: number },
): boolean {
  return Number.isInteger(value) && value >= minimum && value <= maximum;
}

/**
 * Normalises a passphrase: two keyboards may write it in two ways, and what looks the same is the same (Unicode NFC, as
 * in RFC 8265 §4.2).
 */
function normalized(passphrase: string): string {
  return passphrase.replaceAll(/\p{Zs}/gu, ' ').normalize('NFC');
}
