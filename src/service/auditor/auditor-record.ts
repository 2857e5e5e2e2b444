import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  optional,
  struct,
} from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { configurationCodec } from '../../core/keytrans/configuration.ts';
import { type AuditorTreeHead, auditorTreeHeadCodec, verifyAuditorTreeHead } from '../../core/keytrans/tree-head.ts';
import type { DurableFile } from '../log/durable-file.ts';

/** A head that the auditor has signed, with all that its signature is over. */
export interface SignedHead {
  readonly head: AuditorTreeHead;
  /** Root of the log tree of that size. */
  readonly logRoot: Uint8Array;
  /** The encoded Configuration. */
  readonly configuration: Uint8Array;
}

/** What an auditor remembers of its log. */
export interface AuditorRecord {
  /** What the audit goes on from. */
  readonly state: Uint8Array;
  /** The newest head that it has signed; undefined where what it verified was before its start. */
  readonly signed: SignedHead | undefined;
}

interface StoredRecord extends AuditorRecord {
  readonly format: 1;
}

const storedRecordCodec: Codec<StoredRecord> = struct<StoredRecord>({
  format: enumeration([1]),
  state: bytes(0, 0xff_ffff),
  signed: optional(
    struct<SignedHead>({ head: auditorTreeHeadCodec, logRoot: fixedBytes(32), configuration: bytes(0, 0xffff) }),
  ),
});

/**
 * Reads what an auditor wrote; undefined where it never wrote anything. Throws `storage-failed`, and `storage-corrupt` for
 * what it did not write whole: it then must not sign anything, since it does not know what it has signed.
 */
export async function readAuditorRecord(file: DurableFile): Promise<AuditorRecord | undefined> {
  const stored = await file.read();
  if (stored === undefined) return undefined;
  try {
    const { state, signed } = decode(storedRecordCodec, stored);
    ensure(state.length > 0, 'storage-corrupt', 'there is no state of the audit');
    if (signed !== undefined) assertSigned(signed);
    return { state, signed };
  } catch (cause) {
    throw new GlasskeyError('storage-corrupt', `${file.path} is not what this auditor has written`, { cause });
  }
}

/** Replaces what is remembered; returns once it would survive a crash. Throws `storage-failed`. */
export async function writeAuditorRecord(file: DurableFile, record: AuditorRecord): Promise<void> {
  await file.write(encode(storedRecordCodec, { format: 1, ...record }));
}

/** Throws `bad-signature` for a head that its Configuration's auditor did not sign. */
export function assertSigned({ configuration, head, logRoot }: SignedHead): void {
  verifyAuditorTreeHead(decode(configurationCodec, configuration), head, logRoot);
}
