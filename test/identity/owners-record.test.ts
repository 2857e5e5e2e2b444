import { describe, expect, it } from 'vitest';
import type { Authorization } from '../../src/identity/authorization.ts';
import { checkTransition, type HeldVersion } from '../../src/identity/continuity.ts';
import { encodeIdentityRecord, type IdentityRecord, type Pending } from '../../src/identity/identity-record.ts';
import { findOwnersRecord, MAX_VERSIONS_BACK, type OwnersWalk } from '../../src/identity/owners-record.ts';
import {
  byKey,
  changeRequest,
  fakeCertificate,
  type FakeKey,
  fakeKey,
  held,
  LABEL,
  openingOf,
  ORIGIN,
  PORTS,
  record,
} from './fake-pki.ts';

const [alice, phone, mallory] = [fakeKey(1), fakeKey(2), fakeKey(3)];
const [a1, p1, m1] = [fakeCertificate(alice, 1), fakeCertificate(phone, 1), fakeCertificate(mallory, 1)];
const INITIAL: Authorization = { type: 'initial', evidence: { type: 'application' } };
const OPERATOR: Authorization = { type: 'operator', reason: 'court order' };
const REVOCATION: Authorization = { type: 'maintenance', kind: 'revocation', reason: 0 };
const EXPIRY: Authorization = { type: 'maintenance', kind: 'expiry' };
const ERASURE: Authorization = { type: 'maintenance', kind: 'erasure' };
const REQUESTED: Authorization = { type: 'recovery', phase: 'requested' };
const PENDING: Pending = { spkiSha256: mallory.hash, evidence: { type: 'application' } };
const EFFECTIVE = { type: 'recovery', phase: 'effective', firstPosition: 5, lastPosition: 9 } as const;

type Next = (previous: HeldVersion) => IdentityRecord;
const next =
  (certificates: readonly Uint8Array[], authorization: Authorization, pending?: Pending): Next =>
  (previous) =>
    record(previous, certificates, authorization, { pending });
const signed =
  (certificates: readonly Uint8Array[], keys: readonly FakeKey[], signer: FakeKey): Next =>
  (previous) =>
    record(previous, certificates, byKey(signer, changeRequest(previous, keys)));

/** Version 0 with Alice's key, and what follows. */
function chainOf(...steps: readonly Next[]): HeldVersion[] {
  const versions = [held(0, record(undefined, [a1], INITIAL))];
  for (const step of steps) versions.push(held(versions.length, step(versions.at(-1)!)));
  return versions;
}

const walkOf = (versions: readonly HeldVersion[]): OwnersWalk => ({
  origin: ORIGIN,
  label: LABEL,
  ports: PORTS,
  read: async (first, last) =>
    versions
      .slice(first, last + 1)
      .map((one) => ({ opening: openingOf(one.version), value: encodeIdentityRecord(one.record) })),
});

/** What becomes of a version after the newest one. */
async function judge(versions: readonly HeldVersion[], step: Next, but?: Partial<OwnersWalk>): Promise<string> {
  const previous = versions.at(-1)!;
  const walk = { ...walkOf(versions), ...but };
  const { read: _, ...common } = walk;
  const version = previous.version + 1;
  const ownersRecord = findOwnersRecord(walk);
  return checkTransition({ ...common, version, previous, next: step(previous), ownersRecord }).catch(
    (error: { code: string }) => error.code,
  );
}

const veto = (signer: FakeKey, certificates: readonly Uint8Array[] = [], keys: readonly FakeKey[] = []): Next =>
  signed(certificates, keys, signer);
const request = (certificates: readonly Uint8Array[] = []): Next => next(certificates, REQUESTED, PENDING);

describe('a veto by a key that others removed', () => {
  it.each<[string, HeldVersion[]]>([
    ['revoked, then recovered', chainOf(next([], REVOCATION), request())],
    ['recovered, then revoked', chainOf(request([a1]), next([], REVOCATION, PENDING))],
    ['expired', chainOf(next([], EXPIRY), request())],
    ['removed by the operator', chainOf(next([], OPERATOR), request())],
    ['a second time', chainOf(next([], REVOCATION), request(), veto(alice), request())],
    ['after a false owner', chainOf(next([m1], OPERATOR), next([], REVOCATION), request())],
    [
      'after a recovery that did not wait',
      chainOf(request([a1]), next([m1], { ...EFFECTIVE, pendingVersion: 1 }), next([], REVOCATION), request()),
    ],
  ])('stands: %s', async (_, versions) => {
    expect(await judge(versions, veto(alice))).toBe('key');
    expect(await judge(versions, veto(mallory))).toBe('bad-change-signature');
  });

  it('stands over what is left of a record, and changes nothing of it', async () => {
    const versions = chainOf(signed([a1, p1], [alice, phone], alice), next([p1], REVOCATION), request([p1]));
    expect(await judge(versions, veto(alice, [p1], [phone]))).toBe('key');
    expect(await judge(versions, signed([], [], alice))).toBe('bad-change-signature');
    expect(await judge(versions, signed([p1, a1], [phone, alice], alice))).toBe('bad-change-signature');
    expect(await judge(versions.slice(0, 3), veto(alice, [p1], [phone]))).toBe('bad-change-signature');
  });

  it('is nothing but a veto after an empty record', async () => {
    const versions = chainOf(next([], REVOCATION), request());
    expect(await judge(versions, signed([a1], [alice], alice))).toBe('bad-chain');
    expect(await judge(versions.slice(0, 2), veto(alice))).toBe('bad-chain');
    expect(await judge(chainOf(next([], REVOCATION), request(), veto(alice)), signed([a1], [alice], alice))).toBe(
      'bad-chain',
    );
  });

  it.each<[string, HeldVersion[]]>([
    ['its owner removed it', chainOf(signed([p1], [phone], alice), next([], REVOCATION), request())],
    ['its owner removed everything', chainOf(signed([], [], alice), request())],
    ['the identity was erased', chainOf(next([], ERASURE), request())],
  ])('is refused where %s', async (_, versions) => {
    expect(await judge(versions, veto(alice))).toBe('bad-change-signature');
  });

  it('ends with a recovery whose wait is proved', async () => {
    const taken = next([m1], { ...EFFECTIVE, pendingVersion: 1 });
    const versions = chainOf(request([a1]), taken, next([], REVOCATION), request());
    const recoveryWaited = async () => true;
    expect(await judge(versions, veto(alice), { recoveryWaited })).toBe('bad-change-signature');
    expect(await judge(versions, veto(mallory), { recoveryWaited })).toBe('key');
  });

  it('is refused where versions are withheld, or others than the ones that were named', async () => {
    const versions = chainOf(next([], REVOCATION), request());
    const forged = [held(0, record(undefined, [m1], INITIAL)), ...versions.slice(1)];
    expect(await judge(versions, veto(mallory), { read: walkOf(forged).read })).toBe('bad-change-signature');
    expect(await judge(versions, veto(alice), { read: async () => [] })).toBe('bad-change-signature');
    expect(await judge(versions, veto(alice), { read: async () => [undefined, undefined] })).toBe(
      'bad-change-signature',
    );
  });
});

describe('the search for the owner’s record', () => {
  const renewals = (count: number): Next[] =>
    Array.from({ length: count }, (_, i) =>
      next([fakeCertificate(alice, i % 2)], { type: 'maintenance', kind: 'renewal' }),
    );

  it('goes back so far and no further', async () => {
    const versions = chainOf(...renewals(MAX_VERSIONS_BACK + 1));
    const find = async (from: number) => findOwnersRecord(walkOf(versions))(versions[from]!);
    expect(await find(MAX_VERSIONS_BACK)).toEqual(versions[0]!.record);
    expect(await find(MAX_VERSIONS_BACK + 1)).toBeUndefined();
    const both = findOwnersRecord(walkOf(versions));
    expect(await both(versions[MAX_VERSIONS_BACK]!)).toEqual(versions[0]!.record);
    expect(await both(versions[MAX_VERSIONS_BACK + 1]!)).toBeUndefined();
  });

  it('reads no version twice for a chain of many vetoes', async () => {
    const versions = chainOf(next([], REVOCATION), request(), veto(alice), request(), veto(alice), request());
    const { read } = walkOf(versions);
    let reads = 0;
    const find = findOwnersRecord({
      ...walkOf(versions),
      read: (first, last) => {
        reads += last - first + 1;
        return read(first, last);
      },
    });
    for (const from of [2, 4, 6]) expect(await find(versions[from]!)).toEqual(versions[0]!.record);
    expect(reads).toBeLessThanOrEqual(2 + 4 + 6);
  });
});
