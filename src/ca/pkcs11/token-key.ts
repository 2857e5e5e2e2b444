import { formatHex } from '../../core/encoding/bytes.ts';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { DerTag, readSingle } from '../der/der-reader.ts';
import { derBitString, derOid, derSequence } from '../der/der-writer.ts';
import { KeyOid } from '../der/oids.ts';
import { parsePublicKey } from '../public-key.ts';
import { type Attribute, CK, type Cryptoki, type Handle } from './cryptoki.ts';

/** Names a key of a token by its label (CKA_LABEL), its id (CKA_ID), or both. */
export interface TokenKeyName {
  readonly label?: string | undefined;
  /** Lower-case hex. */
  readonly id?: string | undefined;
}

/** A key pair in a token. */
export interface TokenKey {
  readonly algorithm: SignerAlgorithm;
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The private key, for the session's epoch. */
  readonly handle: Handle;
}

/**
 * Curves in CKA_EC_PARAMS, hex: named curves by their OID, Edwards curves also by a PrintableString (PKCS #11 v3.0
 * §2.3.3).
 */
const CURVES: readonly { readonly algorithm: SignerAlgorithm; readonly parameters: string }[] = [
  { algorithm: 'p256', parameters: '06082a8648ce3d030107' },
  { algorithm: 'p384', parameters: '06052b81040022' },
  { algorithm: 'ed25519', parameters: '130c656477617264733235353139' },
  { algorithm: 'ed25519', parameters: '06032b6570' },
];

/** Returns the CKA_EC_PARAMS that ask a token for a new key. */
export function curveParameters(algorithm: SignerAlgorithm): Buffer {
  const curve = CURVES.find((one) => one.algorithm === algorithm);
  return Buffer.from(curve?.parameters ?? '', 'hex');
}

/** Names a key in errors. */
export function describeKey({ label, id }: TokenKeyName): string {
  return [label === undefined ? '' : `"${label}"`, id === undefined ? '' : `with id ${id}`].join(' ').trim();
}

/**
 * Finds the only key pair of this name, in a logged-in session, and checks the public key that the token returns.
 *
 * Throws `hsm-refused` if there is no such pair or more than one, if its curve cannot sign here, if the token would
 * reveal it in the clear, or if it wants the PIN for each signature. Throws `bad-key`, and what the module throws.
 */
export function findTokenKey(functions: Cryptoki, session: Handle, name: TokenKeyName): TokenKey {
  const handle = findOne(functions, session, CK.privateKey, name);
  const publicKey = findOne(functions, session, CK.publicKey, name);
  assertUsable(functions, session, handle, name);
  const [point, parameters] = functions.C_GetAttributeValue(session, publicKey, [
    { type: CK.ecPoint },
    { type: CK.ecParameters },
  ]);
  const hex = formatHex(parameters?.value ?? Buffer.alloc(0));
  const curve = CURVES.find((one) => one.parameters === hex);
  if (curve === undefined || point === undefined)
    throw new GlasskeyError('hsm-refused', `the key ${describeKey(name)} is not a P-256, P-384 or Ed25519 key`);
  return { algorithm: curve.algorithm, spki: spkiOf(curve.algorithm, point.value), handle };
}

/** Returns true if the token has an object of this name. Passes on what the module throws. */
export function hasTokenKey(functions: Cryptoki, session: Handle, name: TokenKeyName): boolean {
  return [CK.privateKey, CK.publicKey].some((kind) => find(functions, session, kind, name).length > 0);
}

function findOne(functions: Cryptoki, session: Handle, kind: number, name: TokenKeyName): Handle {
  const [found, another] = find(functions, session, kind, name);
  const what = `${kind === CK.privateKey ? 'private' : 'public'} key ${describeKey(name)}`;
  if (found === undefined) throw new GlasskeyError('hsm-refused', `the token has no ${what}`);
  ensure(another === undefined, 'hsm-refused', `the token has more than one ${what}: name its id as well`);
  return found;
}

function find(functions: Cryptoki, session: Handle, kind: number, { label, id }: TokenKeyName): Handle[] {
  const template: Attribute[] = [{ type: CK.class, value: kind }];
  if (label !== undefined) template.push({ type: CK.label, value: label });
  if (id !== undefined) template.push({ type: CK.id, value: Buffer.from(id, 'hex') });
  functions.C_FindObjectsInit(session, template);
  try {
    return functions.C_FindObjects(session, 2);
  } finally {
    functions.C_FindObjectsFinal(session);
  }
}

function assertUsable(functions: Cryptoki, session: Handle, key: Handle, name: TokenKeyName): void {
  const is = (type: number, fallback: boolean): boolean => flag(functions, session, key, type) ?? fallback;
  ensure(is(CK.sign, true), 'hsm-refused', `the key ${describeKey(name)} is not allowed to sign`);
  ensure(is(CK.sensitive, true), 'hsm-refused', `the token would reveal the key ${describeKey(name)} in the clear`);
  const asks = is(CK.alwaysAuthenticate, false);
  ensure(!asks, 'hsm-refused', `the key ${describeKey(name)} wants the PIN for every signature`);
}

/** Reads a flag of an object; undefined if the token does not know it. */
function flag(functions: Cryptoki, session: Handle, object: Handle, type: number): boolean | undefined {
  try {
    const value = functions.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
    return value?.length === 1 ? value[0] !== 0 : undefined;
  } catch {
    return undefined;
  }
}

/**
 * CKA_EC_POINT is the point within an OCTET STRING (PKCS #11 v2.40 §2.3.3). Some tokens return a bare Edwards point.
 */
function spkiOf(algorithm: SignerAlgorithm, point: Uint8Array): Uint8Array {
  const isRaw = algorithm === 'ed25519' && point.length === 32;
  const bits = isRaw ? point : readSingle(point, DerTag.octetString).content;
  const curve = { p256: KeyOid.p256, p384: KeyOid.p384, ed25519: undefined }[algorithm];
  const identifier =
    curve === undefined ? derSequence(derOid(KeyOid.ed25519)) : derSequence(derOid(KeyOid.ecPublicKey), derOid(curve));
  const spki = derSequence(identifier, derBitString(new Uint8Array(bits)));
  return parsePublicKey(spki).spki;
}
