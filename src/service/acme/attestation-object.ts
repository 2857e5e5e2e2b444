import { decodeError } from '../../core/errors.ts';
import { CborReader } from './cbor-reader.ts';

/** The one attestation statement format that is verified here. */
const FORMAT = 'apple';

/** Most certificates of an attestation: the leaf and two CAs, and perhaps the root. */
const MAX_CERTIFICATES = 4;

/** Most bytes of one certificate. */
const MAX_CERTIFICATE_BYTES = 8 * 1024;

const MAX_AUTHENTICATOR_BYTES = 1024;

/** An attestation object of the format `apple` (WebAuthn §6.5.4). Nothing in it is verified. */
export interface AttestationObject {
  /** DER, leaf first: 1 to 4 certificates. */
  readonly certificates: readonly [Uint8Array, ...Uint8Array[]];
  /** About a browser, and without a meaning in ACME (draft-ietf-acme-device-attest-09 §5). */
  readonly authenticatorData: Uint8Array | undefined;
}

/**
 * Reads an untrusted attestation object: the members `fmt`, `attStmt` and perhaps `authData`, in this order, which is
 * that of canonical CBOR (CTAP2 §6). The statement has the member `x5c` alone. Throws `malformed-encoding`.
 */
export function readAttestationObject(bytes: Uint8Array): AttestationObject {
  const reader = new CborReader(bytes);
  const members = reader.mapLength(3);
  if (members < 2) throw decodeError('an attestation object without fmt and attStmt');
  reader.key('fmt');
  const format = reader.text(32);
  if (format !== FORMAT) throw decodeError(`the attestation format is not ${FORMAT}`);
  reader.key('attStmt');
  reader.mapLength(1);
  reader.key('x5c');
  const count = reader.arrayLength(MAX_CERTIFICATES);
  const leaf = reader.bytes(MAX_CERTIFICATE_BYTES);
  const issuers = Array.from({ length: count - 1 }, () => reader.bytes(MAX_CERTIFICATE_BYTES));
  const authenticatorData = members === 3 ? readAuthenticatorData(reader) : undefined;
  reader.assertEnd();
  return { certificates: [leaf, ...issuers], authenticatorData };
}

function readAuthenticatorData(reader: CborReader): Uint8Array {
  reader.key('authData');
  return reader.bytes(MAX_AUTHENTICATOR_BYTES);
}
