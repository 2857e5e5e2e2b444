import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { DEFAULT_PROFILE, PROFILES } from '../../../src/ca/profile.ts';
import { oneProfile, type ProfileTable } from '../../../src/service/log/profile-table.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import type { LoggedCertificate } from '../../../src/service/issuance/requests.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

let log: TestLog;
let service: LogService;
beforeEach(async () => {
  log = await createTestLog({ loop: false });
  await log.service.stop();
});
afterEach(async () => {
  await service.stop();
  await log.close();
});

async function serve(profiles: ProfileTable): Promise<void> {
  service = new LogService(await openLog({ ...log.options, profiles }));
  await service.start();
}

async function issue(identity: string, algorithm: 'ed25519' | 'p384' = 'ed25519'): Promise<LoggedCertificate> {
  const csr = await csrFor(await newDeviceKey(algorithm), identity);
  return service.issue({ identity, csr, token: log.token, change: undefined, last: undefined });
}

describe('a profile', () => {
  it('decides what certificates say, and of which keys', async () => {
    await serve(oneProfile(PROFILES['e2ee-device']));
    const { extendedKeyUsage, notBeforeMs, notAfterMs } = parseCertificate((await issue('a@example.com')).certificate);
    expect(extendedKeyUsage).toEqual(PROFILES['e2ee-device'].purposes);
    expect((notAfterMs - notBeforeMs) / 86_400_000).toBeCloseTo(90, 1);
    await expect(issue('b@example.com', 'p384')).rejects.toMatchObject({ code: 'weak-key' });
  });

  it('decides about the key of a recovery, before it is pending', async () => {
    await serve(oneProfile(PROFILES['e2ee-device']));
    await issue('lost@example.com');
    const recover = async (algorithm: 'ed25519' | 'p384') => {
      const csr = await csrFor(await newDeviceKey(algorithm), 'lost@example.com');
      return service.recover({ identity: 'lost@example.com', csr, token: log.token, last: undefined });
    };
    await expect(recover('p384')).rejects.toMatchObject({ code: 'weak-key' });
    expect(await recover('ed25519')).toMatchObject({ state: 'pending' });
  });

  it('is the first that is about the identity; without any, nothing is certified', async () => {
    const extensions = [{ oid: '1.3.6.1.4.1.99999.1', value: Uint8Array.of(0x0c, 1, 0x61) }];
    await serve([
      { identities: 'email', domains: ['b.example'], profile: PROFILES['s-mime'] },
      { identities: 'email', domains: undefined, profile: { ...PROFILES.mls, extensions } },
    ]);
    const purposes = async (identity: string, algorithm: 'ed25519' | 'p384') =>
      parseCertificate((await issue(identity, algorithm)).certificate).extendedKeyUsage;
    expect(await purposes('a@b.example', 'p384')).toEqual(PROFILES['s-mime'].purposes);
    expect(await purposes('a@example.com', 'ed25519')).toEqual(PROFILES.mls.purposes);
    await expect(issue('c@b.example', 'ed25519')).rejects.toMatchObject({ code: 'weak-key' });
    await expect(issue('tel:+15551234567')).rejects.toMatchObject({ code: 'forbidden' });
    const { rawExtensions } = parseCertificate((await issue('d@example.com')).certificate);
    expect(rawExtensions).toContainEqual({ ...extensions[0], critical: false });
  });

  it('may say more, which clients accept', async () => {
    const extensions = [{ oid: '1.3.6.1.4.1.99999.1', value: Uint8Array.of(5, 0) }];
    await serve(oneProfile({ ...DEFAULT_PROFILE, extensions }));
    expect(parseCertificate((await issue('e@example.com')).certificate).unknownCritical).toEqual([]);
  });
});
