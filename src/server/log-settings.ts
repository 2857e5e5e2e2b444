import { cipherSuite } from '../core/crypto/cipher-suite.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import type { Configuration } from '../core/keytrans/configuration.ts';
import { parseDuration } from './settings/duration.ts';

/** The part of a log's Configuration that `init` decides for ever (KT §11.2). */
export interface LogSettings {
  readonly monitoringWindowMs: number;
  readonly maximumLifetimeMs?: number;
  /** The third-party auditor. If the log has one, clients refuse answers without its tree head. */
  readonly auditor?: {
    /** Its signature public key, base64. */
    readonly publicKey: string;
    /** Greatest age of the auditor's newest head, relative to the log, ms. */
    readonly maxLagMs: number;
    /** The first log entry that it audits. */
    readonly startPosition: number;
  };
}

/** The settings of a log that chooses none: a monitoring window of 6 h, no maximum lifetime, no auditor. */
export const DEFAULT_LOG_SETTINGS: LogSettings = { monitoringWindowMs: 6 * 3_600_000 };

/** Greatest distance of a log's rightmost timestamp from a client's clock, ahead and behind, ms. */
const MAX_AHEAD_MS = 60_000;
const MAX_BEHIND_MS = 600_000;
const AUDITOR_LAG_MS = 600_000;

/** The fields of a Configuration that only a log with an auditor has (KT §11.2). */
type AuditorFields = Pick<
  Extract<Configuration, { readonly mode: 'thirdPartyAuditing' }>,
  'mode' | 'maxAuditorLagMs' | 'auditorStartPosition' | 'auditorPublicKey'
>;

/** The options of `init` that make {@link LogSettings}. */
export interface LogFlags {
  readonly monitoringWindow?: string;
  readonly maximumLifetime?: string;
  readonly auditorKey?: string;
  readonly auditorLag?: string;
  readonly auditorStart?: string;
}

/** Parses the options of `init`. Throws `usage`. */
export function logSettings(flags: LogFlags): LogSettings {
  const monitoringWindowMs =
    flags.monitoringWindow === undefined
      ? DEFAULT_LOG_SETTINGS.monitoringWindowMs
      : parseDuration(flags.monitoringWindow);
  const maximumLifetimeMs = flags.maximumLifetime === undefined ? undefined : parseDuration(flags.maximumLifetime);
  const outlives =
    maximumLifetimeMs === undefined || (maximumLifetimeMs > monitoringWindowMs && maximumLifetimeMs > MAX_BEHIND_MS);
  ensure(
    outlives,
    'usage',
    'the maximum lifetime must be longer than the monitoring window and longer than 10 minutes',
  );
  const auditor = auditorSettings(flags);
  return {
    monitoringWindowMs,
    ...(maximumLifetimeMs === undefined ? {} : { maximumLifetimeMs }),
    ...(auditor === undefined ? {} : { auditor }),
  };
}

/** Throws `usage` if the log prunes the trees that prove a recovery's wait before the wait is over. */
export function assertOutlivesRecovery(
  { maximumLifetimeMs = Infinity }: LogSettings = DEFAULT_LOG_SETTINGS,
  recoveryDelayMs: number,
): void {
  const advice = 'give a longer --maximum-lifetime, or a shorter --recovery-delay';
  const message = `the log forgets a recovery before its delay is over, so that it could never take effect: ${advice}`;
  ensure(maximumLifetimeMs > recoveryDelayMs + MAX_BEHIND_MS, 'usage', message);
}

/** Parses the options that name an auditor; undefined if none does. Throws `usage`. */
export function auditorSettings(flags: LogFlags): LogSettings['auditor'] {
  const { auditorKey: publicKey, auditorLag: lag, auditorStart: start = '0' } = flags;
  if (publicKey === undefined) {
    const saysNothing = lag === undefined && flags.auditorStart === undefined;
    ensure(saysNothing, 'usage', '--auditor-lag and --auditor-start need --auditor-key');
    return undefined;
  }
  ensure(/^\d{1,15}$/.test(start), 'usage', '--auditor-start must be the number of a log entry');
  return {
    publicKey,
    maxLagMs: lag === undefined ? AUDITOR_LAG_MS : parseDuration(lag),
    startPosition: Number(start),
  };
}

/** Returns the Configuration of a log. Throws `bad-key` for an invalid auditor's key. */
export function configurationFrom(
  settings: LogSettings,
  keys: Pick<Configuration, 'cipherSuite' | 'signaturePublicKey' | 'vrfPublicKey'>,
): Configuration {
  const { monitoringWindowMs, maximumLifetimeMs, auditor } = settings;
  const common = {
    ...keys,
    maxAheadMs: MAX_AHEAD_MS,
    maxBehindMs: MAX_BEHIND_MS,
    reasonableMonitoringWindowMs: monitoringWindowMs,
    maximumLifetimeMs,
  };
  if (auditor === undefined) return { ...common, mode: 'contactMonitoring' };
  return { ...common, ...auditorFields(auditor, keys.cipherSuite) };
}

/**
 * Returns the auditor's fields of a Configuration with that cipher suite. Throws `bad-key` for an invalid key.
 */
export function auditorFields(auditor: NonNullable<LogSettings['auditor']>, suite: number): AuditorFields {
  const auditorPublicKey = readKey(auditor.publicKey);
  cipherSuite(suite).assertSignatureKey(auditorPublicKey);
  return {
    mode: 'thirdPartyAuditing',
    maxAuditorLagMs: auditor.maxLagMs,
    auditorStartPosition: auditor.startPosition,
    auditorPublicKey,
  };
}

function readKey(text: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (cause) {
    throw new GlasskeyError('bad-key', "the auditor's key is not base64", { cause });
  }
}
