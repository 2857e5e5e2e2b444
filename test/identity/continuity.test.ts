import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { certifiedKeysHash } from '../../src/core/crypto/certified-keys-hash.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import type { ErrorCode } from '../../src/core/error-codes.ts';
import type { Authorization } from '../../src/identity/authorization.ts';
import { changeRequestCodec } from '../../src/identity/change-request.ts';
import { checkTransition, type HeldVersion, type LinkType, type RecoveryClaim } from '../../src/identity/continuity.ts';
import { type IdentityRecord, NO_COMMITMENT, type Pending } from '../../src/identity/identity-record.ts';
import { authorizeByKey } from '../../src/identity/signed-change.ts';
import { byKey, changeRequest, fakeCertificate, fakeKey, held, LABEL, ORIGIN, PORTS, record } from './fake-pki.ts';

const [alice, phone, mallory] = [fakeKey(1), fakeKey(2), fakeKey(3)];
const [a1, a2, p1, m1] = [
  fakeCertificate(alice, 1),
  fakeCertificate(alice, 2),
  fakeCertificate(phone, 1),
  fakeCertificate(mallory, 1),
];
const INITIAL: Authorization = { type: 'initial', evidence: { type: 'application' } };
const OPERATOR: Authorization = { type: 'operator', reason: 'court order' };
const RENEWAL: Authorization = { type: 'maintenance', kind: 'renewal' };
const EXPIRY: Authorization = { type: 'maintenance', kind: 'expiry' };
const ERASURE: Authorization = { type: 'maintenance', kind: 'erasure' };
const REVOCATION: Authorization = { type: 'maintenance', kind: 'revocation', reason: 1 };
const REQUESTED: Authorization = { type: 'recovery', phase: 'requested' };
const PENDING: Pending = { spkiSha256: mallory.hash, evidence: { type: 'email' } };
const effective = (pendingVersion: number, firstPosition = 5, lastPosition = 9): Authorization => ({
  type: 'recovery',
  phase: 'effective',
  pendingVersion,
  firstPosition,
  lastPosition,
});

const zero = held(0, record(undefined, [a1], INITIAL));
const both = held(4, record(zero, [a1, p1], OPERATOR));
const empty = held(3, record(zero, [], REVOCATION));
const waiting = held(6, record(both, [a1], REQUESTED, { pending: PENDING }));

function check(previous: HeldVersion | undefined, next: IdentityRecord, but?: object): Promise<LinkType> {
  const version = previous === undefined ? 0 : previous.version + 1;
  return checkTransition({ origin: ORIGIN, label: LABEL, version, previous, next, ports: PORTS, ...but });
}

const refuses = async (outcome: Promise<unknown>, code: ErrorCode) =>
  expect(outcome).rejects.toThrow(expect.objectContaining({ code }));

describe('companion keys', () => {
  const [own, others] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const named = (companions: Uint8Array | undefined) => ({
    ...alice,
    hash: certifiedKeysHash(alice.spki, companions),
  });
  const [with1, with2, bare] = [
    fakeCertificate(alice, 1, own),
    fakeCertificate(alice, 2, others),
    fakeCertificate(alice, 3),
  ];
  const first = held(0, record(undefined, [with1], INITIAL));

  it('stay the same in a renewal', async () => {
    expect(await check(first, record(first, [with1, fakeCertificate(alice, 9, own)], RENEWAL))).toBe('maintenance');
    for (const other of [with2, bare]) await refuses(check(first, record(first, [with1, other], RENEWAL)), 'bad-chain');
    await refuses(check(zero, record(zero, [a1, with1], RENEWAL)), 'bad-chain');
  });

  it('change by a change that names them, signed by the key, and by no other', async () => {
    const changed = (request: ReturnType<typeof changeRequest>) => record(first, [with2], byKey(alice, request));
    expect(await check(first, changed(changeRequest(first, [named(others)])))).toBe('key');
    for (const wrong of [named(own), named(undefined)]) {
      await refuses(check(first, changed(changeRequest(first, [wrong]))), 'bad-change-signature');
    }
  });

  it('are part of what a recovery waits for', async () => {
    const pending = { ...PENDING, spkiSha256: named(others).hash };
    const before = held(1, record(first, [with1], REQUESTED, { pending }));
    expect(await check(before, record(before, [with2], effective(1)))).toBe('operator');
    await refuses(check(before, record(before, [bare], effective(1))), 'bad-chain');
  });
});

describe('version 0', () => {
  it('is initial, or an operator’s', async () => {
    expect(await check(undefined, record(undefined, [a1], INITIAL))).toBe('initial');
    expect(await check(undefined, record(undefined, [a1, p1], OPERATOR))).toBe('operator');
  });

  it.each<[string, IdentityRecord, ErrorCode]>([
    ['names a predecessor', record(zero, [a1], INITIAL), 'bad-chain'],
    ['is empty', record(undefined, [], INITIAL), 'bad-record'],
    ['has something pending', record(undefined, [a1], INITIAL, { pending: PENDING }), 'bad-record'],
    ['is by a key', record(undefined, [a1], byKey(alice, changeRequest(zero, [alice]))), 'bad-record'],
    ['is maintenance', record(undefined, [a1], RENEWAL), 'bad-record'],
    ['is a recovery', record(undefined, [a1], REQUESTED), 'bad-record'],
    ['is a recovery in effect', record(undefined, [a1], effective(0)), 'bad-record'],
    ['holds a certificate twice', record(undefined, [a1, a1], INITIAL), 'bad-record'],
    ['holds what is no certificate', record(undefined, [Uint8Array.of(1)], INITIAL), 'bad-record'],
  ])('is refused where it %s', (_, next, code) => refuses(check(undefined, next), code));

  it('is the only one without a predecessor', () =>
    refuses(check(undefined, record(undefined, [a1], INITIAL), { version: 1 }), 'bad-chain'));
});

describe('a change by a key', () => {
  const signed = (previous: HeldVersion, keys = [alice, phone], signer = alice) =>
    byKey(signer, changeRequest(previous, keys));

  it.each<[string, HeldVersion, IdentityRecord]>([
    ['adds a key', zero, record(zero, [a1, p1], signed(zero))],
    ['rotates', zero, record(zero, [p1], signed(zero, [phone]))],
    ['renews', zero, record(zero, [a1, a2], signed(zero, [alice]))],
    ['removes a key', both, record(both, [a1], signed(both, [alice]))],
    ['removes the signer', both, record(both, [p1], signed(both, [phone], alice))],
    ['removes everything', both, record(both, [], signed(both, [], phone))],
    ['changes nothing', both, record(both, [a1, p1], signed(both))],
    ['cancels a recovery', waiting, record(waiting, [a1], signed(waiting, [alice]))],
  ])('%s', async (_, previous, next) => {
    expect(await check(previous, next)).toBe('key');
  });

  it.each<[string, IdentityRecord]>([
    ['another key than was signed for', record(zero, [a1, m1], signed(zero))],
    ['a key more than was signed for', record(zero, [a1, p1, m1], signed(zero))],
    ['a key less than was signed for', record(zero, [a1], signed(zero))],
    ['another origin', record(zero, [a1], byKey(alice, changeRequest(zero, [alice], { origin: 'evil.example' })))],
    [
      'another label',
      record(zero, [a1], byKey(alice, changeRequest(zero, [alice], { label: encodeUtf8('mailto:b@c.d') }))),
    ],
    ['a later version', record(zero, [a1], byKey(alice, changeRequest(zero, [alice], { version: 2 })))],
    ['version 0', record(zero, [a1], byKey(alice, changeRequest(zero, [alice], { version: 0 })))],
    [
      'another predecessor',
      record(zero, [a1], byKey(alice, changeRequest(zero, [alice], { previousCommitment: NO_COMMITMENT }))),
    ],
    ['a signer that arrives with it', record(zero, [a1, m1], signed(zero, [alice, mallory], mallory))],
    ['a signer that replaces the owner', record(zero, [m1], signed(zero, [mallory], mallory))],
    [
      'a signature of another key under the owner’s name',
      record(zero, [m1], { ...signed(zero, [mallory], mallory), signer: alice.hash }),
    ],
    ['no signer', record(zero, [a1], { ...signed(zero, [alice]), signer: new Uint8Array(32) })],
    ['a flipped signature', record(zero, [a1], flipSignature(signed(zero, [alice])))],
    ['an empty signature', record(zero, [a1], { ...signed(zero, [alice]), signature: new Uint8Array(64) })],
  ])('is refused for %s', (_, next) => refuses(check(zero, next), 'bad-change-signature'));

  it('is refused where it leaves a recovery pending', () =>
    refuses(check(waiting, record(waiting, [a1], signed(waiting, [alice]), { pending: PENDING })), 'bad-record'));

  it('is refused with a signer of an older record', () => {
    const rotated = held(1, record(zero, [p1], OPERATOR));
    return refuses(check(rotated, record(rotated, [p1, a1], signed(rotated))), 'bad-change-signature');
  });

  it('is refused after an empty record', () =>
    refuses(check(empty, record(empty, [a1], signed(empty, [alice]))), 'bad-chain'));

  it('is refused where certificates that stay are moved or repeated', async () => {
    await refuses(check(both, record(both, [p1, a1], signed(both))), 'bad-record');
    await refuses(check(zero, record(zero, [p1, a1], signed(zero))), 'bad-record');
    await refuses(check(zero, record(zero, [a1, p1, p1], signed(zero))), 'bad-record');
  });

  it('lets a failure that is no verdict through', async () => {
    const broken = { ...PORTS, verifySignature: () => Promise.reject(new TypeError('no crypto here')) };
    await expect(check(zero, record(zero, [a1, p1], signed(zero)), { ports: broken })).rejects.toThrow(TypeError);
    const blind = { ...PORTS, certificateSpki: () => Promise.reject(new TypeError('no parser here')) };
    await expect(check(zero, record(zero, [a1, p1], signed(zero)), { ports: blind })).rejects.toThrow(TypeError);
  });
});

describe('maintenance', () => {
  it.each<[string, HeldVersion, IdentityRecord]>([
    ['renewal', zero, record(zero, [a1, a2], RENEWAL)],
    ['renewal that drops the old certificate', zero, record(zero, [a2], RENEWAL)],
    ['renewal that drops an expired key', both, record(both, [a1, a2], RENEWAL)],
    ['expiry', both, record(both, [p1], EXPIRY)],
    ['expiry of all', both, record(both, [], EXPIRY)],
    ['revocation', both, record(both, [a1], REVOCATION)],
    ['erasure', both, record(both, [], ERASURE)],
    ['renewal while a recovery waits', waiting, record(waiting, [a1, a2], RENEWAL, { pending: PENDING })],
    ['revocation that ends a recovery', waiting, record(waiting, [], REVOCATION)],
  ])('is accepted: %s', async (_, previous, next) => {
    expect(await check(previous, next)).toBe('maintenance');
  });

  it.each<[string, HeldVersion, IdentityRecord, ErrorCode]>([
    ['renewal adds a key', zero, record(zero, [a1, m1], RENEWAL), 'bad-chain'],
    ['renewal swaps a key', zero, record(zero, [m1], RENEWAL), 'bad-chain'],
    ['expiry adds a key', both, record(both, [a1, m1], EXPIRY), 'bad-chain'],
    ['revocation adds a key', both, record(both, [m1], REVOCATION), 'bad-chain'],
    ['erasure adds a key', zero, record(zero, [m1], ERASURE), 'bad-chain'],
    ['renewal without a certificate', zero, record(zero, [a1], RENEWAL), 'bad-record'],
    ['expiry of nothing', both, record(both, [a1, p1], EXPIRY), 'bad-record'],
    ['expiry that renews', both, record(both, [a1, a2], EXPIRY), 'bad-record'],
    ['revocation of nothing', both, record(both, [a1, p1], REVOCATION), 'bad-record'],
    ['revocation that renews', both, record(both, [a2], REVOCATION), 'bad-record'],
    ['erasure that leaves a certificate', both, record(both, [a1], ERASURE), 'bad-record'],
    ['a recovery out of nothing', zero, record(zero, [a1, a2], RENEWAL, { pending: PENDING }), 'bad-record'],
    [
      'another recovery than the one that waits',
      waiting,
      record(waiting, [a1, a2], RENEWAL, { pending: { ...PENDING, spkiSha256: phone.hash } }),
      'bad-record',
    ],
    [
      'other evidence for the recovery',
      waiting,
      record(waiting, [a1, a2], RENEWAL, { pending: { ...PENDING, evidence: { type: 'application' } } }),
      'bad-record',
    ],
    ['another order', both, record(both, [p1, a1, a2], RENEWAL), 'bad-record'],
    ['anything after an empty record', empty, record(empty, [], ERASURE), 'bad-chain'],
    ['a certificate after an empty record', empty, record(empty, [a1], RENEWAL), 'bad-chain'],
  ])('is refused: %s', (_, previous, next, code) => refuses(check(previous, next), code));
});

describe('recovery', () => {
  it('can be asked for, and comes into effect as an operator’s act until the log shows its delay', async () => {
    expect(await check(both, record(both, [a1, p1], REQUESTED, { pending: PENDING }))).toBe('recovery');
    expect(await check(empty, record(empty, [], REQUESTED, { pending: PENDING }))).toBe('recovery');
    expect(await check(waiting, record(waiting, [m1], effective(6)))).toBe('operator');
    expect(await check(waiting, record(waiting, [a1, m1], effective(6)))).toBe('operator');
  });

  it('is one where the log bears its wait out, of exactly the version and the entries that it names', async () => {
    const claims: RecoveryClaim[] = [];
    const judge = (waited: boolean) =>
      checkTransition({
        origin: ORIGIN,
        label: LABEL,
        version: 7,
        previous: waiting,
        ports: PORTS,
        next: record(waiting, [m1], effective(6)),
        recoveryWaited: async (claim) => {
          claims.push(claim);
          return waited;
        },
      });
    expect(await judge(true)).toBe('recovery');
    expect(await judge(false)).toBe('operator');
    const claim = { version: 6, commitment: waiting.commitment, firstPosition: 5, lastPosition: 9 };
    expect(claims).toEqual([claim, claim]);
  });

  it.each<[string, HeldVersion, IdentityRecord, ErrorCode]>([
    ['asked for with nothing pending', both, record(both, [a1, p1], REQUESTED), 'bad-record'],
    ['adding a key at once', both, record(both, [a1, p1, m1], REQUESTED, { pending: PENDING }), 'bad-chain'],
    ['dropping a certificate at once', both, record(both, [a1], REQUESTED, { pending: PENDING }), 'bad-chain'],
    ['swapping a certificate at once', zero, record(zero, [a2], REQUESTED, { pending: PENDING }), 'bad-chain'],
    ['in effect without waiting', both, record(both, [m1], effective(4)), 'bad-chain'],
    ['in effect and still pending', waiting, record(waiting, [m1], effective(6), { pending: PENDING }), 'bad-record'],
    ['in effect with another key', waiting, record(waiting, [p1], effective(6)), 'bad-chain'],
    ['in effect with one key more', waiting, record(waiting, [m1, p1], effective(6)), 'bad-chain'],
    ['in effect without its key', waiting, record(waiting, [a1], effective(6)), 'bad-chain'],
    ['in effect for another version', waiting, record(waiting, [m1], effective(5)), 'bad-chain'],
    ['in effect with positions reversed', waiting, record(waiting, [m1], effective(6, 9, 5)), 'bad-record'],
    ['in effect with one position', waiting, record(waiting, [m1], effective(6, 5, 5)), 'bad-record'],
  ])('is refused: %s', (_, previous, next, code) => refuses(check(previous, next), code));
});

describe('an operator', () => {
  it('can do anything but hide it', async () => {
    expect(await check(zero, record(zero, [m1], OPERATOR))).toBe('operator');
    expect(await check(empty, record(empty, [m1], OPERATOR))).toBe('operator');
    expect(await check(both, record(both, [p1, a1], OPERATOR))).toBe('operator');
  });

  it('cannot start a recovery', () =>
    refuses(check(both, record(both, [a1, p1], OPERATOR, { pending: PENDING })), 'bad-record'));
});

describe('every link', () => {
  it('is initial at version 0 only', () => refuses(check(zero, record(zero, [m1], INITIAL)), 'bad-record'));

  it('names its predecessor’s commitment', async () => {
    await refuses(check(zero, record(both, [a1, a2], RENEWAL)), 'bad-chain');
    await refuses(check(zero, record(undefined, [m1], OPERATOR)), 'bad-chain');
  });

  it('is of the next version', async () => {
    await refuses(check(zero, record(zero, [m1], OPERATOR), { version: 2 }), 'bad-chain');
    await refuses(check(zero, record(zero, [m1], OPERATOR), { version: 0 }), 'bad-chain');
  });
});

describe('authorizeByKey', () => {
  const expected = changeRequest(zero, [alice, phone]);
  const { signer, signature } = byKey(alice, expected);
  const request = encode(changeRequestCodec, expected);

  it('turns a signed change into the record’s authorization', async () => {
    const authorization = await authorizeByKey({ request, signer, signature }, expected, zero.record, PORTS);
    expect(await check(zero, record(zero, [a1, p1], authorization))).toBe('key');
  });

  it.each([
    { origin: 'evil.example' },
    { label: encodeUtf8('mailto:bob@example.com') },
    { version: 2 },
    { previousCommitment: NO_COMMITMENT },
    { spkisAfter: [alice.hash] },
  ])('refuses a change that asks for something else: %o', (but) => {
    const other = { ...decode(changeRequestCodec, request), ...but };
    const signed = { ...byKey(alice, other), request: encode(changeRequestCodec, other) };
    return refuses(authorizeByKey(signed, expected, zero.record, PORTS), 'change-rejected');
  });

  it('refuses what cannot be read, and signers that are not in the record', async () => {
    const garbage = { request: Uint8Array.of(1, 2, 3), signer, signature };
    await refuses(authorizeByKey(garbage, expected, zero.record, PORTS), 'change-rejected');
    const stranger = { ...byKey(mallory, expected), request };
    await refuses(authorizeByKey(stranger, expected, zero.record, PORTS), 'bad-change-signature');
    const flipped = { ...flipSignature({ type: 'key', signer, signature }), request };
    await refuses(authorizeByKey(flipped, expected, zero.record, PORTS), 'bad-change-signature');
  });
});

function flipSignature<T extends { readonly signature: Uint8Array }>(authorization: T): T {
  const signature = authorization.signature.slice();
  signature[10] = (signature[10] ?? 0) ^ 1;
  return { ...authorization, signature };
}
