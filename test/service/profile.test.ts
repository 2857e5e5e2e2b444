import { afterEach, expect, it } from 'vitest';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { PROFILES } from '../../src/ca/profile.ts';
import { LogService } from '../../src/service/log-service.ts';
import { openLog } from '../../src/service/open-log.ts';
import { csrFor, newDeviceKey } from '../support/owner.ts';
import { createTestLog, type TestLog } from '../support/test-log.ts';

let log: TestLog | undefined;
afterEach(async () => {
  await log?.close();
});

it('a profile decides what certificates say, and of which keys', async () => {
  log = await createTestLog({ loop: false });
  await log.service.stop();
  const service = new LogService(await openLog({ ...log.options, profile: PROFILES['e2ee-device'] }));
  await service.start();
  try {
    const order = async (algorithm: 'ed25519' | 'p384') => {
      const identity = `${algorithm}@example.com`;
      const csr = await csrFor(await newDeviceKey(algorithm), identity);
      return { identity, csr, token: log?.token, change: undefined, last: undefined };
    };
    const issued = await service.issue(await order('ed25519'));
    const { extendedKeyUsage, notBeforeMs, notAfterMs } = parseCertificate(issued.certificate);
    expect(extendedKeyUsage).toEqual(PROFILES['e2ee-device'].purposes);
    expect((notAfterMs - notBeforeMs) / 86_400_000).toBeCloseTo(90, 1);
    await expect(service.issue(await order('p384'))).rejects.toMatchObject({ code: 'weak-key' });
  } finally {
    await service.stop();
  }
});
