import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  type CallMessageKind,
  callSignedBytes,
  formatCallMessage,
  parseCallMessage,
} from '../../../src/client/calls/call-messages.ts';
import { CALL_LIFETIME_MS, MAX_CALLS_OF_ONE } from '../../../src/client/calls/seen-calls.ts';
import { type ClientKey, generateKey } from '../../../src/client/client-key.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import type { Fetch } from '../../../src/core/net/bounded-fetch.ts';
import { LyingOperator, refusal } from '../../support/lying-operator.ts';
import { newDeviceKey } from '../../support/owner.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';
import {
  ALICE,
  BOB,
  callBetween,
  flippedTexts,
  MALLORY,
  newDeviceOf,
  newPerson,
  personWith,
  type Person,
  rememberingDevice,
  sdpOf,
} from './people.ts';

/** Any of these codes. */
const code = (...expected: string[]) =>
  expect.objectContaining({ code: expect.toSatisfy((one: string) => expected.includes(one)) as string });

/** Changes a message and signs it again, with whatever key. */
async function resigned<T>(
  kind: CallMessageKind<T>,
  text: string,
  change: (body: T) => Partial<T>,
  key: ClientKey,
): Promise<string> {
  const { body } = parseCallMessage(kind, text);
  const changed = { ...body, ...change(body) };
  return formatCallMessage(kind, { body: changed, signature: await key.sign(callSignedBytes(kind, changed)) });
}

/** The texts with a flipped bit that are not refused by an error of Glasskey. */
async function notRefused(text: string, take: (flipped: string) => Promise<unknown>): Promise<string[]> {
  const accepted: string[] = [];
  for (const flipped of flippedTexts(text)) {
    if (!(await take(flipped).then(() => false, isGlasskeyError))) accepted.push(flipped);
  }
  return accepted;
}

describe('a call between two people', () => {
  let server: TestServer;
  let alice: Person;
  let bob: Person;
  let mallory: Person;
  beforeAll(async () => {
    server = await createTestServer({ configuration: { maxBehindMs: 86_400_000 } });
    [alice, bob, mallory] = [
      await newPerson(server, ALICE),
      await newPerson(server, BOB),
      await newPerson(server, MALLORY),
    ];
  });
  afterAll(() => server.close());

  it('is verified by both: names, devices, fingerprints, session descriptions, and one connection', async () => {
    const { incoming, callerCall, calleeCall } = await callBetween(alice, bob);
    expect(incoming.caller.identity).toBe(ALICE);
    expect(callerCall).toMatchObject({ role: 'caller', peer: { identity: BOB, certificate: { spki: bob.key.spki } } });
    expect(calleeCall).toMatchObject({
      role: 'callee',
      peer: { identity: ALICE, certificate: { spki: alice.key.spki } },
    });
    expect(callerCall.callId).toEqual(calleeCall.callId);
    const sdp = sdpOf(bob.fingerprint);
    expect(callerCall.verifySdp(sdp)).toBe(sdp);
    expect(incoming.verifySdp(sdpOf(alice.fingerprint))).toBe(calleeCall.verifySdp(sdpOf(alice.fingerprint)));
    callerCall.assertCertificate(bob.dtls);
    calleeCall.assertCertificate(alice.dtls);
    callerCall.assertChannelProof(calleeCall.channelProof);
    calleeCall.assertChannelProof(callerCall.channelProof);
  });

  it('refuses a fingerprint that was swapped, added, or is the own one', async () => {
    const { callerCall, incoming } = await callBetween(alice, bob);
    for (const fingerprints of [[mallory.fingerprint], [bob.fingerprint, mallory.fingerprint], [alice.fingerprint]]) {
      expect(() => callerCall.verifySdp(sdpOf(...fingerprints))).toThrow(code('call-mismatch'));
    }
    expect(() => incoming.verifySdp(sdpOf(mallory.fingerprint))).toThrow(code('call-mismatch'));
    expect(() => callerCall.assertCertificate(mallory.dtls)).toThrow(code('call-mismatch'));
    expect(() => callerCall.assertChannelProof(callerCall.channelProof)).toThrow(code('call-mismatch'));
  });

  it('refuses every flipped bit of offer, answer and confirmation', async () => {
    const [caller, callee] = [rememberingDevice(server, alice), rememberingDevice(server, bob)];
    const started = await caller.start(BOB, [alice.fingerprint]);
    expect(await notRefused(started.message, (text) => callee.receive(text))).toEqual([]);
    const answered = await (await callee.receive(started.message)).answer([bob.fingerprint]);
    expect(await notRefused(answered.message, (text) => started.accept(text))).toEqual([]);
    const { confirm } = await started.accept(answered.message);
    expect(await notRefused(confirm, (text) => answered.confirmed(text))).toEqual([]);
    await expect(answered.confirmed(confirm)).resolves.toMatchObject({ role: 'callee' });
  });

  it('rings once: an offer again, and an old or future one, are refused', async () => {
    const { message } = await alice.device.start(BOB, [alice.fingerprint]);
    const both = await Promise.allSettled([bob.device.receive(message), bob.device.receive(message)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(bob.device.receive(message)).rejects.toThrow(code('call-mismatch'));
    const moved = (ms: number) => resigned(CALL_OFFER, message, ({ timeMs }) => ({ timeMs: timeMs + ms }), alice.key);
    for (const ms of [-CALL_LIFETIME_MS, 60_001]) {
      await expect(bob.device.receive(await moved(ms))).rejects.toThrow(code('call-mismatch'));
    }
    const { message: late } = await alice.device.start(BOB, [alice.fingerprint]);
    server.log.clock.advance(CALL_LIFETIME_MS);
    await expect(bob.device.receive(late)).rejects.toThrow(code('call-mismatch'));
  });

  it('rings for others while one caller calls without end', async () => {
    const [caller, callee] = [rememberingDevice(server, mallory), rememberingDevice(server, bob)];
    const ring = async () => callee.receive((await caller.start(BOB, [mallory.fingerprint])).message);
    for (let i = 0; i < MAX_CALLS_OF_ONE; i++) await ring();
    await expect(ring()).rejects.toThrow(code('overloaded'));
    const { message } = await alice.device.start(BOB, [alice.fingerprint]);
    await expect(callee.receive(message)).resolves.toMatchObject({ caller: { identity: ALICE } });
  });

  it('is over when nobody answered within two minutes', async () => {
    const started = await alice.device.start(BOB, [alice.fingerprint]);
    const first = await bob.device.receive(started.message);
    const other = await alice.device.start(BOB, [alice.fingerprint]);
    const second = await bob.device.receive(other.message);
    const { message } = await first.answer([bob.fingerprint]);
    server.log.clock.advance(CALL_LIFETIME_MS);
    await expect(started.accept(message)).rejects.toThrow(code('call-mismatch'));
    await expect(second.answer([bob.fingerprint])).rejects.toThrow(code('call-mismatch'));
  });

  it('refuses a replayed answer, and a replayed confirmation', async () => {
    const old = await callBetween(alice, bob);
    const started = await alice.device.start(BOB, [alice.fingerprint]);
    await expect(started.accept(old.answered.message)).rejects.toThrow(code('call-mismatch'));
    const answered = await (await bob.device.receive(started.message)).answer([bob.fingerprint]);
    await expect(answered.confirmed(old.confirm)).rejects.toThrow(code('call-mismatch'));
  });

  it('takes a confirmation once, and not when it was held back for two minutes', async () => {
    const { answered, confirm } = await callBetween(alice, bob);
    await expect(answered.confirmed(confirm)).rejects.toThrow(code('call-mismatch'));
    const started = await alice.device.start(BOB, [alice.fingerprint]);
    const waiting = await (await bob.device.receive(started.message)).answer([bob.fingerprint]);
    const held = await started.accept(waiting.message);
    server.log.clock.advance(CALL_LIFETIME_MS);
    await expect(waiting.confirmed(held.confirm)).rejects.toThrow(code('call-mismatch'));
  });

  it('refuses a reflected offer, messages in the place of others, and an offer to another', async () => {
    const { started, answered, confirm } = await callBetween(alice, bob);
    const again = await alice.device.start(BOB, [alice.fingerprint]);
    await expect(alice.device.receive(again.message)).rejects.toThrow(code('call-mismatch'));
    await expect(mallory.device.receive(again.message)).rejects.toThrow(code('call-mismatch'));
    const toSelf = await alice.device.start(ALICE, [alice.fingerprint]);
    await expect(alice.device.receive(toSelf.message)).rejects.toThrow(code('call-mismatch'));
    for (const message of [started.message, confirm]) {
      await expect(again.accept(message)).rejects.toThrow(code('malformed-encoding'));
    }
    for (const message of [answered.message, confirm, '', 'glasskey-call:', 'x'.repeat(10_000)]) {
      await expect(bob.device.receive(message)).rejects.toThrow(code('malformed-encoding'));
    }
    await expect(answered.confirmed(started.message)).rejects.toThrow(code('malformed-encoding'));
  });

  it('refuses an answer or offer that somebody else signed in the name of one of them', async () => {
    const started = await alice.device.start(BOB, [alice.fingerprint]);
    const stolen = await resigned(
      CALL_OFFER,
      started.message,
      () => ({ fingerprints: [mallory.fingerprint] }),
      mallory.key,
    );
    await expect(bob.device.receive(stolen)).rejects.toThrow(code('bad-signature'));
    const asMallory = { callerKey: sha256(mallory.key.spki) };
    const claimed = await resigned(CALL_OFFER, started.message, () => asMallory, mallory.key);
    await expect(bob.device.receive(claimed)).rejects.toThrow(code('certificate-not-in-record'));
    const { message } = await (await bob.device.receive(started.message)).answer([bob.fingerprint]);
    const calleeKey = sha256(mallory.key.spki);
    const fake = await resigned(
      CALL_ANSWER,
      message,
      () => ({ calleeKey, fingerprints: [mallory.fingerprint] }),
      mallory.key,
    );
    await expect(started.accept(fake)).rejects.toThrow(code('certificate-not-in-record'));
    // What failed has changed nothing: the true answer is still taken.
    await expect(started.accept(message)).resolves.toMatchObject({ call: { peer: { identity: BOB } } });
  });

  it('unknown key share: two calls of Mallory that she joins to one are told by the proof in the connection', async () => {
    // Alice calls Mallory. Mallory calls Bob with Alice's fingerprint, and answers Alice with Bob's.
    const fromAlice = await alice.device.start(MALLORY, [alice.fingerprint]);
    const atMallory = await mallory.device.receive(fromAlice.message);
    const fromMallory = await mallory.device.start(BOB, [alice.fingerprint]);
    const toBob = await (await bob.device.receive(fromMallory.message)).answer([bob.fingerprint]);
    const { confirm } = await fromMallory.accept(toBob.message);
    const toAlice = await atMallory.answer([bob.fingerprint]);
    const { call: alices } = await fromAlice.accept(toAlice.message);
    const bobs = await toBob.confirmed(confirm);
    // DTLS between Alice and Bob holds, though each believes to talk to Mallory.
    alices.assertCertificate(bob.dtls);
    bobs.assertCertificate(alice.dtls);
    expect([alices.peer.identity, bobs.peer.identity]).toEqual([MALLORY, MALLORY]);
    expect(() => alices.assertChannelProof(bobs.channelProof)).toThrow(code('call-mismatch'));
    expect(() => bobs.assertChannelProof(alices.channelProof)).toThrow(code('call-mismatch'));
  });

  it('is settled where both call at once: both give the same call up', async () => {
    const [alices, bobs] = [
      await alice.device.start(BOB, [alice.fingerprint]),
      await bob.device.start(ALICE, [bob.fingerprint]),
    ];
    const [atBob, atAlice] = [await bob.device.receive(alices.message), await alice.device.receive(bobs.message)];
    expect(alices.yieldsTo(atAlice)).toBe(!bobs.yieldsTo(atBob));
    const fromMallory = await mallory.device.start(ALICE, [mallory.fingerprint]);
    expect(alices.yieldsTo(await alice.device.receive(fromMallory.message))).toBe(false);
  });

  it('takes the first of two devices that answer, and the other never learns a confirmation', async () => {
    const carol = await newPerson(server, 'carol@example.com');
    const tablet = await newDeviceOf(server, carol);
    await carol.directory.monitor();
    const started = await alice.device.start(carol.name, [alice.fingerprint]);
    const onTablet = await (await tablet.device.receive(started.message)).answer([tablet.fingerprint]);
    const onPhone = await (await carol.device.receive(started.message)).answer([carol.fingerprint]);
    const { call, confirm } = await started.accept(onTablet.message);
    expect(call.peer.certificate.spki).toEqual(tablet.key.spki);
    await expect(started.accept(onPhone.message)).rejects.toThrow(code('call-mismatch'));
    await expect(onPhone.confirmed(confirm)).rejects.toThrow(code('call-mismatch'));
    await expect(onTablet.confirmed(confirm)).resolves.toMatchObject({ peer: { identity: ALICE } });
    // One of a person's devices may call another.
    const toTablet = await carol.device.start(carol.name, [carol.fingerprint]);
    await expect(tablet.device.receive(toTablet.message)).resolves.toMatchObject({ caller: { identity: carol.name } });
  });

  it('answers once', async () => {
    const incoming = await bob.device.receive((await alice.device.start(BOB, [alice.fingerprint])).message);
    await incoming.answer([bob.fingerprint]);
    await expect(incoming.answer([bob.fingerprint])).rejects.toThrow(code('usage'));
    for (const fingerprints of [[], Array.from({ length: 5 }, () => bob.fingerprint), [bob.fingerprint.subarray(1)]]) {
      await expect(alice.device.start(BOB, fingerprints)).rejects.toThrow(code('value-out-of-range'));
    }
  });

  it('ends with a key that is rotated, or revoked, before the call stands', async () => {
    const dave = await newPerson(server, 'dave@example.com');
    const started = await alice.device.start(dave.name, [alice.fingerprint]);
    const { message } = await (await dave.device.receive(started.message)).answer([dave.fingerprint]);
    const fromDave = await dave.device.start(BOB, [dave.fingerprint]);
    const answered = await (await bob.device.receive(fromDave.message)).answer([bob.fingerprint]);
    const { confirm } = await fromDave.accept(answered.message);
    const offered = await alice.device.start(dave.name, [alice.fingerprint]);
    await dave.directory.rotate(dave.name, dave.key, await generateKey());
    await expect(started.accept(message)).rejects.toThrow(code('unexpected-version'));
    await expect(answered.confirmed(confirm)).rejects.toThrow(code('unexpected-version'));
    await expect(dave.device.receive(offered.message)).rejects.toThrow(code('certificate-not-in-record'));
    await expect(dave.device.start(BOB, [dave.fingerprint])).rejects.toThrow(code('certificate-not-in-record'));
  });

  it('needs somebody to call', async () => {
    await expect(alice.device.start('nobody@example.com', [alice.fingerprint])).rejects.toThrow(
      code('identity-not-found'),
    );
    const erin = await newPerson(server, 'erin@example.com');
    await erin.directory.revoke(erin.name, erin.key);
    await expect(alice.device.start(erin.name, [alice.fingerprint])).rejects.toThrow(code('no-such-certificate'));
  });

  it('refuses an offer of another log', async () => {
    const { message } = await alice.device.start(BOB, [alice.fingerprint]);
    const other = await resigned(CALL_OFFER, message, () => ({ origin: 'other.example/log' }), alice.key);
    await expect(bob.device.receive(other)).rejects.toThrow(code('call-mismatch'));
    const started = await alice.device.start(BOB, [alice.fingerprint]);
    const answered = await (await bob.device.receive(started.message)).answer([bob.fingerprint]);
    const elsewhere = await resigned(CALL_ANSWER, answered.message, () => ({ origin: 'other.example/log' }), bob.key);
    await expect(started.accept(elsewhere)).rejects.toThrow(code('call-mismatch'));
    const { confirm } = await started.accept(answered.message);
    const moved = await resigned(CALL_CONFIRM, confirm, () => ({ origin: 'other.example/log' }), alice.key);
    await expect(answered.confirmed(moved)).rejects.toThrow(code('call-mismatch'));
  });
});

describe('an operator who lies', () => {
  let operator: LyingOperator;
  let alice: Person;
  let bob: Person;
  beforeEach(async () => {
    operator = await LyingOperator.start({ configuration: { maxBehindMs: 86_400_000 } });
    [alice, bob] = [await newPerson(operator.server, ALICE), await newPerson(operator.server, BOB)];
  });
  afterEach(() => operator.stop());

  /** Adds a key of the operator's to a name. */
  async function addFalseKey(name: string, type: 'operator' | 'maintenance'): Promise<ClientKey> {
    const key = await newDeviceKey();
    const held = await operator.latest(name);
    const authorization = type === 'operator' ? { type, reason: 'trust me' } : ({ type, kind: 'renewal' } as const);
    const certificates = [...(held?.record.certificates ?? []), await operator.certify(name, key.spki)];
    await operator.appendRecord(name, { certificates, authorization });
    return { keyType: 'ed25519', spki: key.spki, sign: async (message) => key.sign(message) };
  }

  it.each(['operator', 'maintenance'] as const)('cannot answer for Bob by a key added as %s', async (type) => {
    const started = await alice.device.start(BOB, [alice.fingerprint]);
    const honest = await (await bob.device.receive(started.message)).answer([bob.fingerprint]);
    const key = await addFalseKey(BOB, type);
    const calleeKey = sha256(key.spki);
    const fake = await resigned(CALL_ANSWER, honest.message, () => ({ calleeKey }), key);
    await expect(started.accept(fake)).rejects.toThrow(code('certificate-not-in-record'));
    await expect(alice.device.start(BOB, [alice.fingerprint])).rejects.toThrow(code('keys-changed'));
    // A first look too: Bob is told of the key by his own alert, whoever calls.
    const carol = await newPerson(operator.server, 'carol@example.com');
    await expect(carol.device.start(BOB, [carol.fingerprint])).rejects.toThrow(code('keys-changed'));
  });

  it('can hide who added a key from those who look for the first time, and they are told that something is hidden', async () => {
    await addFalseKey(BOB, 'operator');
    const hiding: Fetch = (url, init) => (url.endsWith(PATHS.chain) ? refusal('erased')() : fetch(url, init));
    const directory = await operator.client({ fetch: hiding });
    const key = await generateKey({ type: 'ed25519' });
    await directory.register('dave@example.com', { token: operator.server.log.token, key });
    const dave = personWith(operator.server, 'dave@example.com', key, directory);
    const { callee } = await dave.device.start(BOB, [dave.fingerprint]);
    expect(callee).toMatchObject({
      link: undefined,
      change: { firstLook: { unjudged: { last: 1, why: 'not-shown' } } },
    });
  });

  it('cannot call Bob as Alice by a key added to her name', async () => {
    const { message } = await alice.device.start(BOB, [alice.fingerprint]);
    const key = await addFalseKey(ALICE, 'operator');
    const held = await operator.latest(ALICE);
    const caller = { version: held!.version, commitment: held!.commitment };
    const change = { callerKey: sha256(key.spki) };
    const fake = await resigned(
      CALL_OFFER,
      message,
      (body) => ({ ...change, caller: { ...body.caller, ...caller } }),
      key,
    );
    await expect(bob.device.receive(fake)).rejects.toThrow(code('keys-changed'));
    // Alice's own call tells it too: Bob sees another version than she signed.
    await expect(bob.device.receive(message)).rejects.toThrow(code('unexpected-version'));
  });

  it('cannot have Alice call Bob by a version that Bob does not know of', async () => {
    const { message } = await alice.device.start(BOB, [alice.fingerprint]);
    const commitment = new Uint8Array(32);
    const seen = await resigned(
      CALL_OFFER,
      message,
      ({ callee }) => ({ callee: { ...callee, commitment } }),
      alice.key,
    );
    await expect(bob.device.receive(seen)).rejects.toThrow(code('unexpected-version'));
    const later = await resigned(
      CALL_OFFER,
      message,
      ({ callee }) => ({ callee: { ...callee, version: 1 } }),
      alice.key,
    );
    await expect(bob.device.receive(later)).rejects.toThrow(code('unexpected-version'));
    const unknown = await resigned(
      CALL_OFFER,
      message,
      ({ caller }) => ({ caller: { ...caller, version: 9 } }),
      alice.key,
    );
    await expect(bob.device.receive(unknown)).rejects.toThrow(code('too-far-behind'));
  });
});
