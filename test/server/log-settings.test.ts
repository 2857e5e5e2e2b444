import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initialise } from '../../src/server/init.ts';
import { parseDuration } from '../../src/server/settings/duration.ts';
import {
  assertOutlivesRecovery,
  configurationFrom,
  DEFAULT_LOG_SETTINGS,
  logSettings,
} from '../../src/server/log-settings.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';

const HOUR_MS = 3_600_000;

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['15s', 15_000],
    ['30m', 1_800_000],
    ['6h', 6 * HOUR_MS],
    ['90d', 90 * 24 * HOUR_MS],
  ])('%s', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(['', '6', 'h', '6 h', '-6h', '0s', '1.5h', '6H', '1w', '999999999999d'])('is not "%s"', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('settings of a log', () => {
  it('are the defaults where nothing is said', () => {
    expect(logSettings({})).toEqual(DEFAULT_LOG_SETTINGS);
  });

  it('are what is said', async () => {
    const auditor = signerFromKey(await createKey('ed25519'));
    const settings = logSettings({
      monitoringWindow: '1h',
      maximumLifetime: '90d',
      auditorKey: formatBase64(auditor.publicKey),
      auditorLag: '5m',
      auditorStart: '17',
    });
    const keys = { cipherSuite: 2, signaturePublicKey: new Uint8Array(32), vrfPublicKey: new Uint8Array(32) };
    expect(configurationFrom(settings, keys)).toEqual({
      ...keys,
      mode: 'thirdPartyAuditing',
      maxAheadMs: 60_000,
      maxBehindMs: 600_000,
      reasonableMonitoringWindowMs: HOUR_MS,
      maximumLifetimeMs: 90 * 24 * HOUR_MS,
      maxAuditorLagMs: 300_000,
      auditorStartPosition: 17,
      auditorPublicKey: auditor.publicKey,
    });
    expect(configurationFrom(DEFAULT_LOG_SETTINGS, keys)).toMatchObject({ mode: 'contactMonitoring' });
  });

  it.each([
    { maximumLifetime: '6h' },
    { maximumLifetime: '5m', monitoringWindow: '1m' },
    { monitoringWindow: '2h', maximumLifetime: '1h' },
    { auditorLag: '1m' },
    { auditorStart: '1' },
    { auditorKey: 'AA==', auditorStart: '-1' },
    { auditorKey: 'AA==', auditorStart: '1e3' },
    { monitoringWindow: 'always' },
  ])('cannot be %o', (flags) => {
    expect(() => logSettings(flags)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('let no auditor of a new log start after entries that nobody has', async () => {
    const { publicKey } = signerFromKey(await createKey('ed25519'));
    const auditor = { publicKey: formatBase64(publicKey), maxLagMs: 60_000, startPosition: 1 };
    const data = join(tmpdir(), `glasskey-none-${process.pid}`);
    const kinds = { suite: 'ed25519', caKey: 'p256', origin: 'log.example', publicUrl: undefined, dev: false } as const;
    const log = { ...DEFAULT_LOG_SETTINGS, auditor };
    const made = initialise({ data, ...kinds, log, nowMs: Date.now() });
    await expect(made).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('at entry 1') });
    expect(existsSync(data)).toBe(false);
  });

  it('outlive the delay of a recovery, whose wait could not be proved otherwise', async () => {
    const data = join(tmpdir(), `glasskey-short-${process.pid}`);
    const kinds = { suite: 'ed25519', caKey: 'p256', origin: 'log.example', publicUrl: undefined, dev: false } as const;
    const log = { ...DEFAULT_LOG_SETTINGS, maximumLifetimeMs: 7 * 24 * HOUR_MS };
    await expect(initialise({ data, ...kinds, log, nowMs: Date.now() })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('--recovery-delay'),
    });
    expect(existsSync(data)).toBe(false);
    expect(() => assertOutlivesRecovery(log, HOUR_MS)).not.toThrow();
    expect(() => assertOutlivesRecovery(DEFAULT_LOG_SETTINGS, 365 * 24 * HOUR_MS)).not.toThrow();
  });

  it('name no auditor whose key is none', () => {
    const keys = { cipherSuite: 2, signaturePublicKey: new Uint8Array(32), vrfPublicKey: new Uint8Array(32) };
    for (const auditorKey of [formatBase64(new Uint8Array(32)), 'AA==', 'no key']) {
      const settings = logSettings({ auditorKey });
      expect(() => configurationFrom(settings, keys)).toThrow(expect.objectContaining({ code: 'bad-key' }));
    }
  });
});
