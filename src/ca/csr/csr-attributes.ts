import { decodeError } from '../../core/errors.ts';
import { type AlternativeNames, NO_NAMES, parseAlternativeNames } from '../alternative-names.ts';
import { parseRawExtensions } from '../certificate-extensions.ts';
import { type CompanionKeys, parseCompanionKeys } from '../companion-keys.ts';
import { type DerElement, DerTag } from '../der/der-reader.ts';
import { readOid } from '../der/der-values.ts';
import { COMPANION_KEYS_OID, EXTENSION_REQUEST_OID, ExtensionOid } from '../der/oids.ts';

/** The contents of a request other than its key. */
export interface RequestedExtensions {
  readonly sans: AlternativeNames;
  readonly companions: CompanionKeys | undefined;
}

const MAX_ATTRIBUTES = 16;

/** Reads the attributes of a PKCS#10 request (RFC 2986 §4.1; untrusted), if any. Throws `malformed-encoding`. */
export function requestedExtensions(attributes: DerElement | undefined): RequestedExtensions {
  const result: { sans: AlternativeNames; companions: CompanionKeys | undefined } = {
    sans: NO_NAMES,
    companions: undefined,
  };
  if (attributes === undefined) return result;
  const reader = attributes.values;
  const seen = new Set<string>();
  while (!reader.done) {
    const attribute = reader.enter();
    const oid = readOid(attribute);
    const values = attribute.enter(DerTag.set);
    attribute.end();
    if (seen.has(oid) || seen.size === MAX_ATTRIBUTES) throw decodeError('repeated attributes, or too many');
    seen.add(oid);
    if (oid !== EXTENSION_REQUEST_OID) continue;
    const extensions = parseRawExtensions(values.read(DerTag.sequence).raw);
    values.end();
    for (const extension of extensions) {
      if (extension.oid === ExtensionOid.subjectAltName) result.sans = parseAlternativeNames(extension.value);
      if (extension.oid === COMPANION_KEYS_OID) result.companions = parseCompanionKeys(extension.value);
    }
  }
  return result;
}
