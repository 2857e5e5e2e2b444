import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { parseRawExtensions } from '../certificate-extensions.ts';
import { type DerReader, readSingle } from '../der-reader.ts';
import { readOctetAlignedBits, readSmallUnsigned, readTime, readUnsigned } from '../der-values.ts';
import { ExtensionOid } from '../oids.ts';
import { parseSignatureAlgorithm, type SignatureAlgorithm } from '../signature-algorithm.ts';
import { withCode } from '../with-code.ts';
import { parseRelativeNames, type RelativeNames } from './relative-names.ts';

/** A complete CRL as it was read (RFC 5280 §5.1). Nothing of it is verified. */
export interface ParsedCrl {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly issuer: RelativeNames;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Serial numbers, lower-case hex as in `ParsedCertificate.serial`. */
  readonly revoked: ReadonlySet<string>;
  readonly authorityKeyId: Uint8Array | undefined;
}

const MAX_CRL_BYTES = 16 * 2 ** 20 - 1;
const MAX_SERIAL_BYTES = 20;
const EXTENSIONS = 0xa0;

/**
 * Reads a DER CRL (untrusted): version 2, complete and for all certificates of its issuer, with a CRL number and the time of
 * the next. Throws `bad-certificate`; also for deltas and partitions, which say nothing of what is not on them.
 */
export function parseCrl(der: Uint8Array): ParsedCrl {
  return withCode('bad-certificate', 'CRL', () => {
    ensure(der.length <= MAX_CRL_BYTES, 'bad-certificate', 'CRL too large');
    const outer = readSingle(der).values;
    const tbs = outer.read(0x30);
    const algorithm = outer.read(0x30);
    const signature = readOctetAlignedBits(outer);
    outer.end();
    const reader = tbs.values;
    if (readSmallUnsigned(reader) !== 1) throw decodeError('not a version 2 CRL');
    if (!equalBytes(reader.read(0x30).raw, algorithm.raw)) throw decodeError('two different signature algorithms');
    const issuer = parseRelativeNames(reader.read(0x30).raw);
    const thisUpdateMs = readTime(reader);
    const nextUpdateMs = readTime(reader);
    const revoked = reader.nextTag === 0x30 ? readRevoked(reader.enter()) : new Set<string>();
    const authorityKeyId = readExtensions(reader.enter(EXTENSIONS));
    reader.end();
    const signatureAlgorithm = parseSignatureAlgorithm(algorithm.raw);
    return { tbs: tbs.raw, signatureAlgorithm, signature, issuer, thisUpdateMs, nextUpdateMs, revoked, authorityKeyId };
  });
}

function readRevoked(entries: DerReader): ReadonlySet<string> {
  const revoked = new Set<string>();
  while (!entries.done) {
    const entry = entries.enter();
    revoked.add(formatHex(readUnsigned(entry, MAX_SERIAL_BYTES)));
    readTime(entry);
    const extensions = entry.done ? [] : parseRawExtensions(entry.read(0x30).raw);
    entry.end();
    // An entry extension that is critical may mean another issuer's certificate (RFC 5280 §5.3).
    if (extensions.some(({ critical }) => critical)) throw decodeError('a CRL entry with a critical extension');
  }
  return revoked;
}

/** Holds the extensions to RFC 5280 §5.2; gives the key identifier of the issuer. */
function readExtensions(reader: DerReader): Uint8Array | undefined {
  const extensions = parseRawExtensions(reader.read(0x30).raw);
  reader.end();
  const critical = extensions.find((one) => one.critical);
  if (critical !== undefined) throw decodeError(`critical CRL extension ${critical.oid} is not processed`);
  const valueOf = (oid: string): Uint8Array | undefined => extensions.find((one) => one.oid === oid)?.value;
  if (valueOf(ExtensionOid.crlNumber) === undefined) throw decodeError('a CRL without a number');
  const authority = valueOf(ExtensionOid.authorityKeyIdentifier);
  return authority === undefined ? undefined : readSingle(authority).values.optional(0x80)?.content;
}
