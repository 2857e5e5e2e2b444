import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { equalBytes } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import type { CertificateOrder } from '../../../src/service/issuance/requests.ts';
import { checkInvariants } from '../../support/invariants.ts';
import {
  csrFor,
  type DeviceKey,
  identityOf,
  keysOf,
  newDeviceKey,
  provedVersion,
  seenVersion,
  signChange,
} from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const ALICE = 'alice@example.com';
const DAY_MS = 86_400_000;

let log: TestLog;
beforeEach(async () => {
  log = await createTestLog();
});
afterEach(async () => {
  await log.close();
});

/** An order with an application token. */
async function order(
  key: DeviceKey,
  identity = ALICE,
  more: Partial<CertificateOrder> = {},
): Promise<CertificateOrder> {
  return { identity, csr: await csrFor(key, identity), token: log.token, change: undefined, last: undefined, ...more };
}

function signatures(): number {
  return log.events.filter(({ type }) => type === 'signed').length;
}

async function check(...identities: string[]): Promise<void> {
  await checkInvariants(
    log.context,
    identities.map((text) => identityOf(text).label),
  );
}

describe('a first registration', () => {
  it('answers with a certificate that is in the released log', async () => {
    const key = await newDeviceKey('p256');
    const issued = await log.service.issue(await order(key));
    expect(issued).toMatchObject({ identity: ALICE, version: 0, position: 1, treeSize: 2 });
    const certificate = parseCertificate(issued.certificate);
    expect(certificate.sans.email).toEqual([ALICE]);
    expect(certificate.serial).toBe(issued.serial);
    expect(equalBytes(certificate.spki, key.spki)).toBe(true);
    const { record } = provedVersion(ALICE, issued, log);
    expect(record.certificates).toEqual([issued.certificate]);
    expect(record.authorization).toEqual({ type: 'initial', evidence: { type: 'application' } });
    await check(ALICE);
  });

  it('is not held up by the intent of a request that an outage of the database interrupted', async () => {
    const { store } = log.context;
    const away = new GlasskeyError('storage-failed', 'the database is away');
    vi.spyOn(store, 'submit').mockRejectedValueOnce(away);
    const closing = vi.spyOn(store, 'failIntent').mockRejectedValueOnce(away).mockRejectedValueOnce(away);
    const asked = await order(await newDeviceKey());
    await expect(log.service.issue(asked)).rejects.toBe(away);
    expect(await log.service.issue(asked)).toMatchObject({ version: 0 });
    expect(closing).toHaveBeenCalledTimes(3);
    await check(ALICE);
  });

  it('takes every spelling of the identity for the same', async () => {
    const key = await newDeviceKey();
    await log.service.issue(await order(key, 'Alice@EXAMPLE.com'));
    await expect(log.service.issue(await order(await newDeviceKey()))).rejects.toMatchObject({
      code: 'change-required',
    });
    await check(ALICE);
  });

  it.each([
    ['no token', { token: undefined }, 'unauthenticated'],
    ['a wrong token', { token: `gkt_${'A'.repeat(43)}` }, 'unauthenticated'],
    ['what is no token', { token: 'x' }, 'unauthenticated'],
    ['another identity than the CSR', { identity: 'mallory@example.com' }, 'csr-identity-mismatch'],
    ['what is no identity', { identity: 'alice' }, 'invalid-identity'],
    ['what is no CSR', { csr: new Uint8Array([0x30, 0]) }, 'bad-csr'],
    ['what is no PEM', { csr: 'hello' }, 'bad-csr'],
  ])('is refused with %s, and nothing changes', async (_, more, code) => {
    const key = await newDeviceKey();
    await expect(log.service.issue({ ...(await order(key)), ...more })).rejects.toMatchObject({ code });
    expect(signatures()).toBe(0);
    expect((await log.context.store.readHead()).size).toBe(1);
  });

  it('is refused where the CSR is not signed by its key', async () => {
    const csr = await csrFor(await newDeviceKey(), ALICE);
    csr[csr.length - 1] = (csr.at(-1) ?? 0) ^ 1;
    const refused = log.service.issue({ ...(await order(await newDeviceKey())), csr });
    await expect(refused).rejects.toMatchObject({ code: 'bad-proof-of-possession' });
  });

  it('gives the same answer to the same request', async () => {
    const asked = await order(await newDeviceKey());
    const [first, ...others] = await Promise.all([asked, asked, asked].map((one) => log.service.issue(one)));
    const again = await log.service.issue(asked);
    for (const other of [...others, again]) expect(other.certificate).toEqual(first?.certificate);
    expect(signatures()).toBe(1);
    await check(ALICE);
  });

  it('of 200 at once with different keys: one succeeds, one certificate is signed', async () => {
    const orders = await Promise.all(Array.from({ length: 200 }, async () => order(await newDeviceKey())));
    const results = await Promise.allSettled(orders.map((one) => log.service.issue(one)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = new Set(
      results.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { code: string }).code] : [])),
    );
    expect([...codes].every((code) => code === 'version-conflict' || code === 'change-required')).toBe(true);
    expect(signatures()).toBe(1);
    await check(ALICE);
  });
});

describe('a bound name', () => {
  let first: DeviceKey;
  beforeEach(async () => {
    first = await newDeviceKey();
    await log.service.issue(await order(first));
  });

  async function seen() {
    const proof = await log.service.prover.search({
      last: undefined,
      label: identityOf(ALICE).label,
      version: undefined,
    });
    return seenVersion(ALICE, proof);
  }

  it('is not signed for another key without a change', async () => {
    const other = await newDeviceKey();
    await expect(log.service.issue(await order(other))).rejects.toMatchObject({ code: 'change-required' });
    const withoutToken = { ...(await order(other)), token: undefined };
    await expect(log.service.issue(withoutToken)).rejects.toMatchObject({ code: 'change-required' });
    expect(signatures()).toBe(1);
    expect((await log.context.store.readHead()).size).toBe(2);
  });

  it('gets a second key by a change that the first has signed', async () => {
    const second = await newDeviceKey('p384');
    const change = await signChange(ALICE, await seen(), first, [first.spkiSha256, second.spkiSha256]);
    const issued = await log.service.issue(await order(second, ALICE, { change, token: undefined }));
    expect(issued.version).toBe(1);
    const { record } = provedVersion(ALICE, issued, log);
    expect(keysOf(record)).toEqual([first.spkiSha256, second.spkiSha256]);
    expect(record.authorization.type).toBe('key');
    // ECDSA signatures differ each time, so this is another request: its change is out of date.
    const another = await order(second, ALICE, { change, token: undefined });
    await expect(log.service.issue(another)).rejects.toMatchObject({ code: 'version-conflict' });
    await check(ALICE);
  });

  it('rotates by a change, and the old certificate is revoked', async () => {
    const second = await newDeviceKey();
    const change = await signChange(ALICE, await seen(), first, [second.spkiSha256]);
    const asked = await order(second, ALICE, { change, token: undefined });
    const issued = await log.service.issue(asked);
    expect(keysOf(provedVersion(ALICE, issued, log).record)).toEqual([second.spkiSha256]);
    expect(await log.context.store.listRevoked(log.clock.nowMs)).toHaveLength(1);
    expect((await log.service.issue(asked)).certificate).toEqual(issued.certificate);
    await expect(log.service.issue(await order(first))).rejects.toMatchObject({ code: 'change-required' });
    await check(ALICE);
  });

  it('refuses changes that are not for it', async () => {
    const second = await newDeviceKey();
    const mallory = await newDeviceKey();
    const now = await seen();
    const after = [second.spkiSha256];
    const attempt = async (change: Awaited<ReturnType<typeof signChange>>) =>
      log.service.issue(await order(second, ALICE, { change }));
    const refused = async (change: Awaited<ReturnType<typeof signChange>>, code: string) =>
      expect(attempt(change)).rejects.toMatchObject({ code });
    await refused(await signChange(ALICE, now, mallory, after), 'bad-change-signature');
    const byOther = await signChange(ALICE, now, mallory, after);
    await refused({ ...byOther, signer: first.spkiSha256 }, 'bad-change-signature');
    await refused(await signChange(ALICE, now, first, after, 'other.example'), 'change-rejected');
    await refused(await signChange('bob@example.com', now, first, after), 'change-rejected');
    await refused(await signChange(ALICE, now, first, [first.spkiSha256]), 'change-rejected');
    await refused(await signChange(ALICE, now, first, [...after, mallory.spkiSha256]), 'change-rejected');
    await refused(await signChange(ALICE, { ...now, version: 1 }, first, after), 'version-conflict');
    await refused(
      await signChange(ALICE, { ...now, commitment: new Uint8Array(32) }, first, after),
      'version-conflict',
    );
    const good = await signChange(ALICE, now, first, after);
    await refused({ ...good, request: good.request.slice(1) }, 'malformed-encoding');
    expect(signatures()).toBe(1);
    expect((await log.context.store.readHead()).size).toBe(2);
  });

  it('renews for the same key, with or without a token', async () => {
    await log.close();
    log = await createTestLog({ limits: { maxClockAheadMs: 365 * DAY_MS } });
    await log.service.issue(await order(first));
    log.clock.advance(70 * DAY_MS);
    const issued = await log.service.issue(await order(first, ALICE, { token: undefined }));
    expect(issued.version).toBe(1);
    const { record } = provedVersion(ALICE, issued, log);
    expect(record.certificates).toHaveLength(2);
    expect(record.authorization).toEqual({ type: 'maintenance', kind: 'renewal' });
    log.clock.advance(70 * DAY_MS);
    const later = await log.service.issue(await order(first));
    // The first certificate has expired, and leaves.
    expect(provedVersion(ALICE, later, log).record.certificates).toHaveLength(2);
    await check(ALICE);
  });

  it('loses certificates by an application token, or by a change', async () => {
    const { certificates } = (await seen()).record;
    const serials = certificates.map((der) => parseCertificate(der).serial);
    const revocation = { identity: ALICE, serials, reason: 1, token: log.token, change: undefined, last: undefined };
    await expect(log.service.revoke({ ...revocation, token: undefined })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    await expect(log.service.revoke({ ...revocation, serials: ['00ff'] })).rejects.toMatchObject({
      code: 'no-such-certificate',
    });
    await expect(log.service.revoke({ ...revocation, identity: 'bob@example.com' })).rejects.toMatchObject({
      code: 'identity-not-found',
    });
    const change = await signChange(ALICE, await seen(), first, []);
    const wrong = await signChange(ALICE, await seen(), first, [first.spkiSha256]);
    await expect(log.service.revoke({ ...revocation, change: wrong })).rejects.toMatchObject({
      code: 'change-rejected',
    });
    const revoked = await log.service.revoke({ ...revocation, change, token: undefined });
    expect(revoked).toMatchObject({ version: 1, revoked: serials });
    expect(provedVersion(ALICE, revoked, log).record).toMatchObject({
      certificates: [],
      authorization: { type: 'key' },
    });
    expect(await log.context.store.listRevoked(log.clock.nowMs)).toMatchObject(serials.map(() => ({ reason: 1 })));
    expect(await log.service.revoke(revocation)).toMatchObject({ version: 1, revoked: serials });
    await expect(log.service.issue(await order(first))).rejects.toMatchObject({ code: 'change-required' });
    expect((await log.service.crls.ofAll('issuer')?.current())?.der.length).toBeGreaterThan(0);
    await check(ALICE);
  });

  it('is revoked by the application as maintenance, with the reason', async () => {
    const revoked = await log.service.revoke({
      identity: ALICE,
      serials: 'all',
      reason: 1,
      token: log.token,
      change: undefined,
      last: 2,
    });
    const { record } = provedVersion(ALICE, revoked, log);
    expect(record.authorization).toEqual({ type: 'maintenance', kind: 'revocation', reason: 1 });
    expect(await log.context.store.listRevoked(log.clock.nowMs)).toMatchObject([{ reason: 1 }]);
    await check(ALICE);
  });

  it('holds a bounded number of certificates', async () => {
    await log.close();
    log = await createTestLog({ limits: { maxCertificates: 2 } });
    const keys = [await newDeviceKey(), await newDeviceKey(), await newDeviceKey()] as const;
    await log.service.issue(await order(keys[0]));
    const add = async (key: DeviceKey) => {
      const now = await seen();
      const change = await signChange(ALICE, now, keys[0], [...keysOf(now.record), key.spkiSha256]);
      return log.service.issue(await order(key, ALICE, { change }));
    };
    await add(keys[1]);
    await expect(add(keys[2])).rejects.toMatchObject({ code: 'change-rejected' });
    await check(ALICE);
  });
});

describe('the pipeline', () => {
  it('refuses more than it can hold', async () => {
    await log.close();
    log = await createTestLog({ limits: { maxInFlight: 1 } });
    const orders = [
      await order(await newDeviceKey(), 'a@example.com'),
      await order(await newDeviceKey(), 'b@example.com'),
    ];
    const results = await Promise.allSettled(orders.map((one) => log.service.issue(one)));
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = results.find(({ status }) => status === 'rejected');
    expect(refused).toMatchObject({ reason: { code: 'overloaded' } });
  });

  it('refuses at once while the clock is out of bounds', async () => {
    log.clock.advance(2 * DAY_MS);
    await vi.waitFor(() => expect(log.service.sequencer.trouble).toMatchObject({ code: 'clock-skew' }));
    await expect(log.service.issue(await order(await newDeviceKey()))).rejects.toMatchObject({ code: 'clock-skew' });
  });
});
