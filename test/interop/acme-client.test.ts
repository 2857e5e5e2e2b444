import { X509Certificate } from 'node:crypto';
import acme from 'acme-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { type DeviceKey, generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import type { AcmeKeyAnswer } from '../../src/contract/bodies.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer({ acme: true });
});
afterAll(() => server.close());

/** A binding key, as an application asks for one. */
async function bindingKey(body: object = {}): Promise<AcmeKeyAnswer> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${server.log.token}` };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  return (await (await fetch(server.url + PATHS.acmeKeys, init)).json()) as AcmeKeyAnswer;
}

/** A client of acme-client with an account. */
async function withAccount(accountKey: Buffer | string, body?: object): Promise<acme.Client> {
  const { keyId: kid, hmacKey, directory } = await bindingKey(body);
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey,
    externalAccountBinding: { kid, hmacKey },
    backoffMin: 20,
    backoffMax: 100,
  });
  await client.createAccount({ contact: ['mailto:admin@example.com'], termsOfServiceAgreed: true });
  return client;
}

/** An order for an address, as far as acme-client goes: it knows the type `dns` alone. */
async function ordered(client: acme.Client, address: string): Promise<acme.Order> {
  const order = { identifiers: [{ type: 'email', value: address }] };
  return client.createOrder(order);
}

async function certificates(client: acme.Client, address: string, key: DeviceKey): Promise<X509Certificate[]> {
  const order = await client.finalizeOrder(await ordered(client, address), await createCsr(identityOf(address), key));
  expect((await client.waitForValidStatus(order)).status).toBe('valid');
  const chain = acme.crypto.splitPemChain(await client.getCertificate(order));
  return chain.map((pem) => new X509Certificate(pem));
}

describe('acme-client of npm', () => {
  it.each([
    ['P-256', () => acme.crypto.createPrivateEcdsaKey('P-256')],
    ['P-384', () => acme.crypto.createPrivateEcdsaKey('P-384')],
    ['RSA', () => acme.crypto.createPrivateRsaKey(2048)],
  ])('gets a certificate that is in the log, with a %s account key', async (name, makeKey) => {
    const address = `${name.toLowerCase()}@example.com`;
    const client = await withAccount(await makeKey());
    const key = await generateKey();
    const [leaf, issuer, ...others] = await certificates(client, address, key);
    expect(leaf?.subjectAltName).toBe(`email:${address}`);
    expect(issuer !== undefined && leaf?.verify(issuer.publicKey)).toBe(true);
    expect(others).toEqual([]);
    const found = await (await server.client()).lookup(address);
    const logged = found.found && found.binding.certificates.map(({ serial }) => serial);
    expect(logged).toEqual([leaf?.serialNumber.toLowerCase()]);
    expect(found.found && found.binding.claimed).toEqual({ type: 'initial', evidence: { type: 'application' } });
  });

  it('renews for the same key, and gets no certificate for another one: it reads what to do', async () => {
    const client = await withAccount(await acme.crypto.createPrivateEcdsaKey());
    const key = await generateKey();
    const [first] = await certificates(client, 'bound@example.com', key);
    server.log.clock.advance(1_000);
    const csr = await createCsr(identityOf('bound@example.com'), key);
    const again = await client.finalizeOrder(await ordered(client, 'bound@example.com'), csr);
    expect(again.status).toBe('valid');
    const order = await ordered(client, 'bound@example.com');
    const other = await createCsr(identityOf('bound@example.com'), await generateKey());
    await expect(client.finalizeOrder(order, other)).rejects.toThrow(`${server.url}/docs#code-change-required`);
    const seen = await client.getOrder(order);
    expect([seen.status, (seen as { error?: { type: string } }).error?.type]).toEqual([
      'invalid',
      'urn:ietf:params:acme:error:rejectedIdentifier',
    ]);
    const found = await (await server.client()).lookup('bound@example.com');
    const serials = found.found && found.binding.certificates.map(({ spki }) => Buffer.from(spki).toString('hex'));
    expect(new Set(serials === false ? [] : serials)).toEqual(new Set([Buffer.from(key.spki).toString('hex')]));
    expect(first?.subjectAltName).toBe('email:bound@example.com');
  });

  it('sees that its name was authorized beforehand, and can give the order up', async () => {
    const client = await withAccount(await acme.crypto.createPrivateEcdsaKey());
    const order = await ordered(client, 'Given.Up@Example.com');
    const [authorization] = await client.getAuthorizations(order);
    expect(authorization).toMatchObject({
      status: 'valid',
      identifier: { type: 'email', value: 'given.up@example.com' },
      challenges: [],
    });
    expect(await client.deactivateAuthorization(authorization!)).toMatchObject({ status: 'deactivated' });
    expect((await client.getOrder(order)).status).toBe('invalid');
  });

  it('changes the key of its account, and goes on with the new one alone', async () => {
    const old = await acme.crypto.createPrivateEcdsaKey();
    const client = await withAccount(old);
    const accountUrl = client.getAccountUrl();
    await client.updateAccountKey(await acme.crypto.createPrivateEcdsaKey());
    expect((await ordered(client, 'rolled@example.com')).status).toBe('ready');
    const stale = new acme.Client({ directoryUrl: server.url + PATHS.acmeDirectory, accountKey: old, accountUrl });
    await expect(ordered(stale, 'rolled@example.com')).rejects.toThrow('signature');
    await client.updateAccount({ status: 'deactivated' });
    await expect(ordered(client, 'rolled@example.com')).rejects.toThrow('deactivated');
  });

  it('revokes a certificate, once', async () => {
    const client = await withAccount(await acme.crypto.createPrivateEcdsaKey());
    const [leaf] = await certificates(client, 'revoked@example.com', await generateKey());
    await client.revokeCertificate(leaf?.toString() ?? '', { reason: 1 });
    await expect(client.revokeCertificate(leaf?.toString() ?? '')).rejects.toThrow('revoked already');
    const found = await (await server.client()).lookup('revoked@example.com');
    expect(found.found && found.binding.certificates).toEqual([]);
  });

  it('leaves a log that passes an audit from outside', async () => {
    const report = await auditLog({ baseUrl: server.url, bundle: server.bundle.bundle, now: server.log.clock.now });
    expect(report.treeSize).toBeGreaterThan(6);
    expect(server.errors.filter((error) => !(error instanceof Error && 'fault' in error))).toEqual([]);
  });
});
