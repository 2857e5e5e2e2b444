import { equalBytes } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import type { Identity, IdentityRules } from '../../identity/identity.ts';
import type { AcmeOrderRow } from '../../store/ports.ts';
import { AcmeRefusal, ensureAcme, type IdentifierProblem } from './acme-refusal.ts';

/** Identifier type of e-mail addresses (RFC 8823 §3). */
const EMAIL = 'email';
/** Identifier type of all other names. It is our own: no RFC has one for URIs. */
const URI = 'glasskey-uri';
/** Identifier type of devices (draft-ietf-acme-device-attest-09 §3). */
const DEVICE = 'permanent-identifier';

/** A device's identifier: without `/`, and perhaps with its assigner (draft-ietf-acme-device-attest-09 §3.1). */
const DEVICE_VALUE = /^[^/]+(?:\/[0-2](?:\.(?:0|[1-9][0-9]*))+)?$/;
/** A serial number that is taken: nothing in it has a second spelling in a URN. */
const SERIAL_NUMBER = /^[A-Za-z0-9]{1,32}$/;

/** An identifier of an order. Untrusted. */
export interface OrderIdentifier {
  readonly type: string;
  readonly value: string;
}

/** The name of an order. */
export interface OrderName {
  readonly identity: Identity;
  /** True for a device, which has to attest. */
  readonly isDevice: boolean;
}

/**
 * Returns the name that an order is for. A certificate is for one name, and so is an order. `prefix` is the beginning
 * of devices' names; undefined: there are none. Throws `unsupportedIdentifier`, `rejectedIdentifier`, `malformed`, and
 * for several identifiers a reason for each.
 */
export function orderName(
  identifiers: readonly OrderIdentifier[],
  rules: IdentityRules,
  prefix: string | undefined,
): OrderName {
  const [identifier, ...others] = identifiers;
  ensureAcme(identifier !== undefined, 'malformed', 'an order is for one identifier');
  const types = prefix === undefined ? [EMAIL, URI] : [EMAIL, URI, DEVICE];
  const unsupported = `identifiers have the type ${types.join(' or ')}`;
  const problems = others.map((one): IdentifierProblem => {
    const isKnown = types.includes(one.type);
    return {
      type: isKnown ? 'rejectedIdentifier' : 'unsupportedIdentifier',
      detail: isKnown ? 'a certificate is for one name: make another order for this one' : unsupported,
      identifier: one,
    };
  });
  if (problems.length > 0)
    throw new AcmeRefusal('rejectedIdentifier', 'a certificate is for one name', undefined, problems);
  ensureAcme(types.includes(identifier.type), 'unsupportedIdentifier', unsupported);
  if (identifier.type === DEVICE) return { identity: deviceIdentity(identifier.value, rules, prefix), isDevice: true };
  const identity = canonicalOf(identifier.value, rules);
  const isOfType = (identifier.type === EMAIL) === (identity.kind === 'email');
  ensureAcme(isOfType, 'rejectedIdentifier', `an address has the type ${EMAIL}, and any other name ${URI}`);
  // Else whoever has an account of the application could name a device without its attestation.
  const isOfDevice = prefix !== undefined && identity.text.startsWith(prefix);
  ensureAcme(!isOfDevice, 'rejectedIdentifier', `the name of a device has the type ${DEVICE}`);
  return { identity, isDevice: false };
}

function deviceIdentity(value: string, rules: IdentityRules, prefix = ''): Identity {
  ensureAcme(DEVICE_VALUE.test(value), 'malformed', `not a value of the type ${DEVICE}`);
  const isSerial = SERIAL_NUMBER.test(value);
  ensureAcme(isSerial, 'rejectedIdentifier', 'a device has a serial number of 1 to 32 letters and digits');
  const identity = canonicalOf(prefix + value, rules);
  // One device has one name, and one name one device.
  ensureAcme(identity.text === prefix + value, 'rejectedIdentifier', 'the name of the device is not canonical');
  return identity;
}

/** Returns the serial number at the end of a device's name. */
export function serialNumberOf(identity: string): string {
  return /[A-Za-z0-9]*$/.exec(identity)?.[0] ?? '';
}

/** Returns the identifier of an order, in its canonical form. */
export function identifierOf(
  { identity, proof }: Pick<AcmeOrderRow, 'identity' | 'proof'>,
  rules: IdentityRules,
): OrderIdentifier {
  if (proof === 'device') return { type: DEVICE, value: serialNumberOf(identity) };
  const { kind, text } = canonicalIdentity(identity, rules);
  return { type: kind === 'email' ? EMAIL : URI, value: text };
}

/** Returns the one identity in the subjectAltName of a certificate of this log; undefined for any other certificate. */
export function certifiedIdentity(
  { sans }: { readonly sans: { readonly [Kind in 'email' | 'smtpUtf8' | 'uri']: readonly string[] } },
  rules: IdentityRules,
): Identity | undefined {
  const [name, another] = [...sans.email, ...sans.smtpUtf8, ...sans.uri];
  return name === undefined || another !== undefined ? undefined : canonicalOf(name, rules);
}

/** Returns true if an account is for every name, or for this one. */
export function isWithinScope(scoped: Uint8Array | undefined, labelKey: Uint8Array): boolean {
  return scoped === undefined || equalBytes(scoped, labelKey);
}

function canonicalOf(value: string, rules: IdentityRules): Identity {
  try {
    return canonicalIdentity(value, rules);
  } catch (error) {
    if (!isGlasskeyError(error, 'invalid-identity')) throw error;
    throw new AcmeRefusal('rejectedIdentifier', error.message, 'invalid-identity');
  }
}
