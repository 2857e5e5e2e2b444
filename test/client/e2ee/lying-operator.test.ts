import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BoundCertificate, VerifiedBinding } from '../../../src/client/binding/binding.ts';
import { type ClientKey, generateKey } from '../../../src/client/client-key.ts';
import { claimOf, verifyCertified } from '../../../src/client/certified-signature.ts';
import { open } from '../../../src/client/e2ee/open-message.ts';
import { type MessageDirectory, sealTo } from '../../../src/client/e2ee/seal-message.ts';
import type { KeyDirectory } from '../../../src/client/key-directory.ts';
import { companionKeysOf } from '../../../src/client/keys/companion-secrets.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { BOTH, openAt, person, type Person } from '../../support/e2ee-people.ts';
import { LyingOperator } from '../../support/lying-operator.ts';

const HELLO = encodeUtf8('hello');
const code = (expected: string) => expect.objectContaining({ code: expected });

let operator: LyingOperator;
let alice: Person;
let bob: Person;
let falseKey: ClientKey;
beforeEach(async () => {
  operator = await LyingOperator.start();
  alice = await person(operator.server, 'alice@example.com');
  bob = await person(operator.server, 'bob@example.com');
  falseKey = await generateKey({ companions: BOTH });
});
afterEach(() => operator.stop());

/** The operator adds a device of its own to a name. */
async function addFalseDevice({ name }: Person, kind: 'operator' | 'maintenance' = 'operator'): Promise<void> {
  const latest = await operator.latest(name);
  const certificate = await operator.certify(name, falseKey.spki, { companions: companionKeysOf(falseKey)! });
  await operator.appendRecord(name, {
    certificates: [...(latest?.record.certificates ?? []), certificate],
    authorization:
      kind === 'operator' ? { type: 'operator', reason: 'trust me' } : { type: 'maintenance', kind: 'renewal' },
  });
}

const seal = (directory: KeyDirectory, from: Person, to: Person, key = from.keys[0]!) =>
  sealTo(directory, to.name, HELLO, { name: from.name, key });

describe('sealing to a name whose keys changed unseen', () => {
  it.each(['operator', 'maintenance'] as const)('is refused, also later: %s', async (kind) => {
    await expect(seal(alice.directory, alice, bob)).resolves.toMatchObject({ devices: [{ suite: 'x-wing' }] });
    await addFalseDevice(bob, kind);
    await expect(seal(alice.directory, alice, bob)).rejects.toEqual(code('keys-changed'));
    await expect(seal(alice.directory, alice, bob)).rejects.toEqual(code('keys-changed'));
    await alice.directory.acknowledge([bob.name]);
    await expect(seal(alice.directory, alice, bob)).resolves.toMatchObject({ devices: [{}, {}] });
  });

  it('is refused at the first look, too', async () => {
    await addFalseDevice(bob);
    const carol = await person(operator.server, 'carol@example.com');
    await expect(seal(carol.directory, carol, bob)).rejects.toEqual(code('keys-changed'));
  });

  it('goes on after changes that a key of the name signed', async () => {
    await seal(alice.directory, alice, bob);
    const next = await generateKey({ companions: BOTH });
    await bob.directory.register(bob.name, { credentials: bob.keys[0]!, key: next });
    await expect(seal(alice.directory, alice, bob)).resolves.toMatchObject({ devices: [{}, {}] });
  });
});

describe('a recipient finds out', () => {
  it('that the sender was shown a device which is not hers', async () => {
    await addFalseDevice(bob);
    await seal(alice.directory, alice, bob).catch(() => undefined);
    await alice.directory.acknowledge();
    const { envelope } = await seal(alice.directory, alice, bob);
    await expect(open(alice.directory, { name: bob.name, keys: [falseKey] }, envelope)).resolves.toBeDefined();
    await expect(openAt(bob, envelope)).rejects.toEqual(code('unexpected-version'));
    await expect(bob.directory.alerts()).resolves.toMatchObject([{ version: 1, type: 'unexpected-version' }]);
    await bob.directory.acknowledge();
    await expect(openAt(bob, envelope)).resolves.toMatchObject({ plaintext: HELLO, to: { version: 1 } });
  });

  it('that the sender was shown a fork of the log', async () => {
    const { binding } = (await alice.directory.lookup(bob.name)) as { binding: VerifiedBinding };
    const certificate: BoundCertificate = {
      ...binding.certificates[0]!,
      spki: falseKey.spki,
      companions: companionKeysOf(falseKey),
      keysSha256: new Uint8Array(32).fill(1),
    };
    const forkAt = (version: number): MessageDirectory => {
      const certificates = [...binding.certificates, certificate];
      const shown = { ...binding, version, certificates, commitment: new Uint8Array(32).fill(2) };
      return {
        identity: (text) => alice.directory.identity(text),
        trust: alice.directory.trust,
        lookupVersion: (text, asked) => alice.directory.lookupVersion(text, asked),
        lookup: async (text) => (text === bob.name ? { found: true, binding: shown } : alice.directory.lookup(text)),
      };
    };
    const sealing = { name: alice.name, key: alice.keys[0]! };
    const [now, later] = [
      await sealTo(forkAt(0), bob.name, HELLO, sealing),
      await sealTo(forkAt(1), bob.name, HELLO, sealing),
    ];
    expect(now.devices).toHaveLength(2);
    await expect(openAt(bob, now.envelope)).rejects.toEqual(code('unexpected-version'));
    await expect(openAt(bob, later.envelope)).rejects.toEqual(code('too-far-behind'));
    await bob.directory.register(bob.name, { credentials: bob.keys[0]!, key: await generateKey() });
    await expect(openAt(bob, now.envelope)).rejects.toEqual(code('unexpected-version'));
    await expect(openAt(bob, later.envelope)).rejects.toEqual(code('unexpected-version'));
  });

  it('that a key of the sender appeared unseen, and still reads what was signed before', async () => {
    const earlier = await seal(alice.directory, alice, bob);
    await expect(openAt(bob, earlier.envelope)).resolves.toMatchObject({ from: { isCurrent: true } });
    await addFalseDevice(alice);
    const impostor = await operator.client();
    await impostor.lookup(alice.name);
    const forged = await seal(impostor, alice, bob, falseKey);
    await expect(openAt(bob, forged.envelope)).rejects.toEqual(code('keys-changed'));
    await expect(openAt(bob, earlier.envelope)).resolves.toMatchObject({
      from: { version: 0, isCurrent: true, binding: { version: 1, alerts: [{ type: 'operator' }] } },
    });
    await bob.directory.acknowledge([alice.name]);
    const { from } = await openAt(bob, forged.envelope);
    expect(from.certificate.spki).toEqual(falseKey.spki);
  });
});

describe('a signature of a device', () => {
  it('is verified against the version that it names', async () => {
    const { binding } = (await bob.directory.lookup(bob.name)) as { binding: VerifiedBinding };
    const [key] = bob.keys as [ClientKey];
    const claim = claimOf(key, binding);
    const message = encodeUtf8('a message');
    const signature = await key.sign(message);
    const verify = (changed: Partial<typeof claim>, signed = message) =>
      verifyCertified(alice.directory, { ...claim, ...changed }, signed, signature);
    await expect(verify({})).resolves.toMatchObject({ isCurrent: true, certificate: { spki: key.spki } });
    await expect(verify({}, HELLO)).rejects.toEqual(code('bad-signature'));
    await expect(verify({ version: 1 })).rejects.toEqual(code('too-far-behind'));
    await expect(verify({ commitment: new Uint8Array(32) })).rejects.toEqual(code('unexpected-version'));
    await expect(verify({ keySha256: new Uint8Array(32) })).rejects.toEqual(code('certificate-not-in-record'));
    await expect(verify({ identity: 'nobody@example.com' })).rejects.toEqual(code('identity-not-found'));
    await bob.directory.register(bob.name, { credentials: key, key: falseKey });
    await bob.directory.revoke(bob.name, key);
    await expect(verify({})).resolves.toMatchObject({ isCurrent: false, binding: { version: 2 } });
    await expect(verify({ commitment: new Uint8Array(32) })).rejects.toEqual(code('unexpected-version'));
  });
});
