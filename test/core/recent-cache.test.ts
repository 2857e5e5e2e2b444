import { array, assert, nat, oneof, property, record, constant } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentCache } from '../../src/core/recent-cache.ts';

describe('RecentCache', () => {
  it('forgets what was not used', () => {
    const cache = new RecentCache<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
  });

  it('does not keep what is heavier than its capacity', () => {
    const cache = new RecentCache<number>(10, (weight) => weight);
    cache.set('a', 4);
    cache.set('b', 11);
    expect([cache.get('a'), cache.get('b'), cache.weight]).toEqual([4, undefined, 4]);
  });

  it('never weighs more than its capacity, and gives back what was put', () => {
    const step = oneof(
      record({ kind: constant('set'), key: nat(20), weight: nat(12) }),
      record({ kind: constant('delete'), key: nat(20), weight: constant(0) }),
    );
    assert(
      property(array(step), (steps) => {
        const cache = new RecentCache<number>(30, (weight) => weight);
        const model = new Map<string, number>();
        for (const { kind, key, weight } of steps) {
          if (kind === 'set') cache.set(`${key}`, weight);
          else cache.delete(`${key}`);
          model.set(`${key}`, weight);
          expect(cache.weight).toBeLessThanOrEqual(30);
          const found = cache.get(`${key}`);
          expect(found).toBe(kind === 'set' ? model.get(`${key}`) : undefined);
        }
      }),
      { numRuns: 100 },
    );
  });
});
