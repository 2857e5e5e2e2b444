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

/** A head that the auditor has signed, with everything that the signature covers. */
export interface SignedHead {
  readonly head: AuditorTreeHead;
  /** The root of the log tree of that size. */
  readonly logRoot: Uint8Array;
  /** The encoded Configuration. */
  readonly configuration: Uint8Array;
}

/** An auditor's memory of its log. */
export interface AuditorRecord {
  /** The state from which the audit continues. */
  readonly state: Uint8Array;
  /** The newest head that it has signed; undefined while the log has not passed the auditor's start position. */
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
 * Reads an auditor's record; undefined if it never wrote one. Throws `storage-failed`, and `storage-corrupt` if the
 * file is damaged or foreign. The auditor then must not sign: it does not know what it has signed.
 */
export async function readAuditorRecord(file: DurableFile): Promise<AuditorRecord | undefined> {
  const stored = await file.read();
  if (stored === undefined) return undefined;
  try {
    const { state, signed } = decode(storedRecordCodec, stored);
    ensure(state.length > 0, 'storage-corrupt', 'the record has no state of the audit');
    if (signed !== undefined) assertSigned(signed);
    return { state, signed };
  } catch (cause) {
    throw new GlasskeyError('storage-corrupt', `${file.path} was not written by this auditor, or is damaged`, {
      cause,
    });
  }
}

/** Replaces the record; returns once it is durable. Throws `storage-failed`. */
export async function writeAuditorRecord(file: DurableFile, record: AuditorRecord): Promise<void> {
  await file.write(encode(storedRecordCodec, { format: 1, ...record }));
}

/** Throws `bad-signature` if the auditor of the Configuration did not sign the head. */
export function assertSigned({ configuration, head, logRoot }: SignedHead): void {
  verifyAuditorTreeHead(decode(configurationCodec, configuration), head, logRoot);
}
