import { decodeUtf8, parseBase64Url } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import { MAX_CSR_CHARACTERS } from './input-sizes.ts';
import { type Bounds, JsonFields, parseJson } from './json-fields.ts';

/** Most bytes of an ACME request. */
export const MAX_ACME_BODY_BYTES = 48 * 1024;

const CODE = 'invalid-request';
const MAX_PROTECTED_CHARACTERS = 4_096;
const MAX_SIGNATURE_CHARACTERS = 1_024;
const MAX_URL_CHARACTERS = 512;
const MAX_CERTIFICATE_BYTES = 16 * 1024;
/** An attestation has up to four certificates. */
const MAX_ATTESTATION_BYTES = 24 * 1024;
/** Identifiers in one order that are looked at: an order for more than one is refused with a reason for each. */
const MAX_IDENTIFIERS = 16;
const MAX_TYPE_CHARACTERS = 64;
const MAX_VALUE_CHARACTERS = 1_024;

/** A flattened JWS (RFC 7515 §7.2.2) whose signature is not verified yet. */
export interface AcmeJws {
  /** The three parts as received, in base64url. */
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
  readonly header: AcmeHeader;
}

/** The protected header (RFC 8555 §6.2). It has either `kid` or `jwk`. */
export interface AcmeHeader {
  readonly alg: string;
  readonly url: string;
  readonly nonce: string | undefined;
  readonly kid: string | undefined;
  readonly jwk: unknown;
}

/** An identifier of an order, as it came in. */
export interface AcmeIdentifier {
  readonly type: string;
  readonly value: string;
}

/** Reads an untrusted flattened JWS, already parsed as JSON. Throws `invalid-request`. */
export function parseAcmeJws(value: unknown): AcmeJws {
  const fields = new JsonFields(value, CODE, 'jws').only(['protected', 'payload', 'signature']);
  const parts = {
    protected: fields.string('protected', MAX_PROTECTED_CHARACTERS),
    payload: fields.string('payload', MAX_ACME_BODY_BYTES, 0),
    signature: fields.string('signature', MAX_SIGNATURE_CHARACTERS),
  };
  const header = new JsonFields(jsonOf(parts.protected), CODE, 'header');
  // A critical extension changes what is signed, or how: none is known.
  if (header.has('crit')) throw header.failure('crit', 'is not supported');
  if (header.has('kid') === header.has('jwk')) throw new GlasskeyError(CODE, 'the header has either kid or jwk');
  return { ...parts, header: readHeader(header, parts.protected) };
}

function readHeader(header: JsonFields, text: string): AcmeHeader {
  return {
    alg: header.string('alg', 16),
    url: header.string('url', MAX_URL_CHARACTERS),
    nonce: header.has('nonce') ? header.string('nonce', 128) : undefined,
    kid: header.has('kid') ? header.string('kid', MAX_URL_CHARACTERS) : undefined,
    jwk: (jsonOf(text) as { readonly jwk?: unknown }).jwk,
  };
}

/** Returns the payload of a JWS; undefined for the empty one of a POST-as-GET. Throws `invalid-request`. */
export function acmePayload({ payload }: Pick<AcmeJws, 'payload'>): unknown {
  return payload === '' ? undefined : jsonOf(payload);
}

/** Reads the payload of `newAccount` (RFC 8555 §7.3). Contacts are not kept. Throws `invalid-request`. */
export function parseNewAccount(value: unknown): { readonly onlyExisting: boolean; readonly binding?: AcmeJws } {
  const fields = new JsonFields(value, CODE, 'payload');
  const onlyExisting = fields.has('onlyReturnExisting') && fields.boolean('onlyReturnExisting');
  if (!fields.has('externalAccountBinding')) return { onlyExisting };
  const { externalAccountBinding } = value as { readonly externalAccountBinding: unknown };
  return { onlyExisting, binding: parseAcmeJws(externalAccountBinding) };
}

/**
 * Reads an update of an account or an authorization (RFC 8555 §7.3.2, §7.5.2): true if it deactivates. Other members,
 * such as contacts, are ignored. Throws `invalid-request`.
 */
export function parseAcmeUpdate(value: unknown): boolean {
  const fields = new JsonFields(value, CODE, 'payload');
  return fields.has('status') && fields.oneOf('status', ['deactivated']) === 'deactivated';
}

/** Reads the payload of `newOrder` (RFC 8555 §7.4). Throws `invalid-request`. */
export function parseNewOrder(value: unknown): readonly AcmeIdentifier[] {
  const fields = new JsonFields(value, CODE, 'payload');
  for (const name of ['notBefore', 'notAfter']) {
    if (fields.has(name)) throw fields.failure(name, 'is not supported: the profile decides');
  }
  return fields.array('identifiers', { minimum: 1, maximum: MAX_IDENTIFIERS }).map((one) => {
    const identifier = new JsonFields(one, CODE, 'identifier');
    return {
      type: identifier.string('type', MAX_TYPE_CHARACTERS),
      value: identifier.string('value', MAX_VALUE_CHARACTERS),
    };
  });
}

/**
 * Reads the answer to a challenge `device-attest-01` (draft-ietf-acme-device-attest-09 §5): the attestation object in
 * CBOR. Other members are ignored. Throws `invalid-request`.
 */
export function parseAttestation(value: unknown): Uint8Array {
  const fields = new JsonFields(value, CODE, 'payload');
  return base64Url(fields, 'attObj', { minimum: 1, maximum: MAX_ATTESTATION_BYTES });
}

/** Reads the payload of `finalize` (RFC 8555 §7.4): the request in DER. Throws `invalid-request`. */
export function parseFinalize(value: unknown): Uint8Array {
  return base64Url(new JsonFields(value, CODE, 'payload'), 'csr', { minimum: 1, maximum: MAX_CSR_CHARACTERS });
}

/** A certificate to revoke, as it came in. */
export interface AcmeRevocation {
  /** DER. */
  readonly certificate: Uint8Array;
  /** RFC 5280 reason code. */
  readonly reason: number;
}

/** Reads the payload of `revokeCert` (RFC 8555 §7.6). Throws `invalid-request`. */
export function parseAcmeRevocation(value: unknown): AcmeRevocation {
  const fields = new JsonFields(value, CODE, 'payload');
  const certificate = base64Url(fields, 'certificate', { minimum: 1, maximum: MAX_CERTIFICATE_BYTES });
  return { certificate, reason: fields.has('reason') ? fields.integer('reason') : 0 };
}

/** Reads the payload of the inner JWS of `keyChange` (RFC 8555 §7.3.5). Throws `invalid-request`. */
export function parseKeyChange(value: unknown): { readonly account: string; readonly oldKey: unknown } {
  const fields = new JsonFields(value, CODE, 'payload').only(['account', 'oldKey']);
  const account = fields.string('account', MAX_URL_CHARACTERS);
  return { account, oldKey: (value as { readonly oldKey?: unknown }).oldKey };
}

function jsonOf(text: string): unknown {
  return parseJson(utf8Of(decodeBase64Url(text)), CODE);
}

function utf8Of(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new GlasskeyError(CODE, 'not UTF-8', { cause });
  }
}

function base64Url(fields: JsonFields, name: string, { minimum, maximum }: Bounds): Uint8Array {
  const bytes = decodeBase64Url(fields.string(name, Math.ceil((4 * maximum) / 3), 0));
  if (bytes.length < minimum || bytes.length > maximum) throw fields.failure(name, 'has the wrong length');
  return bytes;
}

/** Decodes base64url without padding (RFC 7515 §2), canonical alone. Throws `invalid-request`. */
function decodeBase64Url(text: string): Uint8Array {
  try {
    return parseBase64Url(text);
  } catch (cause) {
    throw new GlasskeyError(CODE, 'not base64url without padding', { cause });
  }
}
