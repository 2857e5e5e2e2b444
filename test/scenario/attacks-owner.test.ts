import { afterAll, beforeAll, describe, expect } from 'vitest';
import { formatPem } from '../../src/ca/pem.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/client-state.ts';
import { createCsr } from '../../src/client/csr.ts';
import { formatCertificateAnswer } from '../../src/contract/parse-answers.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { identityOf } from '../support/owner.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { BY_OPERATOR, failure, INITIAL, readState, warning } from '../support/victims.ts';
import { attack } from './attack.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

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
  attack('another-key-registered', async () => {
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
    const before = await readState(state);
    const csr = await createCsr(client.identity(identity), own);
    const noticed = await failure(client.register(identity, { token, csr }));
    await expect(client.register(identity, { token, key: own })).rejects.toThrow();
    expect(await readState(state)).toBe(before);
    return noticed;
  });

  attack('second-key-registered', async () => {
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
    return failure(client.register(identity, { token, key: own }));
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
