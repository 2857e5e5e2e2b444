import { ByteWriter } from '../encoding/byte-writer.ts';
import { equalBytes, parseHex } from '../encoding/bytes.ts';
import { fixedBytes, uint32 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { type UpdateValue, updateValueCodec } from '../keytrans/messages.ts';
import { labelCodec } from '../keytrans/vrf-input.ts';
import { hmacSha256 } from './hmac-sha256.ts';

/** Kc (KT §17.1). */
const COMMITMENT_KEY = parseHex('d821f8790d97709796b4d7903357c3f5');
const commitmentMac = hmacSha256(COMMITMENT_KEY);

/** Nc (KT §17.1): bytes in an opening. */
export const OPENING_LENGTH = 16;

/** `CommitmentValue` (KT §11.6). */
export interface CommitmentValue {
  /** {@link OPENING_LENGTH} random bytes. */
  readonly opening: Uint8Array;
  readonly label: Uint8Array;
  readonly version: number;
  readonly update: UpdateValue;
}

const openingCodec = fixedBytes(OPENING_LENGTH);

/** Encodes a `CommitmentValue` (KT §11.6). Throws `value-out-of-range`. */
export function encodeCommitmentValue(value: CommitmentValue): Uint8Array {
  const mode = value.update.signature === undefined ? 'contactMonitoring' : 'thirdPartyManagement';
  const writer = new ByteWriter();
  openingCodec.write(writer, value.opening);
  labelCodec.write(writer, value.label);
  uint32.write(writer, value.version);
  updateValueCodec(mode).write(writer, value.update);
  return writer.finish();
}

/** Computes the 32-byte commitment to a version of a label (KT §11.6). */
export function commit(value: CommitmentValue): Uint8Array {
  return commitmentMac(encodeCommitmentValue(value));
}

/** Throws `bad-commitment` unless the untrusted `value` opens `commitment`. */
export function verifyCommitment(commitment: Uint8Array, value: CommitmentValue): void {
  ensure(equalBytes(commit(value), commitment), 'bad-commitment', 'the value does not open its commitment');
}
