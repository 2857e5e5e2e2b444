import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { generateKey, importKey } from '../../src/client/client-key.ts';
import { companionKeysOf } from '../../src/client/keys/companion-secrets.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const ALICE = 'alice@example.com';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server.close());

/** Returns the places in parsed JSON at which `JSON.stringify` has written bytes as an object of numbers. */
function rawBytes(value: unknown, place = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const isRaw = Object.keys(value).length > 0 && Object.keys(value).every((name, i) => name === String(i));
  if (isRaw && !Array.isArray(value)) return [place];
  return Object.entries(value).flatMap(([name, member]) => rawBytes(member, `${place}.${name}`));
}

it('JSON.stringify takes every result', async () => {
  const [alice, bob] = [await server.client(), await server.client()];
  const key = await generateKey({ companions: ['x25519', 'ml-kem-768'] });
  const next = await generateKey({ replaces: key });
  const other = await generateKey();
  const results: Record<string, unknown> = {
    trust: alice.trust,
    identity: alice.identity(ALICE),
    companionKeysOf: companionKeysOf(key),
    register: await alice.register(ALICE, { token: server.log.token, key }),
    found: await bob.lookup(ALICE),
    absent: await bob.lookup('nobody@example.com'),
    lookupMany: await bob.lookupMany([ALICE, 'nobody@example.com', '@']),
    lookupVersion: await bob.lookupVersion(ALICE, 0),
    rotate: await alice.rotate(ALICE, key, next),
    add: await alice.register(ALICE, { credentials: next, key: other }),
    renew: await alice.renew(ALICE, next),
    deviceNote: await alice.deviceNote(ALICE, next),
    revoke: await alice.revoke(ALICE, next, { reason: 'superseded' }),
    history: await bob.history(ALICE),
    own: await bob.own(ALICE),
    recover: await bob.recover(ALICE, { token: server.log.token, key: await generateKey() }),
    monitor: await alice.monitor(),
    monitoringDue: await alice.monitoringDue(),
    alerts: await alice.alerts(),
    acknowledge: await alice.acknowledge(),
    heads: await alice.heads(),
    audit: await alice.audit(),
    auditLog: await auditLog({ baseUrl: server.url, bundle: server.bundle.bundle, now: server.log.clock.now }),
    logEnd: await alice.logEnd(),
  };
  for (const [name, result] of Object.entries(results)) {
    const text = JSON.stringify(result);
    expect(text === undefined ? [] : rawBytes(JSON.parse(text)), name).toEqual([]);
  }
});

it('JSON.stringify shows no private part of a key', async () => {
  const made = await generateKey({ type: 'ed25519', companions: ['x25519', 'ml-kem-768'] });
  const held = await generateKey({ extractable: false, companions: ['x25519'] });
  for (const key of [made, held, await importKey(await made.exportPem())]) {
    expect(JSON.parse(JSON.stringify(key))).toEqual({
      keyType: key.keyType,
      spki: Buffer.from(key.spki).toString('base64'),
    });
  }
});
