import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey, importKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { createCsr } from '../../src/client/csr.ts';
import { companionKeysOf } from '../../src/client/keys/companion-secrets.ts';
import { companionsOf } from '../support/companions.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server.close());

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a client of a real server', () => {
  it('registers a key and gives a verified binding', async () => {
    const alice = await server.client();
    const key = await generateKey();
    const { certificate, chain, binding } = await alice.register('Alice@Example.com', { token: server.log.token, key });
    expect(binding).toMatchObject({ identity: 'alice@example.com', version: 0, change: { type: 'first-seen' } });
    expect(binding.link).toBe('initial');
    expect(binding.certificates.map(({ spki }) => spki)).toEqual([key.spki]);
    expect(chain.length).toBeGreaterThan(0);
    const bob = await server.client();
    await expect(bob.verifyCertificate(certificate)).resolves.toMatchObject({ version: 0 });
  });

  it('proves that a name does not exist', async () => {
    const alice = await server.client();
    await expect(alice.lookup('nobody@example.com')).resolves.toMatchObject({
      found: false,
      identity: 'nobody@example.com',
    });
  });

  it('gives the same answer to the same request', async () => {
    const carol = await server.client();
    const key = await generateKey();
    const csr = await createCsr(carol.identity('carol@example.com'), key);
    const first = await carol.register('carol@example.com', { token: server.log.token, csr });
    const again = await carol.register('carol@example.com', { token: server.log.token, csr });
    expect(again.certificate).toBe(first.certificate);
    expect(again.binding.version).toBe(0);
  });

  it('refuses a second key without a signed change, and nothing changes', async () => {
    const client = await server.client();
    const key = await generateKey();
    await client.register('dave@example.com', { token: server.log.token, key });
    const other = client.register('dave@example.com', { token: server.log.token, key: await generateKey() });
    await expect(other).rejects.toThrow(code('change-required'));
    await expect(client.lookup('dave@example.com')).resolves.toMatchObject({
      binding: { version: 0, change: { type: 'unchanged' } },
    });
  });

  it('adds, rotates, renews and revokes, and a contact follows the chain', async () => {
    const erin = await server.client();
    const contact = await server.client();
    const first = await generateKey();
    const second = await generateKey();
    const third = await generateKey();
    const identity = 'erin@example.com';
    await erin.register(identity, { token: server.log.token, key: first });
    await contact.lookup(identity);

    const added = await erin.register(identity, { credentials: first, key: second });
    expect(added.binding.certificates.map(({ spki }) => spki)).toEqual([first.spki, second.spki]);
    const rotated = await erin.rotate(identity, first, third);
    expect(rotated.binding.certificates.map(({ spki }) => spki)).toEqual([second.spki, third.spki]);
    server.log.clock.advance(1000);
    const renewed = await erin.renew(identity, third);
    expect(renewed.binding).toMatchObject({ link: 'maintenance', claimed: { kind: 'renewal' } });

    const seen = await contact.lookup(identity);
    expect(seen).toMatchObject({ binding: { version: 3, change: { type: 'maintenance' } } });

    const revoked = await erin.revoke(identity, third);
    expect(revoked.certificates.map(({ spki }) => spki)).toEqual([second.spki]);
    await expect(contact.verifyCertificate(rotated.certificate)).rejects.toThrow(code('certificate-not-in-record'));
    await erin.revoke(identity, second);
    await expect(contact.lookup(identity)).resolves.toMatchObject({
      binding: { certificates: [], change: { type: 'key' } },
    });
    await expect(erin.register(identity, { token: server.log.token, key: first })).rejects.toThrow(
      code('change-required'),
    );
  });

  it('keeps companion keys in a rotation, and loses none unsaid', async () => {
    const owner = await server.client();
    const contact = await server.client();
    const identity = 'hana@example.com';
    const [first, second, third] = [await generateKey(), await generateKey(), await generateKey()];
    const companions = companionsOf(3);
    await owner.register(identity, { token: server.log.token, key: first, companions });
    // The record is no source for them: somebody else may have put others there.
    await expect(owner.rotate(identity, first, second)).rejects.toThrow(code('usage'));
    const rotated = await owner.rotate(identity, first, second, { companions });
    expect(rotated.binding.certificates).toMatchObject([{ companions, spki: second.spki }]);
    expect((await owner.rotate(identity, first, second, { companions })).certificate).toBe(rotated.certificate);

    for (const fewer of [undefined, { x25519: companions.x25519 }]) {
      const csr = await createCsr(owner.identity(identity), third, fewer);
      await expect(owner.rotate(identity, second, third, { csr })).rejects.toThrow(code('usage'));
    }
    await expect(contact.lookup(identity)).resolves.toMatchObject({ binding: { version: 1 } });
    const dropped = await owner.rotate(identity, second, third, { dropCompanions: true });
    expect(dropped.binding.certificates).toMatchObject([{ companions: undefined, spki: third.spki }]);
  });

  it('certifies companion keys with a key: a renewal keeps them, and only a signed change brings others', async () => {
    const gina = await server.client();
    const contact = await server.client();
    const identity = 'gina@example.com';
    const key = await generateKey();
    const [companions, others] = [companionsOf(1), companionsOf(2)];
    const { certificate } = await gina.register(identity, { token: server.log.token, key, companions });
    await expect(contact.verifyCertificate(certificate)).resolves.toMatchObject({ certificates: [{ companions }] });
    server.log.clock.advance(1000);
    const renewed = await gina.renew(identity, key, companions);
    expect(renewed.binding.certificates.at(-1)).toMatchObject({ companions });
    for (const wrong of [others, { x25519: companions.x25519 }, undefined]) {
      await expect(gina.renew(identity, key, wrong)).rejects.toThrow(code('change-required'));
    }
    await expect(contact.lookup(identity)).resolves.toMatchObject({
      binding: { version: 1, change: { type: 'maintenance' } },
    });

    const csr = await createCsr(gina.identity(identity), key, others);
    const changed = await gina.rotate(identity, key, key, { csr });
    expect(changed.binding.certificates).toMatchObject([{ companions: others, spki: key.spki }]);
    expect((await gina.rotate(identity, key, key, { csr })).certificate).toBe(changed.certificate);
    await expect(contact.lookup(identity)).resolves.toMatchObject({ binding: { version: 2, change: { type: 'key' } } });

    const second = await generateKey();
    const added = await gina.register(identity, { credentials: key, key: second, companions });
    expect(added.binding.certificates).toMatchObject([{ companions: others }, { companions, spki: second.spki }]);
    const left = await gina.revoke(identity, second);
    expect(left.certificates).toMatchObject([{ companions: others }]);
    await expect(contact.lookup(identity)).resolves.toMatchObject({ binding: { version: 4, change: { type: 'key' } } });
    await expect(gina.monitor()).resolves.toMatchObject([{ alerts: [] }]);
    const both = gina.register(identity, { credentials: key, key, csr, companions });
    await expect(both).rejects.toThrow(code('usage'));
  });

  it('lets only a key of the record sign a change', async () => {
    const frank = await server.client();
    const mallory = await generateKey();
    await frank.register('frank@example.com', { token: server.log.token, key: await generateKey() });
    await expect(frank.rotate('frank@example.com', mallory, mallory)).rejects.toThrow(code('change-rejected'));
  });

  it('refuses a wrong token and an identity that is none', async () => {
    const client = await server.client();
    const key = await generateKey();
    const token = `gkt_${'A'.repeat(43)}`;
    await expect(client.register('x@example.com', { token, key })).rejects.toThrow(code('unauthenticated'));
    await expect(client.register('x@example.com', { key })).rejects.toThrow(code('unauthenticated'));
    await expect(async () => client.lookup('not an identity')).rejects.toThrow(code('invalid-identity'));
  });

  it('keeps its state where an answer fails, and says when nothing answers', async () => {
    const state = new MemoryState();
    const client = await server.client(state);
    await client.lookup('alice@example.com');
    const before = await state.transact(async (current) => ({ result: current }));
    server.log.clock.advance(-700_000);
    await expect(client.lookup('alice@example.com')).rejects.toThrow(code('tree-head-too-new'));
    server.log.clock.advance(700_000);
    const after = await state.transact(async (current) => ({ result: current }));
    expect(after).toBe(before);
  });

  it('takes keys as they are made: each form registers, adds, rotates, renews, and keeps its companion keys', async () => {
    const owner = await server.client();
    const identity = 'ines@example.com';
    const first = await generateKey({ type: 'ed25519', companions: ['x25519', 'ml-kem-768'] });
    const companions = companionKeysOf(first);
    const token = server.log.token;
    const registered = await owner.register(identity, { token, key: await importKey(await first.exportPem()) });
    expect(registered.binding.certificates).toMatchObject([{ companions, spki: first.spki }]);
    server.log.clock.advance(1000);
    const renewed = await owner.renew(identity, first);
    expect(renewed.binding.certificates.at(-1)).toMatchObject({ companions });

    const phone = await generateKey({ type: 'p256', extractable: false });
    const added = await owner.register(identity, { credentials: first, key: phone });
    expect(added.binding.certificates.at(-1)).toMatchObject({ companions: undefined, spki: phone.spki });
    await expect(owner.rotate(identity, first, await generateKey())).rejects.toThrow(code('usage'));
    const next = await generateKey({ replaces: first });
    const rotated = await owner.rotate(identity, first, next);
    expect(rotated.binding.certificates).toMatchObject([{ spki: phone.spki }, { companions, spki: next.spki }]);
    const other = await generateKey({ replaces: phone, extractable: false });
    await owner.rotate(identity, phone, other);
    const left = await owner.revoke(identity, other);
    expect(left.certificates).toMatchObject([{ companions, spki: next.spki }]);
    await expect(owner.monitor()).resolves.toMatchObject([{ alerts: [] }]);
  });
});
