import { decodeError } from '../core/errors.ts';
import { type AlternativeNames, NO_NAMES, parseAlternativeNames } from './alternative-names.ts';
import { type CompanionKeys, parseCompanionKeys } from './companion-keys.ts';
import { DerReader, DerTag, readSingle } from './der/der-reader.ts';
import { asciiText, readBoolean, readNamedBits, readOid, readSmallUnsigned } from './der/der-values.ts';
import { CA_ISSUERS_OID, COMPANION_KEYS_OID, ExtensionOid, OCSP_ACCESS_OID } from './der/oids.ts';

/** Names of the bits of keyUsage, in order (RFC 5280 §4.2.1.3). */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

/** One permitted use of a key. */
export type KeyUsage = (typeof KEY_USAGES)[number];

/** One extension, its value still encoded. */
export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** The contents of a certificate's extensions. */
export interface CertificateExtensions {
  /** The object identifiers of all extensions, in order. */
  readonly extensionOids: readonly string[];
  /** Critical extensions that are not understood here: a verifier must refuse the certificate. */
  readonly unknownCritical: readonly string[];
  readonly isCa: boolean;
  readonly basicConstraintsCritical: boolean;
  /** Maximum of CA certificates that may follow; undefined is any number. */
  readonly pathLength: number | undefined;
  /** undefined if the extension is missing. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  readonly keyUsageCritical: boolean;
  /** Object identifiers of purposes; undefined if the extension is missing. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly sans: AlternativeNames;
  readonly sansCritical: boolean;
  readonly crlUrls: readonly string[];
  readonly caIssuersUrls: readonly string[];
  readonly ocspUrls: readonly string[];
  /** Keys for encryption that are certified with the subject's key. */
  readonly companions: CompanionKeys | undefined;
}

const MAX_EXTENSIONS = 32;
/** Web server certificates have hundreds. */
const MAX_NAMES = 1_024;

/**
 * Reads a SEQUENCE OF Extension (RFC 5280 §4.1; untrusted). Throws `malformed-encoding`, also for a repeated extension.
 */
export function parseRawExtensions(extensions: Uint8Array): RawExtension[] {
  const reader = readSingle(extensions).values;
  const found = new Map<string, RawExtension>();
  do {
    const one = reader.enter();
    const oid = readOid(one);
    const critical = one.nextTag === DerTag.boolean && readBoolean(one);
    const value = one.read(DerTag.octetString).content;
    one.end();
    if (found.has(oid)) throw decodeError(`extension ${oid} given twice`);
    if (found.size === MAX_EXTENSIONS) throw decodeError('too many extensions');
    found.set(oid, { oid, critical, value });
  } while (!reader.done);
  return [...found.values()];
}

type Mutable = { -readonly [Name in keyof CertificateExtensions]: CertificateExtensions[Name] };

/**
 * Reads the contents of a certificate's extensions (untrusted). `isLenient` accepts trailing zeros in keyUsage. Throws
 * `malformed-encoding`.
 */
export function parseCertificateExtensions(
  extensions: readonly RawExtension[],
  isLenient = false,
): CertificateExtensions {
  const unknownCritical: string[] = [];
  const result: Mutable = {
    extensionOids: extensions.map(({ oid }) => oid),
    unknownCritical,
    isCa: false,
    basicConstraintsCritical: false,
    pathLength: undefined,
    keyUsage: undefined,
    keyUsageCritical: false,
    extendedKeyUsage: undefined,
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    sans: NO_NAMES,
    sansCritical: false,
    crlUrls: [],
    caIssuersUrls: [],
    ocspUrls: [],
    companions: undefined,
  };
  for (const extension of extensions) {
    const understood = applyExtension(result, extension, isLenient);
    if (!understood && extension.critical) unknownCritical.push(extension.oid);
  }
  return result;
}

/** Copies the contents of one extension into `result`. Returns false if the extension is unknown. */
function applyExtension(result: Mutable, { oid, critical, value }: RawExtension, isLenient: boolean): boolean {
  switch (oid) {
    case ExtensionOid.basicConstraints: {
      result.basicConstraintsCritical = critical;
      [result.isCa, result.pathLength] = parseBasicConstraints(value);
      return true;
    }
    case ExtensionOid.keyUsage:
      result.keyUsageCritical = critical;
      result.keyUsage = parseKeyUsage(value, isLenient);
      return true;
    case ExtensionOid.extendedKeyUsage:
      result.extendedKeyUsage = parsePurposes(value);
      return true;
    case ExtensionOid.subjectAltName:
      result.sansCritical = critical;
      result.sans = parseAlternativeNames(value, MAX_NAMES);
      return true;
    case ExtensionOid.subjectKeyIdentifier:
      result.subjectKeyId = readSingle(value, DerTag.octetString).content;
      return true;
    case ExtensionOid.authorityKeyIdentifier:
      result.authorityKeyId = readSingle(value).values.optional(0x80)?.content;
      return true;
    case ExtensionOid.crlDistributionPoints:
      result.crlUrls = parseCrlUrls(value);
      return true;
    case ExtensionOid.authorityInformationAccess:
      [result.caIssuersUrls, result.ocspUrls] = parseAccess(value);
      return true;
    case COMPANION_KEYS_OID:
      result.companions = parseCompanionKeys(value);
      return true;
    default:
      return false;
  }
}

function parseBasicConstraints(value: Uint8Array): [isCa: boolean, pathLength: number | undefined] {
  const reader = readSingle(value).values;
  const isCa = reader.nextTag === DerTag.boolean && readBoolean(reader);
  const pathLength = reader.nextTag === DerTag.integer ? readSmallUnsigned(reader) : undefined;
  reader.end();
  if (!isCa && pathLength !== undefined) throw decodeError('pathLenConstraint without cA');
  return [isCa, pathLength];
}

function parseKeyUsage(value: Uint8Array, isLenient: boolean): ReadonlySet<KeyUsage> {
  const reader = new DerReader(value);
  const bits = readNamedBits(reader, isLenient);
  reader.end();
  if (bits === 0 || bits >= 1 << KEY_USAGES.length) throw decodeError('keyUsage without bits, or with unknown bits');
  return new Set(KEY_USAGES.filter((_, bit) => (bits & (1 << bit)) !== 0));
}

function parsePurposes(value: Uint8Array): string[] {
  const reader = readSingle(value).values;
  const purposes: string[] = [];
  do purposes.push(readOid(reader));
  while (!reader.done);
  return purposes;
}

/** Returns the URIs of the distribution points' full names. Skips points of another form. */
function parseCrlUrls(value: Uint8Array): string[] {
  const points = readSingle(value).values;
  const urls: string[] = [];
  do {
    const fullName = points.enter().optional(0xa0);
    const names = fullName === undefined ? undefined : fullName.values.optional(0xa0);
    for (const reader = new DerReader(names?.content ?? new Uint8Array()); !reader.done;) {
      const { tag, content } = reader.read();
      if (tag === 0x86) urls.push(asciiText(content));
    }
  } while (!points.done);
  return urls;
}

/** Returns the URIs of the issuer's certificate and of its OCSP responders. Skips other methods and forms of names. */
function parseAccess(value: Uint8Array): [caIssuers: string[], ocsp: string[]] {
  const descriptions = readSingle(value).values;
  const caIssuers: string[] = [];
  const ocsp: string[] = [];
  do {
    const description = descriptions.enter();
    const method = readOid(description);
    const location = description.read();
    description.end();
    if (location.tag !== 0x86) continue;
    if (method === CA_ISSUERS_OID) caIssuers.push(asciiText(location.content));
    if (method === OCSP_ACCESS_OID) ocsp.push(asciiText(location.content));
  } while (!descriptions.done);
  return [caIssuers, ocsp];
}
