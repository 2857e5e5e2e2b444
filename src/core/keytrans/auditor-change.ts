import { equalBytes } from '../encoding/bytes.ts';
import { encode } from '../encoding/codec.ts';
import { type Configuration, configurationCodec } from './configuration.ts';

/** The encoding of a Configuration without an auditor and its fields: all that stays for the life of a log (DESIGN §4). */
export function lastingConfiguration(config: Configuration): Uint8Array {
  if (config.mode !== 'thirdPartyAuditing') return encode(configurationCodec, config);
  const { maxAuditorLagMs: _lag, auditorStartPosition: _start, auditorPublicKey: _key, ...lasting } = config;
  return encode(configurationCodec, { ...lasting, mode: 'contactMonitoring' });
}

/**
 * Whether a log with the Configuration `current` may get `next`: the same, or with another third-party auditor, or with one
 * where there was none. A log never loses its auditor: its clients do not monitor what they look up.
 */
export function maySucceed(current: Configuration, next: Configuration): boolean {
  const keepsAuditor = current.mode !== 'thirdPartyAuditing' || next.mode === 'thirdPartyAuditing';
  return keepsAuditor && equalBytes(lastingConfiguration(current), lastingConfiguration(next));
}
