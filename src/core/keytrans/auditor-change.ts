import { equalBytes } from '../encoding/bytes.ts';
import { encode } from '../encoding/codec.ts';
import { type Configuration, configurationCodec } from './configuration.ts';

/**
 * Encodes a Configuration without an auditor and its fields: the part that stays for the life of a log
 * (docs/spec.md#trust-bundle).
 */
export function lastingConfiguration(config: Configuration): Uint8Array {
  if (config.mode !== 'thirdPartyAuditing') return encode(configurationCodec, config);
  const { maxAuditorLagMs: _lag, auditorStartPosition: _start, auditorPublicKey: _key, ...lasting } = config;
  return encode(configurationCodec, { ...lasting, mode: 'contactMonitoring' });
}

/**
 * Returns true if a log with the Configuration `current` may change to `next`: the same Configuration, or one that adds
 * or replaces the third-party auditor. A log never loses its auditor, because its clients do not monitor the labels
 * that they look up.
 */
export function maySucceed(current: Configuration, next: Configuration): boolean {
  const keepsAuditor = current.mode !== 'thirdPartyAuditing' || next.mode === 'thirdPartyAuditing';
  return keepsAuditor && equalBytes(lastingConfiguration(current), lastingConfiguration(next));
}
