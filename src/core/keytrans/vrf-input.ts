import { bytes, type Codec, encode, struct, uint32 } from '../encoding/codec.ts';

/** A label: 0 to 255 bytes (KT §11.7). */
export const labelCodec: Codec<Uint8Array> = bytes(0, 0xff);

/** `VrfInput` (KT §11.7). */
export interface VrfInput {
  readonly label: Uint8Array;
  /** 0..2^32-1. */
  readonly version: number;
}

export const vrfInputCodec: Codec<VrfInput> = struct<VrfInput>({ label: labelCodec, version: uint32 });

/** Encodes the VRF's alpha string for one version of a label (KT §11.7). Throws `value-out-of-range`. */
export function encodeVrfInput(label: Uint8Array, version: number): Uint8Array {
  return encode(vrfInputCodec, { label, version });
}
