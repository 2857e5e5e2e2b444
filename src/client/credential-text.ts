import { formatPem, parsePem } from '../ca/der/pem.ts';
import { bytes, type Codec, decode, encode, enumeration, struct } from '../core/encoding/codec.ts';
import { ensure } from '../core/errors.ts';
import type { Configuration } from '../core/keytrans/configuration.ts';
import { type Credential, credentialCodec } from '../core/keytrans/credential.ts';
import { shortText } from '../identity/text-codec.ts';

interface EncodedCredential {
  readonly format: 1;
  readonly origin: string;
  readonly credential: Uint8Array;
}

const encodedCredentialCodec: Codec<EncodedCredential> = struct<EncodedCredential>({
  format: enumeration([1]),
  origin: shortText,
  credential: bytes(1, 0xff_ffff),
});

const PEM_LABEL = 'GLASSKEY CREDENTIAL';
const MAX_TEXT = 1_500_000;

/** Formats a credential (KT §14) as the text that people send to each other (docs/spec.md#credentials-as-text). */
export function formatCredential(origin: string, config: Configuration, credential: Credential): string {
  const encoded = encode(credentialCodec(config), credential);
  const whole = { format: 1, origin, credential: encoded } as const;
  return formatPem(PEM_LABEL, encode(encodedCredentialCodec, whole));
}

/**
 * Reads a text of {@link formatCredential}; untrusted. Throws `malformed-encoding`, and `usage` for a credential of
 * another log than `origin`, which says nothing about this one.
 */
export function parseCredential(text: string, origin: string, config: Configuration): Credential {
  ensure(text.length <= MAX_TEXT, 'malformed-encoding', 'the text is too long to be a credential');
  const whole = decode(encodedCredentialCodec, parsePem(PEM_LABEL, text));
  ensure(whole.origin === origin, 'usage', `a credential of the log ${whole.origin}, not of ${origin}`);
  return decode(credentialCodec(config), whole.credential);
}
