import { describe, expect, it, vi } from 'vitest';
import { reportFailure } from '../../../src/cli/exit-code.ts';
import { ServerRefusal } from '../../../src/client/transport.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
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

describe('the word of somebody else', () => {
  it('is said to be the authority’s, where a record names evidence', () => {
    for (const evidence of [
      { type: 'application' },
      { type: 'email' },
      { type: 'import', possession: true },
    ] as const) {
      const text = provenanceText({ link: 'initial', claimed: { type: 'initial', evidence } });
      expect(text).toMatch(/^first registration, .*, as the authority says$/);
    }
  });

  it('is said to be the server’s, where it refuses', () => {
    const written: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    try {
      reportFailure(new ServerRefusal('not-found', 'bob@example.com is proved not to exist', 404));
      reportFailure(new GlasskeyError('usage', 'name an identity'));
    } finally {
      spy.mockRestore();
    }
    expect(written).toEqual([
      'glasskey: the server says: bob@example.com is proved not to exist (not-found)\n',
      'glasskey: name an identity (usage)\n',
    ]);
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
      expect.stringMatching(/^WARNING: version 2 asked for a recovery/),
      expect.stringMatching(/^NOT CHECKED: who made versions 0 to 1; .*history/),
    ]);
    expect(lines([], { last: 0, why: 'not-shown' })).toEqual([expect.stringMatching(/^NOT CHECKED: .* erased/)]);
  });
});
