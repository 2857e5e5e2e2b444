import { afterAll, beforeAll, describe, expect } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { createCsr } from '../../src/client/csr.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { formatCertificateAnswer } from '../../src/contract/parse-answers.ts';
import type { CertificateRequest } from '../../src/contract/bodies.ts';
import { parseCertificateRequest } from '../../src/contract/parse-requests.ts';
import { PATHS } from '../../src/contract/paths.ts';
import type { SignedChange } from '../../src/identity/change-request.ts';
import { proveAnswer } from '../../src/service/issuance/respond.ts';
import { companionsOf } from '../support/companions.ts';
import { identityOf } from '../support/owner.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { BY_OPERATOR, failure, INITIAL, readState, warning } from '../support/victims.ts';
import { attack } from './attack.ts';

const RENEWAL = { type: 'maintenance', kind: 'renewal' } as const;

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

/** The answer to a request for which the operator itself made the record: with an honest proof of it. */
async function answerWith(identity: string, certificate: Uint8Array, init: RequestInit | undefined): Promise<Response> {
  const { service, context } = operator.server.log;
  const { last, owner } = readRequest(init);
  const { label } = identityOf(identity);
  const ordered = { last, proof: owner === undefined ? ('search' as const) : { owner } };
  const { proof, treeSize } = await proveAnswer(service, label, ordered);
  const { issuer } = context.keys;
  const answer = formatCertificateAnswer({
    identity,
    version: 0,
    position: 0,
    treeSize,
    serial: '01',
    certificate: formatPem('CERTIFICATE', certificate),
    chain: [issuer.certificate.der, ...issuer.chain].map((der) => formatPem('CERTIFICATE', der)),
    proof,
  });
  return new Response(JSON.stringify(answer), { status: 201 });
}

/** What a client asked for. */
function readRequest(init: RequestInit | undefined): CertificateRequest {
  const body: unknown = init?.body;
  if (typeof body !== 'string') throw new Error('a request without JSON');
  return parseCertificateRequest(JSON.parse(body));
}

/** What a client has to show its user. */
async function alertTypes(client: KeyDirectory): Promise<readonly string[]> {
  return (await client.alerts()).map(({ type }) => type);
}

/** Lets the log have a distinguished entry. */
async function distinguished(): Promise<void> {
  const { clock, context } = operator.server.log;
  for (let i = 0; i < 3; i++) {
    clock.advance(context.configuration.reasonableMonitoringWindowMs);
    await operator.appendNothing();
  }
}

async function keys(count: number): Promise<ClientKey[]> {
  return Promise.all(Array.from({ length: count }, () => generateKey()));
}

describe('an operator that answers a registration with a lie', () => {
  attack('another-key-registered', async () => {
    const identity = 'swapped-key@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const fetch = lie(PATHS.certificates, async (_, init) => {
      const certificate = await operator.certify(identity, mallory.spki);
      await operator.appendRecord(identity, { certificates: [certificate], authorization: INITIAL });
      return answerWith(identity, certificate, init);
    });
    const state = new MemoryState();
    const client = await operator.client({ state, fetch });
    const { token } = operator.server.log;
    const before = await readState(state);
    const csr = await createCsr(client.identity(identity), own);
    const noticed = await failure(client.register(identity, { token, csr }));
    await expect(client.register(identity, { token, key: own })).rejects.toThrow(GlasskeyError);
    expect(await readState(state)).toBe(before);
    return noticed;
  });

  attack('another-companion-registered', async () => {
    const identity = 'swapped-companion@example.com';
    const key = await generateKey();
    const fetch = lie(PATHS.certificates, async (_, init) => {
      const certificate = await operator.certify(identity, key.spki, { companions: companionsOf(2) });
      await operator.appendRecord(identity, { certificates: [certificate], authorization: INITIAL });
      return answerWith(identity, certificate, init);
    });
    const client = await operator.client({ fetch });
    const { token } = operator.server.log;
    return failure(client.register(identity, { token, key, companions: companionsOf(1) }));
  });

  attack('second-key-registered', async () => {
    const identity = 'two-keys@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const fetch = lie(PATHS.certificates, async (_, init) => {
      const certificate = await operator.certify(identity, own.spki);
      const certificates = [await operator.certify(identity, mallory.spki), certificate];
      await operator.appendRecord(identity, { certificates, authorization: INITIAL });
      return answerWith(identity, certificate, init);
    });
    const client = await operator.client({ fetch });
    const { token } = operator.server.log;
    return failure(client.register(identity, { token, key: own }));
  });

  attack('registered-before', async () => {
    const identity = 'second-hand@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    // Without a distinguished log entry, a client cannot prove what there was before it came.
    await distinguished();
    const fetch = lie(PATHS.certificates, async (_, init) => {
      const first = await operator.certify(identity, mallory.spki);
      await operator.appendRecord(identity, { certificates: [first], authorization: INITIAL });
      const certificate = await operator.certify(identity, own.spki);
      await operator.appendRecord(identity, { certificates: [certificate], authorization: BY_OPERATOR });
      return answerWith(identity, certificate, init);
    });
    const client = await operator.client({ fetch });
    const { binding } = await client.register(identity, { token: operator.server.log.token, key: own });
    expect(binding.alerts.map(({ version }) => version)).toEqual([1, 0, 1]);
    return alertTypes(client);
  });
});

describe('an operator that changes a record behind its owner', () => {
  attack('confirmed-by-the-owner', async () => {
    const identity = 'laundered@example.com';
    const [own, next, mallory] = (await keys(3)) as [ClientKey, ClientKey, ClientKey];
    const client = await operator.client();
    const { binding } = await client.register(identity, { token: operator.server.log.token, key: own });
    const added = await operator.certify(identity, mallory.spki);
    const certificates = [...binding.certificates.map(({ der }) => der), added];
    await operator.appendRecord(identity, { certificates, authorization: BY_OPERATOR });
    const rotated = await client.rotate(identity, own, next);
    expect(rotated.binding.change).toMatchObject({
      type: 'operator',
      links: [
        { version: 1, type: 'operator' },
        { version: 2, type: 'key' },
      ],
    });
    await operator.appendRecord(identity, {
      certificates: [...rotated.binding.certificates.map(({ der }) => der), await operator.certify(identity, own.spki)],
      authorization: BY_OPERATOR,
    });
    const serials = rotated.binding.certificates.slice(0, 1).map(({ serial }) => serial);
    const after = await client.revoke(identity, next, { serials });
    return [rotated.binding.change.type, after.change.type];
  });

  attack('hidden-in-a-renewal', async () => {
    const identity = 'renewed@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const state = new MemoryState();
    const honest = await operator.client({ state });
    await honest.register(identity, { token: operator.server.log.token, key: own });
    const fetch = lie(PATHS.certificates, async (_, init) => {
      const certificate = await operator.certify(identity, own.spki);
      const certificates = [certificate, await operator.certify(identity, mallory.spki)];
      await operator.appendRecord(identity, { certificates, authorization: RENEWAL });
      return answerWith(identity, certificate, init);
    });
    const client = await operator.client({ state, fetch });
    const { binding } = await client.renew(identity, own);
    expect(binding.change.type).toBe('unexplained');
    return alertTypes(client);
  });

  attack('false-signature-by-the-owner', async () => {
    const identity = 'unsigned@example.com';
    const [own, second, mallory] = (await keys(3)) as [ClientKey, ClientKey, ClientKey];
    const state = new MemoryState();
    const honest = await operator.client({ state });
    const { binding } = await honest.register(identity, { token: operator.server.log.token, key: own });
    // The answer gets lost, and the operator makes more of the request than was signed.
    const fetch = lie(PATHS.certificates, async (_, init) => {
      const { change } = readRequest(init);
      const { signer, signature } = change as SignedChange;
      const added = await Promise.all([second, mallory].map(({ spki }) => operator.certify(identity, spki)));
      const certificates = [...binding.certificates.map(({ der }) => der), ...added];
      await operator.appendRecord(identity, { certificates, authorization: { type: 'key', signer, signature } });
      throw new TypeError('fetch failed');
    });
    const client = await operator.client({ state, fetch });
    await expect(client.register(identity, { credentials: own, key: second })).rejects.toMatchObject({
      code: 'network-failed',
    });
    const again = await client.register(identity, { credentials: own, key: second });
    expect(again.binding.alerts).toMatchObject([{ version: 1 }]);
    return alertTypes(client);
  });

  attack('warning-lost', async () => {
    const identity = 'warned@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const owner = await operator.client();
    const { certificate } = await owner.register(identity, { token: operator.server.log.token, key: own });
    const contact = await operator.client();
    await contact.verifyCertificate(certificate);
    const forged = await operator.certify(identity, mallory.spki);
    await operator.appendRecord(identity, { certificates: [forged], authorization: BY_OPERATOR });
    return [await failure(contact.verifyCertificate(certificate)), await warning(contact, identity)];
  });
});
