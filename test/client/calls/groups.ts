import { type MlsExporter, SframeGroup, type SframeGroupOptions } from '../../../src/client/calls/sframe-group.ts';
import { hmacSha256 } from '../../../src/core/crypto/hmac-sha256.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';

/** The exporter of a group in an epoch: different for each label, context and length. */
export function exporterOf(secret: string): MlsExporter {
  return async (label, context, length) => {
    const expand = hmacSha256(encodeUtf8(secret));
    const blocks = [0, 1].map((i) => expand(concatBytes(Uint8Array.of(i, length), encodeUtf8(label), context)));
    return concatBytes(...blocks).subarray(0, length);
  };
}

/** The devices of some members in one epoch, by leaf index. */
export async function groupOf(
  members: readonly number[],
  options: SframeGroupOptions = {},
  epoch = 5n,
): Promise<Map<number, SframeGroup>> {
  const devices = new Map<number, SframeGroup>();
  for (const own of members) {
    const group = new SframeGroup(options);
    await group.update({ epoch, exporter: exporterOf(`epoch ${epoch}`), members, own });
    devices.set(own, group);
  }
  return devices;
}
