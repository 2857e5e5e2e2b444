import { describe, expect, it } from 'vitest';
import { worstFailure } from '../../../src/client/operations/monitor-round.ts';
import { ServerRefusal } from '../../../src/client/transport.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';

describe('the failure of a round that is told of', () => {
  const refused = new ServerRefusal('version-rolled-back', 'so it says', 400);
  const busy = new GlasskeyError('network-failed', 'no answer');
  const old = new GlasskeyError('tree-head-too-old', 'an old head');
  const forked = new GlasskeyError('log-forked', 'two logs');

  it('is misbehaviour, whatever else failed before', () => {
    expect(worstFailure([refused, busy, old, forked])).toBe(forked);
  });

  it('is what a wrong clock may be where nothing is worse, and else the first', () => {
    expect(worstFailure([refused, busy, old])).toBe(old);
    expect(worstFailure([refused, busy])).toBe(refused);
    expect(worstFailure([])).toBeUndefined();
  });
});
