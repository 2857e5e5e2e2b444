import { parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { Issuer } from './authority.ts';
import { DerTag } from './der/der-reader.ts';
import { type CrlEntry, encodeCrlEntries } from './crl-entries.ts';
import { der, derBitString, derSequence, derTime, derUnsigned } from './der/der-writer.ts';
import { encodeAuthorityKeyId, encodeExtension, encodeFullName } from './extension-writer.ts';
import { ExtensionOid } from './der/oids.ts';
import { encodeSignatureAlgorithm } from './signature-algorithm.ts';

/** The contents of one CRL. */
export interface CrlContent {
  /** Rises from one CRL to the next. */
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly entries: readonly CrlEntry[];
  /** The part of the issuer's certificates that the CRL covers. Default: all. */
  readonly scope?: CrlScope | undefined;
  /** For a delta: number of the complete CRL that it lists changes since (§5.2.4). Default: the CRL is complete. */
  readonly baseNumber?: number | undefined;
}

/** The part of an issuer's certificates that name this URL as their CRL distribution point. */
export interface CrlScope {
  readonly url: string;
  /** URL of the delta to a complete CRL. */
  readonly deltaUrl: string;
}

const VERSION_2 = der(DerTag.integer, Uint8Array.of(1));

/**
 * Signs a CRL of `issuer` (RFC 5280 §5.1), complete or a delta, with CRL number and AKI. A CRL with a scope names its
 * scope (§5.2.5) and, if complete, the URL of its delta (§5.2.6). Throws `value-out-of-range`.
 */
export async function createCrl(issuer: Issuer, content: CrlContent): Promise<Uint8Array> {
  const { number, thisUpdateMs, nextUpdateMs, entries, baseNumber } = content;
  ensure(Number.isSafeInteger(number) && number >= 0, 'value-out-of-range', 'a CRL number must not be negative');
  ensure(nextUpdateMs > thisUpdateMs, 'value-out-of-range', 'the next CRL must come later than this one');
  const isRemoving = entries.some(({ reason }) => reason === 'removeFromCRL');
  ensure(baseNumber !== undefined || !isRemoving, 'value-out-of-range', 'only a delta can remove entries');
  const algorithm = encodeSignatureAlgorithm(issuer.signer.algorithm);
  const tbs = derSequence(
    VERSION_2,
    algorithm,
    issuer.certificate.subject.der,
    derTime(thisUpdateMs),
    derTime(nextUpdateMs),
    ...(entries.length === 0 ? [] : [encodeCrlEntries(entries)]),
    der(0xa0, derSequence(encodeAuthorityKeyId(issuer.keyId), ...encodeExtensions(content))),
  );
  return derSequence(tbs, algorithm, derBitString(await issuer.signer.sign(tbs)));
}

function encodeExtensions({ number, scope, baseNumber }: CrlContent): Uint8Array[] {
  const extensions = [encodeExtension(ExtensionOid.crlNumber, false, encodeNumber(number))];
  if (baseNumber !== undefined) {
    ensure(baseNumber <= number, 'value-out-of-range', 'a delta must not be older than its base');
    extensions.push(encodeExtension(ExtensionOid.deltaCrlIndicator, true, encodeNumber(baseNumber)));
  }
  if (scope === undefined) return extensions;
  // DistributionPointName in its explicit tag; onlyContainsUserCerts.
  const point = derSequence(der(0xa0, encodeFullName(scope.url)), der(0x81, Uint8Array.of(0xff)));
  extensions.push(encodeExtension(ExtensionOid.issuingDistributionPoint, true, point));
  if (baseNumber === undefined) {
    const freshest = derSequence(derSequence(der(0xa0, encodeFullName(scope.deltaUrl))));
    extensions.push(encodeExtension(ExtensionOid.freshestCrl, false, freshest));
  }
  return extensions;
}

function encodeNumber(number: number): Uint8Array {
  return derUnsigned(parseHex(number.toString(16).padStart(14, '0')));
}
