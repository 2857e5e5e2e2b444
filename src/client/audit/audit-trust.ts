import { parsePolicy } from '../../core/audit/policy.ts';
import type { Policy } from '../../core/audit/policy-parts.ts';
import { parseVkey, type Vkey } from '../../core/audit/vkey.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { lastingConfiguration } from '../../core/keytrans/auditor-change.ts';
import { type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';

/** Most Configurations of one log that an audit knows; each change of an auditor's fields makes one. */
const MAX_CONFIGURATIONS = 255;

/** An auditor's trust: from a bundle and the ones that it succeeded. */
export interface AuditTrust {
  readonly origin: string;
  readonly vkeys: readonly Vkey[];
  readonly policy: Policy;
  /** Every Configuration that an entry of the log may name, that of the newest bundle first. */
  readonly configs: readonly Configuration[];
  /** The encoding of each of them. */
  readonly encodedConfigs: readonly Uint8Array[];
  /** SHA-256 of each encoding. */
  readonly configHashes: readonly Uint8Array[];
}

/**
 * Reads what an audit needs from a bundle and from the encoded Configurations of earlier bundles. These differ in an
 * auditor's fields, and older log entries name them. `assertSuccessor` has checked that the bundle succeeded theirs;
 * this function checks again that they are Configurations of the same log. Throws `bad-bundle`, `bad-policy`.
 */
export function readAuditTrust(bundle: TrustBundle, earlier: readonly Uint8Array[] = []): AuditTrust {
  try {
    const named = [bundle.keytransConfiguration, ...(bundle.earlierConfigurations ?? [])].map(parseBase64);
    const encoded = distinct([...named, ...earlier]).slice(0, MAX_CONFIGURATIONS);
    const configs = encoded.map((one) => decode(configurationCodec, one));
    const [lasting, ...others] = configs.map(lastingConfiguration);
    const areOfOneLog = others.every((one) => equalBytes(one, lasting ?? one));
    ensure(areOfOneLog, 'bad-bundle', 'the earlier Configurations are not of this log');
    return {
      origin: bundle.origin,
      vkeys: bundle.auditLogVkeys.map((vkey) => parseVkey(vkey)),
      policy: parsePolicy(bundle.witnessPolicy),
      configs,
      encodedConfigs: encoded,
      configHashes: encoded.map((one) => sha256(one)),
    };
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause.code === 'bad-policy') throw cause;
    throw new GlasskeyError('bad-bundle', `the trust bundle cannot be used: ${cause.message}`, { cause });
  }
}

/** Returns true for a log whose Configuration no bundle may replace: only an auditor's fields can change. */
export function hasFixedConfiguration({ configs }: AuditTrust): boolean {
  return configs.every(({ mode }) => mode !== 'thirdPartyAuditing');
}

function distinct(all: readonly Uint8Array[]): readonly Uint8Array[] {
  return all.filter((one, i) => all.findIndex((other) => equalBytes(one, other)) === i);
}
