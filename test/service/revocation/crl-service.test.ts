import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { parseCrl } from '../../../src/ca/path/parse-crl.ts';
import { shardOfSerial } from '../../../src/ca/serial.ts';
import type { CrlService, SignedCrl } from '../../../src/service/revocation/crl-service.ts';
import { IssuingCas } from '../../../src/service/log/issuing-cas.ts';
import { CrlShards } from '../../../src/service/log/crl-shards.ts';
import { Crls } from '../../../src/service/revocation/crls.ts';
import type { ServiceLimits } from '../../../src/service/service-limits.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const HOUR_MS = 3_600_000;
let log: TestLog;
afterEach(async () => {
  vi.useRealTimers();
  await log.close();
});

async function open(limits: Partial<ServiceLimits> = {}): Promise<void> {
  log = await createTestLog({ limits: { ...limits, crlShardSize: 2 } });
}

const asked = (identity: string) => ({ identity, token: log.token, change: undefined, last: undefined });

async function issue(identity: string) {
  const csr = await csrFor(await newDeviceKey(), identity);
  const { certificate } = await log.service.issue({ ...asked(identity), csr });
  return parseCertificate(certificate);
}

async function revoke(identity: string, serial: string): Promise<void> {
  await log.service.revoke({ ...asked(identity), serials: [serial], reason: 1 });
  log.clock.advance(5_000);
}

async function shard(number: number): Promise<CrlService> {
  const crl = await log.service.crls.ofShard('issuer', number);
  if (crl === undefined) throw new Error(`there is no shard ${number}`);
  return crl;
}

const read = ({ der }: SignedCrl) => parseCrl(der);

describe('the CRL of all certificates', () => {
  it('is signed once, until something is revoked or half of its validity has passed', async () => {
    await open();
    const crl = log.service.crls.ofAll('issuer');
    const [first, same] = await Promise.all([crl?.current(), crl?.current()]);
    expect(first).toBeDefined();
    // Clocks of those who read it may be slow.
    const backdatedMs = (first?.thisUpdateMs ?? 0) - 300_000;
    expect(read(first as SignedCrl).thisUpdateMs).toBe(Math.floor(backdatedMs / 1000) * 1000);
    expect(same).toBe(first);
    log.clock.advance(HOUR_MS);
    expect(await crl?.current()).toBe(first);
    const { serial } = await issue('alice@example.com');
    await revoke('alice@example.com', serial);
    const second = await crl?.current();
    expect(second?.number).toBeGreaterThan(first?.number ?? Infinity);
    expect([...read(second as SignedCrl).revoked]).toEqual([serial]);
    log.clock.advance(13 * HOUR_MS);
    const third = await crl?.current();
    expect(third?.number).toBeGreaterThan(second?.number ?? Infinity);
    expect(third?.nextUpdateMs).toBe((third?.thisUpdateMs ?? 0) + log.context.limits.crlValidityMs);
  });

  it('is not made where it would be too large', async () => {
    await open({ maxCrlEntries: 1 });
    for (const name of ['a@example.com', 'b@example.com']) {
      await revoke(name, (await issue(name)).serial);
      const made = log.service.crls.ofAll('issuer')?.current();
      if (name.startsWith('a')) expect((await made)?.number).toBeGreaterThan(0);
      else await expect(made).rejects.toMatchObject({ code: 'not-found' });
    }
    await expect(log.service.crls.ofAll('issuer')?.current()).rejects.toMatchObject({ code: 'not-found' });
    expect(log.service.crls.ofAll('issuer-2')).toBeUndefined();
  });
});

describe('while the database is away, the CRLs', () => {
  const away = () => Promise.reject(new GlasskeyError('storage-failed', 'database: connection refused'));
  const silent = () => new Promise<never>(() => undefined);

  /** A CRL of each kind that has been asked for, and is asked for again after the database has gone. */
  async function known(): Promise<readonly (() => Promise<SignedCrl>)[]> {
    await open();
    await issue('alice@example.com');
    const [all, part] = [log.service.crls.ofAll('issuer'), await shard(0)];
    if (all === undefined) throw new Error('no CRL');
    return [() => all.current(), () => part.current(), () => part.delta()];
  }

  /** Has the database answer no question about revocations. */
  function goAway(answer: () => Promise<never>): void {
    Object.assign(log.context.store, { countRevoked: answer, listRevoked: answer });
  }

  it('are served from memory as long as they are valid, and no longer', async () => {
    const kinds = await known();
    const before = await Promise.all(kinds.map((ask) => ask()));
    goAway(away);
    log.clock.advance(HOUR_MS - 1);
    expect(await Promise.all(kinds.map((ask) => ask()))).toEqual(before);
    log.clock.advance(1);
    await expect(kinds[2]?.()).rejects.toMatchObject({ code: 'storage-failed' });
    log.clock.advance(23 * HOUR_MS - 1);
    expect([await kinds[0]?.(), await kinds[1]?.()]).toEqual(before.slice(0, 2));
    log.clock.advance(1);
    for (const ask of kinds) await expect(ask()).rejects.toMatchObject({ code: 'storage-failed' });
  });

  it('do not wait for a database that says nothing, but for the first answer', async () => {
    const [ask] = await known();
    const before = await ask?.();
    goAway(silent);
    log.clock.advance(3_000);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked = ask?.();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await asked).toBe(before);
    expect(await ask?.()).toBe(before);
  });

  it('are dropped where the database has lost entries', async () => {
    const [ask] = await known();
    const before = await ask?.();
    log.service.progress.forget();
    expect(await log.service.crls.ofAll('issuer')?.current()).not.toBe(before);
    log.service.progress.forget();
    goAway(away);
    await expect(log.service.crls.ofAll('issuer')?.current()).rejects.toMatchObject({ code: 'storage-failed' });
  });
});

describe('a shard', () => {
  it('is named by so many certificates and no more, and lists those of them that are revoked', async () => {
    await open();
    const certificates = [await issue('a@example.com'), await issue('b@example.com'), await issue('c@example.com')];
    expect(certificates.map(({ crlUrls }) => crlUrls)).toEqual(
      [0, 0, 1].map((number) => [`http://log.example/crl/issuer/${number}.crl`]),
    );
    expect(certificates.map(({ serial }) => shardOfSerial(serial))).toEqual([0, 0, 1]);
    const [first, , third] = certificates;
    await revoke('a@example.com', first?.serial ?? '');
    await revoke('c@example.com', third?.serial ?? '');
    const [zero, one] = [read(await (await shard(0)).current()), read(await (await shard(1)).current())];
    expect([[...zero.revoked], [...one.revoked]]).toEqual([[first?.serial], [third?.serial]]);
    const names = third?.crlUrls.map((url) => `uri:${url}`);
    const scope = { names, onlyUserCertificates: true, onlyCaCertificates: false };
    expect(one).toMatchObject({ scope, baseNumber: undefined });
    expect(await log.service.crls.ofShard('issuer', 2)).toBeUndefined();
    expect(await log.service.crls.ofShard('issuer-2', 0)).toBeUndefined();
  });

  it('has a delta for every complete CRL that is still valid', async () => {
    await open();
    const [a, b] = [await issue('a@example.com'), await issue('b@example.com')];
    const both = new Set([a.serial, b.serial]);
    await revoke('a@example.com', a.serial);
    // A whole number of halves of a validity, so that bases are where the test says.
    log.clock.nowMs = (Math.floor(log.clock.nowMs / (12 * HOUR_MS)) + 1) * 12 * HOUR_MS;
    const crl = await shard(0);
    const base = read(await crl.current());
    log.clock.advance(HOUR_MS);
    expect([...read(await crl.delta()).revoked]).toEqual([a.serial]);
    await revoke('b@example.com', b.serial);
    const [complete, delta] = [read(await crl.current()), read(await crl.delta())];
    expect([complete.revoked, delta.revoked]).toEqual([both, both]);
    expect(delta).toMatchObject({ number: complete.number, scope: complete.scope });
    expect(delta.baseNumber).toBeLessThan(base.number);
    // While the first complete one is valid, the delta can be combined with it, also that of another process.
    const other = await new Crls(log.context).ofShard('issuer', 0);
    for (const later of [12, 8, 2]) {
      log.clock.advance(later * HOUR_MS);
      for (const one of [crl, other as CrlService]) {
        const now = read(await one.delta());
        expect(now.revoked).toEqual(both);
        expect((now.baseNumber ?? base.number) <= base.number && now.number > base.number).toBe(true);
      }
    }
    log.clock.advance(24 * HOUR_MS);
    expect([read(await crl.current()).revoked, read(await crl.delta()).revoked]).toEqual([both, new Set()]);
  });

  it('has a delta that is signed anew while its complete CRL stays', async () => {
    await open();
    await issue('a@example.com');
    const crl = await shard(0);
    const [complete, first] = [await crl.current(), await crl.delta()];
    expect(first).toMatchObject({ number: complete.number, nextUpdateMs: first.thisUpdateMs + HOUR_MS });
    log.clock.advance(HOUR_MS / 4);
    expect(await crl.delta()).toBe(first);
    log.clock.advance(HOUR_MS / 4);
    const [second, same] = await Promise.all([crl.delta(), crl.delta()]);
    expect(same).toBe(second);
    expect(second.number).toBeGreaterThan(first.number);
    expect(await crl.current()).toBe(complete);
    log.clock.advance(13 * HOUR_MS);
    expect((await crl.current()).number).toBeGreaterThan(second.number);
  });

  it('repeats in the delta what was revoked just before the base', async () => {
    await open();
    const { serial } = await issue('a@example.com');
    await revoke('a@example.com', serial);
    expect([...read(await (await shard(0)).delta()).revoked]).toEqual([serial]);
  });

  it('has a delta that takes off what the complete CRL lists no more', async () => {
    await open();
    const { serial, notAfterMs } = await issue('a@example.com');
    await revoke('a@example.com', serial);
    const crl = await shard(0);
    log.clock.nowMs = notAfterMs + 24 * HOUR_MS - 1_000;
    expect([...read(await crl.current()).revoked]).toEqual([serial]);
    expect(read(await crl.delta()).removed.size).toBe(0);
    log.clock.advance(12 * HOUR_MS);
    expect(read(await crl.current()).revoked.size).toBe(0);
    const delta = read(await crl.delta());
    expect([[...delta.removed], delta.revoked.size]).toEqual([[serial], 0]);
    log.clock.advance(48 * HOUR_MS);
    expect(read(await crl.delta()).removed.size).toBe(0);
  });

  it('is there only where it can say of which certificates it is', async () => {
    await open();
    await issue('a@example.com');
    const [first] = log.context.reloadable.issuingCas.all;
    if (first === undefined) throw new Error('there is no CA');
    const issuingCas = new IssuingCas([{ ...first, urls: { crl: undefined, caIssuers: undefined } }]);
    const { profiles, evidence, allowsMlDsa } = log.context.reloadable;
    log.context.reloadable.replace({ profiles, evidence, issuingCas, allowsMlDsa });
    expect(await log.service.crls.ofShard('issuer', 0)).toBeUndefined();
    expect(log.service.crls.ofAll('issuer')).toBeDefined();
  });

  it('lists a certificate on one more CRL after its end', async () => {
    await open();
    const { serial, notAfterMs } = await issue('a@example.com');
    await revoke('a@example.com', serial);
    const crl = await shard(0);
    const listedAfter = async (ms: number): Promise<number> => {
      log.clock.nowMs = notAfterMs + ms;
      return read(await crl.current()).revoked.size;
    };
    expect([await listedAfter(HOUR_MS), await listedAfter(23 * HOUR_MS), await listedAfter(36 * HOUR_MS)]).toEqual([
      1, 1, 0,
    ]);
  });

  it('is of one process', async () => {
    await open();
    const shards = [0, 1].map(() => new CrlShards(log.context.store, 2));
    const numbers = await Promise.all(shards.flatMap((one) => [one.next(), one.next(), one.next()]));
    expect(numbers.map((number) => numbers.filter((other) => other === number).length)).toEqual([2, 2, 1, 2, 2, 1]);
  });

  it('is asked for again where the database did not give one', async () => {
    await open();
    let fails = true;
    const store = {
      claimCrlShard: () => (fails ? Promise.reject(new Error('down')) : log.context.store.claimCrlShard()),
    };
    const one = new CrlShards(store, 10);
    await expect(one.next()).rejects.toThrow('down');
    fails = false;
    expect(await one.next()).toBe(await one.next());
  });
});
