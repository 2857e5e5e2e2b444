import { describe, expect, it } from 'vitest';
import { EMPTY_STATE, type OwnedVersion } from '../../src/client/state/client-state.ts';
import { assertAgrees, withVersions } from '../../src/client/operations/owned-versions.ts';
import { identityOf } from '../support/owner.ts';

const BOB = identityOf('bob@example.com');
const hash = (byte: number) => new Uint8Array(32).fill(byte);
const owned = (version: number): OwnedVersion => ({
  version,
  commitment: hash(version),
  origin: 'made',
  spkis: undefined,
});
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('what an owner is told of new versions', () => {
  const state = withVersions(EMPTY_STATE, BOB, [owned(3), owned(4)]);
  const told = (version: number, byte = version) => {
    assertAgrees(state, BOB, [{ version, commitment: hash(byte) }]);
  };

  it('is what contacts are shown', () => {
    for (const version of [3, 4]) told(version);
    // Before the owner took the label over.
    told(2, 9);
    assertAgrees(EMPTY_STATE, BOB, []);
  });

  it('is refused where contacts are shown another value, or nothing', () => {
    expect(() => told(4, 9)).toThrow(code('unexpected-version'));
    expect(() => told(5)).toThrow(code('version-rolled-back'));
    expect(() => assertAgrees(EMPTY_STATE, BOB, [{ version: 0, commitment: hash(0) }])).toThrow(
      code('version-rolled-back'),
    );
  });
});
