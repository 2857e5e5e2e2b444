import { describe, expect, it } from 'vitest';
import { firstLookLines } from '../../../src/cli/output/binding-output.ts';
import { provenanceJson, provenanceText } from '../../../src/cli/output/record-output.ts';
import type { Authorization } from '../../../src/identity/authorization.ts';
import type { JudgedLink } from '../../../src/identity/continuity.ts';
import type { Unjudged } from '../../../src/identity/first-look.ts';

const BY_KEY: Authorization = { type: 'key', signer: new Uint8Array(32), signature: new Uint8Array(64) };
const RECOVERY: Authorization = {
  type: 'recovery',
  phase: 'effective',
  pendingVersion: 1,
  firstPosition: 1,
  lastPosition: 2,
};

describe('what a version says of itself', () => {
  it('is an authorisation only where the chain proves it', () => {
    expect(provenanceJson({ link: undefined, claimed: BY_KEY })).toEqual({ claimed: { type: 'key' } });
    expect(provenanceJson({ link: 'key', claimed: BY_KEY })).toMatchObject({ authorization: { type: 'key' } });
    expect(provenanceJson({ link: 'operator', claimed: RECOVERY })).toEqual({
      authorization: { type: 'operator' },
      claimed: { type: 'recovery' },
    });
  });

  it('is said as a claim otherwise', () => {
    const proved = provenanceText({ link: 'key', claimed: BY_KEY });
    const claimed = provenanceText({ link: undefined, claimed: BY_KEY });
    expect(claimed).not.toBe(proved);
    expect(claimed).toMatch(/^not proved here/);
    expect(provenanceText({ link: 'operator', claimed: RECOVERY })).toMatch(/^change by the operator/);
  });
});

describe('a first look', () => {
  const lines = (links: readonly JudgedLink[], unjudged: Unjudged | undefined) =>
    firstLookLines({
      type: 'first-seen',
      links,
      reason: undefined,
      firstLook: { unjudged, bytes: 1, milliseconds: 1 },
    });

  it('warns of recoveries, and names what it did not check', () => {
    expect(lines([{ version: 0, type: 'initial' }], undefined)).toEqual([]);
    expect(lines([{ version: 2, type: 'recovery' }], { last: 1, why: 'bound' })).toEqual([
      expect.stringMatching(/^WARNING: version 2 by a recovery/),
      expect.stringMatching(/^NOT CHECKED: who made versions 0 to 1; .*history/),
    ]);
    expect(lines([], { last: 0, why: 'not-shown' })).toEqual([expect.stringMatching(/^NOT CHECKED: .* erased/)]);
  });
});
