import { cipherSuite } from '../crypto/cipher-suite.ts';
import { bytes, encode, struct, uint32 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { type Configuration, configurationCodec } from './configuration.ts';
import type { UpdateValue } from './messages.ts';
import { labelCodec } from './vrf-input.ts';

const updateTbsCodec = struct<{ config: Configuration; label: Uint8Array; version: number; value: Uint8Array }>({
  config: configurationCodec,
  label: labelCodec,
  version: uint32,
  value: bytes(0, 0xffff_ffff),
});

/** Encodes `UpdateTBS` (KT §11.5), which the Service Operator signs for a new version in third-party management. */
export function encodeUpdateTbs(
  config: Configuration,
  label: Uint8Array,
  version: number,
  value: Uint8Array,
): Uint8Array {
  return encode(updateTbsCodec, { config, label, version, value });
}

/**
 * Verifies an untrusted UpdateValue of one version of a label (KT §11.5). In third-party management it must have the
 * Service Operator's signature; in the other modes it must have none. Throws `bad-signature`.
 */
export function verifyUpdateValue(
  config: Configuration,
  label: Uint8Array,
  version: number,
  update: UpdateValue,
): void {
  const { value, signature } = update;
  if (config.mode !== 'thirdPartyManagement') {
    ensure(signature === undefined, 'bad-signature', 'an update is signed in a mode without signed updates');
    return;
  }
  ensure(signature !== undefined, 'bad-signature', 'an update is not signed');
  const message = encodeUpdateTbs(config, label, version, value);
  cipherSuite(config.cipherSuite).verifySignature(config.leafPublicKey, message, signature);
}
