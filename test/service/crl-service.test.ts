import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csrFor, newDeviceKey } from '../support/owner.ts';
import { createTestLog, type TestLog } from '../support/test-log.ts';

const HOUR_MS = 3_600_000;
let log: TestLog;
beforeAll(async () => {
  log = await createTestLog();
});
afterAll(async () => {
  await log.close();
});

describe('the CRL', () => {
  it('is signed once, until something is revoked or half of its validity has passed', async () => {
    const { crl } = log.service;
    const [first, same] = await Promise.all([crl.current(), crl.current()]);
    expect(same).toBe(first);
    log.clock.advance(HOUR_MS);
    expect(await crl.current()).toBe(first);
    const identity = 'alice@example.com';
    const csr = await csrFor(await newDeviceKey(), identity);
    const asked = { identity, token: log.token, change: undefined, last: undefined };
    const { serial } = await log.service.issue({ ...asked, csr });
    await log.service.revoke({ ...asked, serials: [serial], reason: 1 });
    log.clock.advance(5_000);
    const second = await crl.current();
    expect(second.number).toBeGreaterThan(first.number);
    expect(Buffer.from(second.der).toString('hex')).toContain(serial);
    log.clock.advance(13 * HOUR_MS);
    const third = await crl.current();
    expect(third.number).toBeGreaterThan(second.number);
    expect(third.nextUpdateMs).toBe(third.thisUpdateMs + log.context.limits.crlValidityMs);
  });
});
