import { describe, expect, it } from 'vitest';
import { assertShownToContacts, decideOrigin } from '../../../src/client/operations/unexpected-version.ts';
import type { OwnedVersion } from '../../../src/client/state/client-state.ts';
import type { HeldVersion } from '../../../src/identity/continuity.ts';

const hash = (byte: number) => new Uint8Array(32).fill(byte);
const owned = (version: number): OwnedVersion => ({
  version,
  commitment: hash(version),
  origin: 'made',
  spkis: undefined,
});
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('versions that the log showed to their owner', () => {
  const known = [owned(3), owned(4)];
  const shown = (version: number, byte = version) => {
    assertShownToContacts(known, [{ version, commitment: hash(byte) }]);
  };

  it('are those that contacts are shown', () => {
    for (const version of [3, 4]) shown(version);
    // Before the owner took the label over.
    shown(2, 9);
    assertShownToContacts([], []);
  });

  it('are refused where contacts are shown another value, or nothing', () => {
    expect(() => shown(4, 9)).toThrow(code('unexpected-version'));
    expect(() => shown(5)).toThrow(code('version-rolled-back'));
    expect(() => assertShownToContacts([], [{ version: 0, commitment: hash(0) }])).toThrow(code('version-rolled-back'));
  });
});

describe('the origin of a version of an own label', () => {
  const version: HeldVersion = {
    version: 1,
    commitment: hash(1),
    record: {
      certificates: [],
      previousCommitment: hash(0),
      authorization: { type: 'maintenance', kind: 'renewal' },
      pending: undefined,
    },
  };
  const before = () => Promise.resolve<HeldVersion>({ ...version, version: 0, commitment: hash(0) });
  const is = (made: boolean) => () => Promise.resolve(made);

  it('is unexpected unless something explains it', async () => {
    const facts = { link: undefined, isMade: undefined, isTakenOver: false, before, nowMs: 0 };
    expect(await decideOrigin(version, facts)).toBe('unexpected');
    expect(await decideOrigin(version, { ...facts, isMade: is(false) })).toBe('unexpected');
    expect(await decideOrigin(version, { ...facts, link: 'operator' })).toBe('unexpected');
  });

  it('is explained by its maker, by being there before, or by maintenance that the chain proves', async () => {
    const facts = { link: 'maintenance', isMade: is(false), isTakenOver: false, before, nowMs: 0 } as const;
    expect(await decideOrigin(version, facts)).toBe('maintenance');
    expect(await decideOrigin(version, { ...facts, isTakenOver: true })).toBe('adopted');
    expect(await decideOrigin(version, { ...facts, isTakenOver: true, isMade: is(true) })).toBe('made');
  });

  it('is unexpected if nobody can tell which keys it took away', async () => {
    const unread = () => Promise.resolve(undefined);
    const facts = { link: 'maintenance', isMade: undefined, isTakenOver: false, before: unread, nowMs: 0 } as const;
    expect(await decideOrigin(version, facts)).toBe('unexpected');
  });
});
