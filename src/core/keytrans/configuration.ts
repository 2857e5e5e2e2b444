import { bytes, type Codec, enumeration, optional, uint16, uint64 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';

/** The deployment modes of a log (KT §11.2). */
export const DEPLOYMENT_MODES = { contactMonitoring: 1, thirdPartyManagement: 2, thirdPartyAuditing: 3 } as const;

interface CommonConfiguration {
  /** KT §17.1. */
  readonly cipherSuite: number;
  readonly signaturePublicKey: Uint8Array;
  readonly vrfPublicKey: Uint8Array;
  /** The greatest lead, in ms, of the rightmost timestamp over a client's clock. */
  readonly maxAheadMs: number;
  /** The greatest lag, in ms, of the rightmost timestamp behind a client's clock. */
  readonly maxBehindMs: number;
  readonly reasonableMonitoringWindowMs: number;
  readonly maximumLifetimeMs: number | undefined;
}

/** The fields specific to one deployment mode. */
type ModeConfiguration =
  | { readonly mode: 'contactMonitoring' }
  | { readonly mode: 'thirdPartyManagement'; readonly leafPublicKey: Uint8Array }
  | {
      readonly mode: 'thirdPartyAuditing';
      readonly maxAuditorLagMs: number;
      readonly auditorStartPosition: number;
      readonly auditorPublicKey: Uint8Array;
    };

/** The long-term parameters of a log, covered by every tree-head signature (KT §11.2). */
export type Configuration = CommonConfiguration & ModeConfiguration;

const publicKeyCodec = bytes(0, 0xffff);
const modeCodec = enumeration([1, 2, 3]);
const lifetimeCodec = optional(uint64);

/** `Configuration` (KT §11.2); `leaf_public_key` exists only in third-party management. */
export const configurationCodec: Codec<Configuration> = {
  write: (writer, config) => {
    uint16.write(writer, config.cipherSuite);
    modeCodec.write(writer, DEPLOYMENT_MODES[config.mode]);
    publicKeyCodec.write(writer, config.signaturePublicKey);
    publicKeyCodec.write(writer, config.vrfPublicKey);
    if (config.mode === 'thirdPartyManagement') publicKeyCodec.write(writer, config.leafPublicKey);
    if (config.mode === 'thirdPartyAuditing') {
      uint64.write(writer, config.maxAuditorLagMs);
      uint64.write(writer, config.auditorStartPosition);
      publicKeyCodec.write(writer, config.auditorPublicKey);
    }
    uint64.write(writer, config.maxAheadMs);
    uint64.write(writer, config.maxBehindMs);
    uint64.write(writer, config.reasonableMonitoringWindowMs);
    lifetimeCodec.write(writer, config.maximumLifetimeMs);
  },
  read: (reader) => {
    const cipherSuite = uint16.read(reader);
    const mode = modeCodec.read(reader);
    const signaturePublicKey = publicKeyCodec.read(reader);
    const vrfPublicKey = publicKeyCodec.read(reader);
    const modeFields: ModeConfiguration =
      mode === 1
        ? { mode: 'contactMonitoring' }
        : mode === 2
          ? { mode: 'thirdPartyManagement', leafPublicKey: publicKeyCodec.read(reader) }
          : {
              mode: 'thirdPartyAuditing',
              maxAuditorLagMs: uint64.read(reader),
              auditorStartPosition: uint64.read(reader),
              auditorPublicKey: publicKeyCodec.read(reader),
            };
    return {
      cipherSuite,
      signaturePublicKey,
      vrfPublicKey,
      maxAheadMs: uint64.read(reader),
      maxBehindMs: uint64.read(reader),
      reasonableMonitoringWindowMs: uint64.read(reader),
      maximumLifetimeMs: lifetimeCodec.read(reader),
      ...modeFields,
    };
  },
};

/**
 * Checks that log entries outlive the monitoring window (KT §7.1). Otherwise every distinguished entry may have
 * expired, and nothing is left for owners and contacts to check. Throws `value-out-of-range`.
 */
export function assertLifetime({
  maximumLifetimeMs,
  reasonableMonitoringWindowMs,
}: Pick<Configuration, 'maximumLifetimeMs' | 'reasonableMonitoringWindowMs'>): void {
  const outlives = maximumLifetimeMs === undefined || maximumLifetimeMs > reasonableMonitoringWindowMs;
  ensure(outlives, 'value-out-of-range', 'the maximum lifetime is not above the monitoring window');
}
