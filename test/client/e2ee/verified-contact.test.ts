import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { safetyNumber } from '../../../src/client/e2ee/safety-number.ts';
import { markVerified, verifiedMark } from '../../../src/client/e2ee/verified-contact.ts';
import { EMPTY_STATE, MemoryState } from '../../../src/client/state/client-state.ts';
import { formatClientState, parseClientState } from '../../../src/client/state/client-state-json.ts';
import { person, type Person } from '../../support/e2ee-people.ts';
import { LyingOperator } from '../../support/lying-operator.ts';
import { readState } from '../../support/victims.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

let operator: LyingOperator;
let alice: Person;
let bob: Person;
beforeEach(async () => {
  operator = await LyingOperator.start();
  alice = await person(operator.server, 'alice@example.com');
  bob = await person(operator.server, 'bob@example.com');
});
afterEach(() => operator.stop());

async function mark() {
  const number = await safetyNumber(alice.directory, alice.name, bob.name);
  return markVerified(alice.directory, bob.name, number);
}
const standing = () => verifiedMark(alice.directory, bob.name);
const addKey = async () => {
  const key = await generateKey();
  await bob.directory.register(bob.name, { credentials: bob.keys[0]!, key });
  return key;
};

describe('the mark of a verified contact', () => {
  it('stays while the keys stay, in a state that is stored', async () => {
    await expect(standing()).resolves.toBeUndefined();
    await expect(mark()).resolves.toMatchObject({ status: 'verified', markedAtMs: operator.server.log.clock.now() });
    const stored = formatClientState(await readState(alice.state as MemoryState));
    const state = new MemoryState();
    await state.transact(() => Promise.resolve({ next: parseClientState(stored), result: undefined }));
    const again = await operator.client({ state });
    await expect(verifiedMark(again, bob.name)).resolves.toMatchObject({ status: 'verified', added: [], removed: [] });
  });

  it('says which keys came and went by a signature of the contact, and holds', async () => {
    await mark();
    const key = await addKey();
    const changed = await standing();
    expect(changed).toMatchObject({ status: 'changed', removed: [], lostAt: undefined });
    expect(changed?.added).toHaveLength(1);
    await bob.directory.revoke(bob.name, key);
    await expect(standing()).resolves.toMatchObject({ status: 'verified' });
    await bob.directory.revoke(bob.name, bob.keys[0]!);
    await expect(standing()).resolves.toMatchObject({ status: 'changed', added: [], removed: [{}] });
  });

  it('is lost when the operator changes the keys, also after that was acknowledged and undone', async () => {
    await mark();
    const latest = (await operator.latest(bob.name))!;
    const certificate = await operator.certify(bob.name, (await generateKey()).spki);
    const authorization = { type: 'operator', reason: 'trust me' } as const;
    await operator.appendRecord(bob.name, {
      certificates: [...latest.record.certificates, certificate],
      authorization,
    });
    await expect(standing()).resolves.toMatchObject({ status: 'lost', lostAt: 1, added: [{}] });
    await expect(mark()).rejects.toEqual(code('keys-changed'));
    await alice.directory.acknowledge();
    await operator.appendRecord(bob.name, { certificates: latest.record.certificates, authorization });
    await alice.directory.lookup(bob.name);
    await alice.directory.acknowledge();
    await expect(standing()).resolves.toMatchObject({ status: 'lost', lostAt: 1, added: [], removed: [] });
    await expect(mark()).resolves.toMatchObject({ status: 'verified' });
    await expect(standing()).resolves.toMatchObject({ status: 'verified', lostAt: undefined });
  });

  it('holds when the service takes a key away, and says so', async () => {
    await addKey();
    await mark();
    const latest = (await operator.latest(bob.name))!;
    const authorization = { type: 'maintenance', kind: 'revocation', reason: 1 } as const;
    await operator.appendRecord(bob.name, { certificates: latest.record.certificates.slice(0, 1), authorization });
    await expect(standing()).resolves.toMatchObject({ status: 'changed', added: [], removed: [{}] });
  });

  it('is of the keys that were compared, of a contact', async () => {
    const number = await safetyNumber(alice.directory, alice.name, bob.name);
    await expect(markVerified(alice.directory, alice.name, number)).rejects.toEqual(code('usage'));
    const own = { theirs: number.mine };
    await expect(markVerified(alice.directory, alice.name, own)).rejects.toEqual(code('usage'));
    await addKey();
    await alice.directory.lookup(bob.name);
    await expect(markVerified(alice.directory, bob.name, number)).rejects.toEqual(code('keys-changed'));
    await mark();
    await alice.directory.unmarkKeys(bob.name);
    await expect(standing()).resolves.toBeUndefined();
  });
});

describe('a state', () => {
  it('has no member for marks where there is none, and refuses marks that are none', () => {
    expect(formatClientState(EMPTY_STATE)).not.toContain('verified');
    const marked = { version: 1, commitment: new Uint8Array(32), keys: [new Uint8Array(32)], markedAtMs: 2, lostAt: 3 };
    const text = formatClientState({ ...EMPTY_STATE, verified: new Map([['bob@example.com', marked]]) });
    expect(parseClientState(text).verified?.get('bob@example.com')).toEqual(marked);
    const short = text.replace(/"commitment": "[^"]+"/, '"commitment": "AAAA"');
    expect(() => parseClientState(short)).toThrow(code('state-corrupt'));
    expect(() => parseClientState(text.replace('"lostAt"', '"foundAt"'))).toThrow(code('state-too-new'));
  });
});
