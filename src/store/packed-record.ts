import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type SQL, sql, type SQLWrapper } from 'drizzle-orm';
import { RECORD_DICTIONARY } from './record-dictionary.ts';

/*
 * The column `versions.value` has a record as the log commits to it, or, from format 2 on, packed:
 *
 *   uint8   0           no record begins like this: each begins with the number of its format, from 1 on
 *   uint8   1           number of the dictionary
 *   uint16  length of the record
 *   raw DEFLATE (RFC 1951) of the record, with the dictionary
 */
const PACKED = 0;
const DICTIONARY = 1;
const HEADER_LENGTH = 4;
const MAX_LENGTH = 0xffff;
/** Most bytes that DEFLATE adds to what it cannot shorten. */
const MAX_OVERHEAD = 64;
/** A window of 4 KB and little memory: records and dictionary are short, and zlib clears what it is given. */
const OPTIONS = { dictionary: RECORD_DICTIONARY, windowBits: 12, memLevel: 5, level: 9 };

/** Returns a record as its row has it: packed where that is shorter. */
export function packRecord(record: Uint8Array): Uint8Array {
  if (record.length > MAX_LENGTH) return record;
  const deflated = deflateRawSync(record, OPTIONS);
  if (HEADER_LENGTH + deflated.length >= record.length && record[0] !== PACKED) return record;
  const packed = new Uint8Array(HEADER_LENGTH + deflated.length);
  packed.set([PACKED, DICTIONARY, record.length >> 8, record.length & 0xff]);
  packed.set(deflated, HEADER_LENGTH);
  return packed;
}

/**
 * Returns the record of a row, packed or not; undefined if it was erased. Damaged bytes are returned as they are: who
 * reads a record compares it with its commitment, and one damaged row must not fail the others of a statement.
 */
export function unpackRecord(stored: Uint8Array | null): Uint8Array | undefined {
  if (stored === null) return undefined;
  if (stored[0] !== PACKED || stored[1] !== DICTIONARY || stored.length < HEADER_LENGTH) return stored;
  const length = ((stored[2] as number) << 8) | (stored[3] as number);
  // Blocks without content could be of any number.
  if (stored.length > HEADER_LENGTH + length + MAX_OVERHEAD) return stored;
  try {
    const options = { dictionary: RECORD_DICTIONARY, windowBits: OPTIONS.windowBits, maxOutputLength: length + 1 };
    const record = inflateRawSync(stored.subarray(HEADER_LENGTH), options);
    // A copy: zlib's buffer is much larger.
    return record.length === length ? new Uint8Array(record) : stored;
  } catch {
    return stored;
  }
}

/** Returns a row of `versions` with its record unpacked. */
export function withRecord<Row extends { readonly value: Uint8Array | undefined }>(row: Row): Row {
  return row.value === undefined ? row : { ...row, value: unpackRecord(row.value) };
}

/**
 * The length of a record of this column, unpacked; 0 if it was erased. A row that says less than it has counts by
 * what it has. The database reads the beginning of a row alone.
 */
export function recordLength(column: SQLWrapper): SQL<number> {
  const stored = sql`octet_length(${column})`;
  const head = sql`substring(${column} from 1 for ${sql.raw(String(HEADER_LENGTH))})`;
  const unpacked = sql`get_byte(${head}, 2) * 256 + get_byte(${head}, 3)`;
  return sql<number>`coalesce(case when ${stored} < ${sql.raw(String(HEADER_LENGTH))} then ${stored}
    when substring(${column} from 1 for 2) = '\\x0001'::bytea then greatest(${unpacked}, ${stored})
    else ${stored} end, 0)`;
}
