import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { der, derSequence } from './der/der-writer.ts';
import { isEmailBase, isUriBase, MAX_SUBTREES } from './path/name-constraints.ts';

const RFC822_NAME = 0x81;
const URI = 0x86;
const PERMITTED = 0xa0;

/** Names that a CA may certify. A missing kind is not restricted. */
export interface PermittedNames {
  /** Hosts (`example.com`) of mail addresses, or domains (`.example.com`) above such hosts. */
  readonly email: readonly string[];
  /** Hosts or domains of URIs. A URI without a host, such as `acct:` and `tel:`, is then not permitted. */
  readonly uri: readonly string[];
}

/**
 * Encodes the value of a nameConstraints extension (RFC 5280 §4.2.1.10). Throws `value-out-of-range` for a value that
 * is not a host or domain.
 */
export function encodeNameConstraints({ email, uri }: PermittedNames): Uint8Array {
  const areBases = email.every(isEmailBase) && uri.every(isUriBase);
  ensure(areBases, 'value-out-of-range', 'name constraints need hosts (example.com) or domains (.example.com)');
  const count = email.length + uri.length;
  ensure(count > 0 && count <= MAX_SUBTREES, 'value-out-of-range', `a CA permits 1 to ${MAX_SUBTREES} names`);
  const subtrees = [
    ...email.map((base) => derSequence(der(RFC822_NAME, ascii(base)))),
    ...uri.map((base) => derSequence(der(URI, ascii(base)))),
  ];
  return derSequence(der(PERMITTED, ...subtrees));
}

function ascii(text: string): Uint8Array {
  ensure(/^[\x21-\x7e]{1,253}$/.test(text), 'value-out-of-range', `not a host or domain: ${text}`);
  return encodeUtf8(text.toLowerCase());
}
