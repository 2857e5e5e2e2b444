import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { encodeKeyUsage } from '../../../src/ca/extension-writer.ts';
import type { KeyUsage } from '../../../src/ca/certificate-extensions.ts';
import { der, derBitString, derOid, derSequence, derTime, derUnsigned } from '../../../src/ca/der/der-writer.ts';
import { ExtensionOid, PurposeOid } from '../../../src/ca/der/oids.ts';
import { formatPem } from '../../../src/ca/der/pem.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';

/** When the certificates here are valid, and a time within. */
export const VALID_FROM_MS: number = Date.UTC(2026, 0, 1);
export const VALID_TO_MS: number = Date.UTC(2027, 0, 1);
export const WITHIN_MS: number = Date.UTC(2026, 6, 1);

/** A certificate and the key that it is for. */
export interface Made {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly key: KeyObject;
  readonly name: Uint8Array;
  readonly keyId: Uint8Array;
}

/** An extension as it is to be encoded: false leaves a default one out. */
export interface MadeExtension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** What a certificate is to be; everything has a good default. */
export interface Recipe {
  readonly subject?: string;
  readonly name?: Uint8Array;
  readonly issuerName?: Uint8Array;
  readonly key?: KeyObject;
  readonly serial?: Uint8Array;
  readonly version?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly hash?: 'sha256' | 'sha1';
  /** For keys other than P-256: the SubjectPublicKeyInfo, and how the issuer signs. */
  readonly spki?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly sign?: (tbs: Uint8Array) => Uint8Array;
  /** An encoded unique identifier of the issuer or the subject. */
  readonly uniqueId?: Uint8Array;
  /** True encodes the start as GeneralizedTime. */
  readonly generalizedTime?: boolean;
  /** By object identifier; undefined removes a default extension. */
  readonly extensions?: Readonly<Record<string, MadeExtension | undefined>>;
}

export const critical = (value: Uint8Array): MadeExtension => ({ critical: true, value });
export const plain = (value: Uint8Array): MadeExtension => ({ critical: false, value });

/** A Name of one commonName. */
export function commonName(text: string, tag = 0x0c): Uint8Array {
  const attribute = derSequence(derOid('2.5.4.3'), der(tag, encodeUtf8(text)));
  return text === '' ? derSequence() : derSequence(der(0x31, attribute));
}

export const dns = (name: string): Uint8Array => der(0x82, encodeUtf8(name));
export const email = (name: string): Uint8Array => der(0x81, encodeUtf8(name));
export const uri = (name: string): Uint8Array => der(0x86, encodeUtf8(name));
export const ip = (...bytes: readonly number[]): Uint8Array => der(0x87, Uint8Array.from(bytes));
export const directory = (name: Uint8Array): Uint8Array => der(0xa4, name);
export const names = (...all: readonly Uint8Array[]): MadeExtension => plain(derSequence(...all));

/** basicConstraints of a CA. */
export function caWith(pathLength?: number): MadeExtension {
  const length = pathLength === undefined ? [] : [derUnsigned(Uint8Array.of(pathLength))];
  return critical(derSequence(der(1, Uint8Array.of(0xff)), ...length));
}

export function keyUsage(...usages: readonly KeyUsage[]): MadeExtension {
  return critical(encodeKeyUsage(usages));
}

export function purposes(...oids: readonly string[]): MadeExtension {
  return plain(derSequence(...oids.map(derOid)));
}

/** nameConstraints of permitted and excluded bases. */
export function constraints(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []): MadeExtension {
  const subtrees = (tag: number, bases: readonly Uint8Array[]): Uint8Array[] =>
    bases.length === 0 ? [] : [der(tag, ...bases.map((base) => derSequence(base)))];
  return critical(derSequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded)));
}

export function policies(...oids: readonly string[]): MadeExtension {
  return plain(derSequence(...oids.map((oid) => derSequence(derOid(oid)))));
}

export function mappings(...pairs: readonly (readonly [string, string])[]): MadeExtension {
  return critical(derSequence(...pairs.map(([from, to]) => derSequence(derOid(from), derOid(to)))));
}

/** policyConstraints; numbers below 128. */
export function policyConstraints(explicit?: number, mapping?: number): MadeExtension {
  const skip = (tag: number, count?: number): Uint8Array[] =>
    count === undefined ? [] : [der(tag, Uint8Array.of(count))];
  return critical(derSequence(...skip(0x80, explicit), ...skip(0x81, mapping)));
}

export const inhibitAnyPolicy = (count: number): MadeExtension => critical(derUnsigned(Uint8Array.of(count)));

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function spkiOf(key: KeyObject): Uint8Array {
  const pem = key.export({ format: 'jwk' });
  const point = [pem.x ?? '', pem.y ?? ''].map((part) => Buffer.from(part, 'base64url'));
  const bits = Uint8Array.of(4, ...(point[0] ?? []), ...(point[1] ?? []));
  return derSequence(derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')), derBitString(bits));
}

function generalizedTime(timeMs: number): Uint8Array {
  return der(
    0x18,
    encodeUtf8(
      `${new Date(timeMs)
        .toISOString()
        .replace(/[^0-9]/g, '')
        .slice(0, 14)}Z`,
    ),
  );
}

const SIGNATURES = { sha256: '1.2.840.10045.4.3.2', sha1: '1.2.840.10045.4.1' } as const;

function make(recipe: Recipe, issuer: Made | undefined, defaults: Record<string, MadeExtension | undefined>): Made {
  const key = recipe.key ?? newKey();
  const spki = recipe.spki ?? spkiOf(key);
  const keyId = new Uint8Array(createHash('sha1').update(spki).digest());
  const name = recipe.name ?? commonName(recipe.subject ?? 'somebody');
  const extensions: Record<string, MadeExtension | undefined> = {
    [ExtensionOid.subjectKeyIdentifier]: plain(der(4, keyId)),
    [ExtensionOid.authorityKeyIdentifier]: plain(derSequence(der(0x80, issuer?.keyId ?? keyId))),
    ...defaults,
    ...recipe.extensions,
  };
  const encoded = Object.entries(extensions).flatMap(([oid, extension]) => {
    if (extension === undefined) return [];
    const flag = extension.critical ? [der(1, Uint8Array.of(0xff))] : [];
    return [derSequence(derOid(oid), ...flag, der(4, extension.value))];
  });
  const algorithm = recipe.algorithm ?? derSequence(derOid(SIGNATURES[recipe.hash ?? 'sha256']));
  const from = recipe.fromMs ?? VALID_FROM_MS;
  const tbs = derSequence(
    der(0xa0, derUnsigned(Uint8Array.of(recipe.version ?? 2))),
    derUnsigned(recipe.serial ?? Uint8Array.of(0x40, ...randomBytes(15))),
    algorithm,
    recipe.issuerName ?? issuer?.name ?? name,
    derSequence(
      recipe.generalizedTime === true ? generalizedTime(from) : derTime(from),
      derTime(recipe.toMs ?? VALID_TO_MS),
    ),
    name,
    spki,
    ...(recipe.uniqueId === undefined ? [] : [recipe.uniqueId]),
    ...(encoded.length === 0 ? [] : [der(0xa3, derSequence(...encoded))]),
  );
  const signature = recipe.sign?.(tbs) ?? sign(recipe.hash ?? 'sha256', tbs, issuer?.key ?? key);
  const bytes = derSequence(tbs, algorithm, derBitString(new Uint8Array(signature)));
  return { der: bytes, pem: formatPem('CERTIFICATE', bytes), key, name, keyId };
}

/** A CA: a root without an issuer. */
export function makeCa(recipe: Recipe = {}, issuer?: Made): Made {
  const subject = recipe.subject ?? (issuer === undefined ? 'Root' : 'Intermediate');
  return make({ ...recipe, subject }, issuer, {
    [ExtensionOid.basicConstraints]: caWith(),
    [ExtensionOid.keyUsage]: keyUsage('keyCertSign', 'cRLSign'),
  });
}

/** A TLS server's certificate for `host.example`. */
export function makeLeaf(issuer: Made, recipe: Recipe = {}): Made {
  return make({ subject: 'host.example', ...recipe }, issuer, {
    [ExtensionOid.keyUsage]: keyUsage('digitalSignature'),
    [ExtensionOid.extendedKeyUsage]: purposes(PurposeOid.serverAuth),
    [ExtensionOid.subjectAltName]: names(dns('host.example')),
  });
}

/** A CRL that is to be made by hand; see {@link makeCrl}. */
export interface CrlRecipe {
  /** Serial numbers, each with the name of another issuer if it is not the CRL's. A delta may remove them. */
  readonly entries?: readonly { readonly serial: Uint8Array; readonly issuer?: Uint8Array; readonly removed?: true }[];
  /** Contents of the issuing distribution point. */
  readonly point?: readonly Uint8Array[];
  readonly toMs?: number;
  readonly number?: number;
  /** Of a delta: the number of its complete CRL. */
  readonly base?: number;
  /** Of the authority key identifier, which is left out by default. */
  readonly keyId?: Uint8Array;
}

/** A CRL of `issuer`: a complete one with the number 1 by default. */
export function makeCrl(issuer: Made, recipe: CrlRecipe = {}): Uint8Array {
  const { entries = [], point, toMs = VALID_TO_MS, number = 1, base, keyId } = recipe;
  const extension = (oid: string, isCritical: boolean, value: Uint8Array): Uint8Array =>
    derSequence(derOid(oid), ...(isCritical ? [der(1, Uint8Array.of(0xff))] : []), der(4, value));
  const listed = entries.map(({ serial, issuer: other, removed }) =>
    derSequence(
      derUnsigned(serial),
      derTime(VALID_FROM_MS),
      ...(other === undefined
        ? []
        : [derSequence(extension(ExtensionOid.certificateIssuer, true, derSequence(directory(other))))]),
      ...(removed === true ? [derSequence(extension(ExtensionOid.crlReason, false, der(0x0a, Uint8Array.of(8))))] : []),
    ),
  );
  const extensions = [
    extension(ExtensionOid.crlNumber, false, derUnsigned(Uint8Array.of(number))),
    ...(base === undefined ? [] : [extension(ExtensionOid.deltaCrlIndicator, true, derUnsigned(Uint8Array.of(base)))]),
    ...(keyId === undefined
      ? []
      : [extension(ExtensionOid.authorityKeyIdentifier, false, derSequence(der(0x80, keyId)))]),
    ...(point === undefined ? [] : [extension(ExtensionOid.issuingDistributionPoint, true, derSequence(...point))]),
  ];
  const algorithm = derSequence(derOid(SIGNATURES.sha256));
  const tbs = derSequence(
    derUnsigned(Uint8Array.of(1)),
    algorithm,
    issuer.name,
    derTime(VALID_FROM_MS),
    derTime(toMs),
    ...(listed.length === 0 ? [] : [derSequence(...listed)]),
    der(0xa0, derSequence(...extensions)),
  );
  return derSequence(tbs, algorithm, derBitString(new Uint8Array(sign('sha256', tbs, issuer.key))));
}
