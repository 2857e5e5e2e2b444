import { describe, expect, it } from 'vitest';
import type { Authorization } from '../../src/identity/authorization.ts';
import type { HeldVersion, RecoveryWaited } from '../../src/identity/continuity.ts';
import { type BackWalk, judgeBack } from '../../src/identity/first-look.ts';
import { encodeIdentityRecord } from '../../src/identity/identity-record.ts';
import type { ReadLinks } from '../../src/identity/read-back.ts';
import {
  byKey,
  changeRequest,
  fakeCertificate,
  fakeKey,
  held,
  LABEL,
  openingOf,
  ORIGIN,
  PORTS,
  record,
} from './fake-pki.ts';

const [alice, mallory] = [fakeKey(1), fakeKey(2)];
const INITIAL: Authorization = { type: 'initial', evidence: { type: 'application' } };
const RENEWAL: Authorization = { type: 'maintenance', kind: 'renewal' };
const OPERATOR: Authorization = { type: 'operator', reason: 'x' };

/** Version 0 by alice, and `count` renewals. */
function renewed(count: number): HeldVersion[] {
  const versions = [held(0, record(undefined, [fakeCertificate(alice, 0)], INITIAL))];
  for (let i = 1; i <= count; i++) {
    versions.push(held(i, record(versions.at(-1), [fakeCertificate(alice, i)], RENEWAL)));
  }
  return versions;
}

/** Reads the versions, as a server that keeps those from `kept` on; counts what it was asked. */
function shown(versions: readonly HeldVersion[], kept = 0): { readonly read: ReadLinks; readonly asked: string[] } {
  const asked: string[] = [];
  const read: ReadLinks = (first, last) => {
    asked.push(`${first}-${last}`);
    if (first < kept) return Promise.resolve([]);
    return Promise.resolve(
      versions.slice(first, last + 1).map((one) => ({
        opening: openingOf(one.version),
        value: encodeIdentityRecord(one.record),
      })),
    );
  };
  return { read, asked };
}

const look = (
  versions: readonly HeldVersion[],
  read: ReadLinks,
  { maximumVersions = 64, isSpent = (): boolean => false, isWithheld = (): boolean => false } = {},
  recoveryWaited?: RecoveryWaited,
) => {
  const walk: BackWalk = {
    origin: ORIGIN,
    label: LABEL,
    ports: PORTS,
    recoveryWaited,
    earlier: { read, maximumVersions, isSpent, isWithheld },
  };
  return judgeBack(walk, versions.at(-1)!);
};

describe('a first look', () => {
  it('judges every version, in one read where there are few', async () => {
    const versions = renewed(3);
    const { read, asked } = shown(versions);
    const { links, unjudged, fault } = await look(versions, read);
    expect(links.map(({ version, type }) => [version, type])).toEqual([
      [0, 'initial'],
      [1, 'maintenance'],
      [2, 'maintenance'],
      [3, 'maintenance'],
    ]);
    expect([unjudged, fault]).toEqual([undefined, undefined]);
    expect(asked).toEqual(['0-2']);
  });

  it('says which versions are beyond its bound', async () => {
    const versions = renewed(100);
    const { read, asked } = shown(versions);
    const { links, unjudged } = await look(versions, read);
    expect(links).toHaveLength(64);
    expect(unjudged).toEqual({ last: 36, why: 'bound' });
    expect(asked).toEqual(['84-99', '68-83', '52-67', '36-51']);
  });

  it('judges what an erasure left, and says what it took', async () => {
    const versions = renewed(20);
    const { links, unjudged, fault } = await look(versions, shown(versions, 15).read);
    expect(links.map(({ version }) => version)).toEqual([16, 17, 18, 19, 20]);
    expect(unjudged).toEqual({ last: 15, why: 'not-shown' });
    expect(fault).toBeUndefined();
  });

  it('names the rule that a version breaks, and trusts none before it', async () => {
    const versions = renewed(1);
    const request = changeRequest(versions[1]!, [mallory]);
    versions.push(held(2, record(versions[1], [fakeCertificate(mallory, 2)], byKey(mallory, request))));
    versions.push(held(3, record(versions[2], [fakeCertificate(mallory, 3)], RENEWAL)));
    const { links, unjudged, fault } = await look(versions, shown(versions).read);
    expect(links).toEqual([{ version: 3, type: 'maintenance' }]);
    expect(unjudged).toBeUndefined();
    expect(fault).toMatchObject({ code: 'bad-change-signature' });
  });

  it('is not led to another history', async () => {
    const versions = renewed(2);
    const others = [versions[0]!, held(1, record(versions[0], [fakeCertificate(mallory, 1)], OPERATOR)), versions[2]!];
    expect(await look(versions, shown(others).read)).toMatchObject({ links: [], fault: { code: 'bad-chain' } });
  });

  it.each([
    ['no bytes are left for the versions before', 0],
    ['no proof is left for a recovery', 1],
  ])('accuses nobody where %s', async (_, answered) => {
    const versions = renewed(1);
    const pending = { spkiSha256: mallory.hash, evidence: { type: 'application' } } as const;
    versions.push(
      held(
        2,
        record(versions[1], versions[1]!.record.certificates, { type: 'recovery', phase: 'requested' }, { pending }),
      ),
    );
    const phase = { phase: 'effective', pendingVersion: 2, firstPosition: 1, lastPosition: 2 } as const;
    versions.push(held(3, record(versions[2], [fakeCertificate(mallory, 3)], { type: 'recovery', ...phase })));
    const { read, asked } = shown(versions);
    let spent = false;
    const bounded: ReadLinks = (first, last) => {
      spent ||= asked.length >= answered;
      return spent ? Promise.resolve([]) : read(first, last);
    };
    const looked = await look(versions, bounded, { isSpent: () => spent }, () => {
      spent = true;
      return Promise.resolve(false);
    });
    expect(looked).toEqual({ links: [], unjudged: { last: 3, why: 'bound' }, fault: undefined });
    // What the log showed instead of the versions has spent the bound.
    const withheld = await look(versions, bounded, { isSpent: () => spent, isWithheld: () => true }, () => {
      throw new Error('not reached');
    }).catch((error: unknown) => error);
    expect(withheld).toMatchObject({ unjudged: { last: 3, why: 'not-shown' } });
  });
});
