import { derOid } from '../../ca/der/der-writer.ts';
import { KeyOid } from '../../ca/der/oids.ts';
import { ensure } from '../../core/errors.ts';
import type { CsrParser } from '../threads/threaded-csr-parser.ts';

const ML_DSA_OIDS = [KeyOid.mlDsa44, KeyOid.mlDsa65].map((oid) => Buffer.from(derOid(oid)));

/**
 * Returns a parser that refuses every request with ML-DSA while the log does not require it of its clients. No such key
 * would be certified, and to verify one signature takes as long as many of the others: nobody shall have it done in
 * vain, before anything of the request is authenticated. The parser throws `weak-key` too.
 */
export function readableCsrParser(parse: CsrParser, allowsMlDsa: () => boolean): CsrParser {
  return async (der) => {
    const bytes = Buffer.from(der.buffer, der.byteOffset, der.length);
    const isReadable = allowsMlDsa() || !ML_DSA_OIDS.some((oid) => bytes.includes(oid));
    ensure(isReadable, 'weak-key', 'this log certifies no ML-DSA keys');
    return parse(der);
  };
}
