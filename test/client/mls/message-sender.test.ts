import { createApplicationMessage, type MLSMessage } from 'ts-mls';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { parsePem } from '../../../src/ca/der/pem.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VerifyingKeys } from '../../../src/client/mls/message-sender.ts';
import {
  addTo,
  bareSuite,
  groupOf,
  type MlsTestDevice,
  newMlsDevice,
  receive,
  removing,
  take,
} from '../../support/mls-devices.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  // ts-mls judges lifetimes by the clock of the machine.
  server = await createTestServer({ startMs: Date.now(), limits: { verifyOneIn: 0 } });
});
afterAll(() => server.close());

/** A message of a device, which its group has not seen yet. */
async function written(from: MlsTestDevice, text: string): Promise<MLSMessage> {
  const made = await createApplicationMessage(from.group, new TextEncoder().encode(text), from.suite);
  from.group = made.newState;
  return { version: 'mls10', wireformat: 'mls_private_message', privateMessage: made.privateMessage };
}

async function received(by: MlsTestDevice, message: MLSMessage) {
  const { newState, sender } = await receive(by, message);
  by.group = newState;
  return sender;
}

describe('the sender of a message', () => {
  it('is the member who signed it, in whichever order messages come, and costs no request', async () => {
    const alice = await newMlsDevice(server, 'alice@sender.example');
    const bob = await newMlsDevice(server, 'bob@sender.example');
    const phone = await newMlsDevice(server, 'alice@sender.example', { by: alice });
    await groupOf(alice, bob, phone);
    const sent: [MlsTestDevice, number, MLSMessage][] = [];
    for (const text of ['one', 'two']) {
      for (const [leafIndex, from] of [alice, phone].entries())
        sent.push([from, 2 * leafIndex, await written(from, text)]);
    }
    const before = bob.requests.length;
    for (const [from, leafIndex, message] of sent.toReversed()) {
      const { name: identity, issued } = from;
      const { serial } = parseCertificate(parsePem('CERTIFICATE', issued.certificate));
      expect(await received(bob, message)).toEqual({ leafIndex, identity, serial });
    }
    expect(bob.requests.length).toBe(before);
  });

  it('is who had the leaf when it was sent, also after another has taken the leaf', async () => {
    const alice = await newMlsDevice(server, 'alice@epochs.example');
    const bob = await newMlsDevice(server, 'bob@epochs.example');
    const carol = await newMlsDevice(server, 'carol@epochs.example');
    const dave = await newMlsDevice(server, 'dave@epochs.example');
    await groupOf(alice, bob, carol);
    const late = await written(bob, 'late');
    const removal = await alice.auth.commit(
      { state: alice.group, cipherSuite: alice.suite },
      { extraProposals: [removing(1)] },
    );
    const [processed] = [await receive(carol, removal.commit)];
    expect(processed.sender).toBeUndefined();
    await take([carol], removal);
    alice.group = removal.newState;
    await addTo([alice, carol], dave);
    expect(await received(carol, late)).toMatchObject({ leafIndex: 1, identity: bob.name });
    expect(await received(carol, await written(dave, 'new'))).toMatchObject({ leafIndex: 1, identity: dave.name });
  });

  it('is nobody where not a single signature verified', async () => {
    const suite = await bareSuite();
    const keys = new VerifyingKeys();
    const noting = keys.of(suite);
    const refused = expect.objectContaining({ code: 'bad-message' });
    expect(() => keys.only).toThrow(refused);
    const { signKey, publicKey } = await suite.signature.keygen();
    const message = Uint8Array.of(1);
    const signature = await suite.signature.sign(signKey, message);
    expect(await noting.signature.verify(publicKey, Uint8Array.of(2), signature)).toBe(false);
    expect(() => keys.only).toThrow(refused);
    expect(await noting.signature.verify(publicKey, message, signature)).toBe(true);
    expect(keys.only).toEqual(publicKey);
    await noting.signature.verify(publicKey, message, signature);
    expect(() => keys.only).toThrow(refused);
  });
});
