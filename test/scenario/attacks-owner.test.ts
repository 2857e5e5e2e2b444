import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPem } from '../../src/ca/pem.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/client-state.ts';
import { parsePem } from '../../src/ca/pem.ts';
import { createCsr } from '../../src/client/csr.ts';
import { formatCertificateAnswer } from '../../src/contract/parse-answers.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { identityOf } from '../support/owner.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

const code = (expected: string) => expect.objectContaining({ code: expected });
const INITIAL = { type: 'initial', evidence: { type: 'application' } } as const;
const BY_OPERATOR = { type: 'operator', reason: 'because I can' } as const;

/** The answer to a registration for which the operator itself made the record. */
async function answerWith(identity: string, certificate: Uint8Array): Promise<Response> {
  const { service, context } = operator.server.log;
  const { label } = identityOf(identity);
  const proof = service.encodeProof(await service.prover.search({ last: undefined, label, version: undefined }));
  const { issuer } = context.keys;
  const answer = formatCertificateAnswer({
    identity,
    version: 0,
    position: 0,
    treeSize: 1,
    serial: '01',
    certificate: formatPem('CERTIFICATE', certificate),
    chain: [issuer.certificate.der, ...issuer.chain].map((der) => formatPem('CERTIFICATE', der)),
    proof,
  });
  return new Response(JSON.stringify(answer), { status: 201 });
}

async function keys(count: number): Promise<ClientKey[]> {
  return Promise.all(Array.from({ length: count }, () => generateKey()));
}

describe('an operator that answers a registration with a lie', () => {
  it('cannot pass another key off as the one that was registered', async () => {
    const identity = 'swapped-key@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const fetch = lie(PATHS.certificates, async () => {
      const certificate = await operator.certify(identity, mallory.spki);
      await operator.appendRecord(identity, { certificates: [certificate], authorization: INITIAL });
      return answerWith(identity, certificate);
    });
    const state = new MemoryState();
    const client = await operator.client({ state, fetch });
    const { token } = operator.server.log;
    const before = await state.transact(async (current) => ({ result: current }));
    const csr = await createCsr(client.identity(identity), own);
    await expect(client.register(identity, { token, csr })).rejects.toThrow(code('certificate-not-in-record'));
    await expect(client.register(identity, { token, key: own })).rejects.toThrow();
    expect(await state.transact(async (current) => ({ result: current }))).toBe(before);
  });

  it('cannot slip a second key into the first version', async () => {
    const identity = 'two-keys@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const fetch = lie(PATHS.certificates, async () => {
      const certificate = await operator.certify(identity, own.spki);
      const certificates = [await operator.certify(identity, mallory.spki), certificate];
      await operator.appendRecord(identity, { certificates, authorization: INITIAL });
      return answerWith(identity, certificate);
    });
    const client = await operator.client({ fetch });
    const { token } = operator.server.log;
    await expect(client.register(identity, { token, key: own })).rejects.toThrow(code('bad-record'));
  });

  it('cannot hand out a chain of its own invention', async () => {
    const identity = 'chain@example.com';
    const [own, other] = (await keys(2)) as [ClientKey, ClientKey];
    const fetch = lie(PATHS.certificates, async (honest) => {
      const answer = (await (await honest()).json()) as object;
      const certificate = formatPem('CERTIFICATE', await operator.certify(identity, other.spki));
      return Response.json({ ...answer, chain: [certificate] }, { status: 201 });
    });
    const client = await operator.client({ fetch });
    const { chain } = await client.register(identity, { token: operator.server.log.token, key: own });
    const { issuer } = operator.server.log.context.keys;
    expect(chain.map((pem) => parsePem('CERTIFICATE', pem))).toEqual([issuer.certificate.der, ...issuer.chain]);
  });
});

describe('an operator that changes a record behind its owner', () => {
  it('cannot have it confirmed unnoticed by the owner’s next change', async () => {
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
    expect(after.change.type).toBe('operator');
  });

  it('cannot have the warning lost in a verification that fails', async () => {
    const identity = 'warned@example.com';
    const [own, mallory] = (await keys(2)) as [ClientKey, ClientKey];
    const owner = await operator.client();
    const { certificate } = await owner.register(identity, { token: operator.server.log.token, key: own });
    const contact = await operator.client();
    await contact.verifyCertificate(certificate);
    const forged = await operator.certify(identity, mallory.spki);
    await operator.appendRecord(identity, { certificates: [forged], authorization: BY_OPERATOR });
    await expect(contact.verifyCertificate(certificate)).rejects.toThrow(code('certificate-not-in-record'));
    await expect(contact.lookup(identity)).resolves.toMatchObject({ binding: { change: { type: 'operator' } } });
  });
});

describe('an owner', () => {
  it('gets rid of the old key also where the new one is in the record already', async () => {
    const identity = 'both@example.com';
    const [old, next] = (await keys(2)) as [ClientKey, ClientKey];
    const client = await operator.client();
    await client.register(identity, { token: operator.server.log.token, key: old });
    await client.register(identity, { credentials: old, key: next });
    const { binding } = await client.rotate(identity, old, next);
    expect(binding.certificates.some(({ spki }) => Buffer.from(spki).equals(old.spki))).toBe(false);
    const again = await client.rotate(identity, old, next);
    expect(again.binding.version).toBe(binding.version);
  });
});
