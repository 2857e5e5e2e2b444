import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatPem } from '../../src/ca/der/pem.ts';
import type { CertificateResult, OwnerKnowledge, RevocationResult } from '../../src/contract/bodies.ts';
import { parseCertificateAnswer, parseRevocationAnswer } from '../../src/contract/parse-answers.ts';
import { formatCertificateRequest, formatRevocationRequest } from '../../src/contract/parse-requests.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import { greatestKnown, type OwnerState } from '../../src/core/keytrans/owner-state.ts';
import type { TreeView } from '../../src/core/keytrans/tree-view.ts';
import { updateResponsesCodec } from '../../src/core/keytrans/update-messages.ts';
import { verifyOwnerInit } from '../../src/core/keytrans/verify-owner-init.ts';
import { verifyOwnerUpdate } from '../../src/core/keytrans/verify-owner-update.ts';
import { decodeIdentityRecord } from '../../src/identity/identity-record.ts';
import type { SignedChange } from '../../src/identity/change-request.ts';
import { csrFor, type DeviceKey, identityOf, newDeviceKey, seenVersion, signChange } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const NAME = 'alice@example.com';
const { label } = identityOf(NAME);

let server: TestServer;
let view: TreeView | undefined;
let owner: OwnerState;
let phone: DeviceKey;

const client = () => ({ config: server.log.context.configuration, view, nowMs: server.log.clock.nowMs });

async function postJson(path: string, body: object, token?: string): Promise<unknown> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer: unknown = await response.json();
  if (!response.ok) throw Object.assign(new Error('refused'), answer);
  return answer;
}

/** Takes in the proof of an answer as an owner does; gives the versions that it tells of. */
function learn({ proof }: CertificateResult | RevocationResult) {
  const told = [];
  for (const response of decode(updateResponsesCodec(client().config), proof)) {
    const request = { last: view?.size, label, greatestVersion: greatestKnown(owner), values: [] };
    const verified = verifyOwnerUpdate(client(), request, response, owner);
    ({ view, owner } = verified);
    for (const { version, value } of verified.created) told.push({ version, value, position: verified.position });
  }
  return told;
}

async function certify(key: DeviceKey, known: OwnerKnowledge, change?: SignedChange): Promise<CertificateResult> {
  const csr = formatPem('CERTIFICATE REQUEST', await csrFor(key, NAME));
  const evidence = { type: change === undefined ? ('application-token' as const) : ('key' as const) };
  const body = formatCertificateRequest({ identity: NAME, csr, evidence, change, last: view?.size, owner: known });
  return parseCertificateAnswer(
    await postJson(PATHS.certificates, body, change === undefined ? server.log.token : undefined),
  );
}

/** Registers somebody else. */
async function certifyAnother(identity: string, known: OwnerKnowledge | undefined): Promise<void> {
  const csr = formatPem('CERTIFICATE REQUEST', await csrFor(await newDeviceKey(), identity));
  const evidence = { type: 'application-token' as const };
  const body = { identity, csr, evidence, change: undefined, last: undefined, owner: known };
  await postJson(PATHS.certificates, formatCertificateRequest(body), server.log.token);
}

beforeAll(async () => {
  server = await createTestServer();
  const request = { last: undefined, label, start: 0 };
  const init = await server.log.service.prover.ownerInit(request);
  ({ view, owner } = verifyOwnerInit(client(), request, init));
  phone = await newDeviceKey();
});
afterAll(() => server.close());

async function signKeys(keys: readonly DeviceKey[]): Promise<SignedChange> {
  const found = await server.log.service.prover.search({ last: undefined, label, version: undefined });
  return signChange(
    NAME,
    seenVersion(NAME, found),
    phone,
    keys.map(({ spkiSha256 }) => spkiSha256),
  );
}

describe('an owner', () => {
  it('is told of the version that a registration made', async () => {
    const answer = await certify(phone, {});
    const told = learn(answer);
    expect(told).toMatchObject([{ version: 0, position: answer.position }]);
    expect(answer.treeSize).toBe(view?.size);
    expect(decodeIdentityRecord(told[0]?.value as Uint8Array).certificates).toHaveLength(1);
  });

  it('costs the server one proof, as does a client that is none', async () => {
    const { prover } = server.log.service;
    const [search, update] = [vi.spyOn(prover, 'search'), vi.spyOn(prover, 'update')];
    const made = () => [search.mock.calls.length, update.mock.calls.length];
    await certifyAnother('owner@example.com', {});
    expect(made()).toEqual([0, 1]);
    await certifyAnother('plain@example.com', undefined);
    expect(made()).toEqual([1, 1]);
    vi.restoreAllMocks();
  });

  it('is told of all that happened, if it missed something', async () => {
    const laptop = await newDeviceKey();
    const change = await signKeys([phone, laptop]);
    const answer = await certify(laptop, {}, change);
    // It says that it knows nothing: both versions come, each as if asked for after the other.
    const proof = decode(updateResponsesCodec(client().config), answer.proof);
    expect(proof.map(({ fullTreeHead }) => fullTreeHead.type)).toEqual(['updated', 'same']);
    const again = await certify(laptop, { greatestVersion: 0 }, change);
    expect(again.version).toBe(1);
    expect(learn(again)).toMatchObject([{ version: 1, position: again.position }]);
  });

  it('is told of a revocation', async () => {
    const change = await signKeys([]);
    const known = { greatestVersion: greatestKnown(owner) };
    const body = formatRevocationRequest({
      identity: NAME,
      serials: 'all',
      reason: 'unspecified',
      change,
      last: view?.size,
      owner: known,
    });
    const answer = parseRevocationAnswer(await postJson(PATHS.revocations, body));
    expect(answer.revoked).toHaveLength(2);
    expect(learn(answer)).toMatchObject([{ version: 2, position: answer.position }]);
    // The same again, now that the owner knows: there is nothing to tell.
    const again = { ...body, last: view?.size ?? 0, owner: { greatestVersion: 2 } };
    expect(parseRevocationAnswer(await postJson(PATHS.revocations, again)).proof).toHaveLength(0);
    const wrong = postJson(PATHS.revocations, { ...again, owner: { greatestVersion: 9 } });
    await expect(wrong).rejects.toMatchObject({ status: 400, code: 'invalid-request' });
  });
});
