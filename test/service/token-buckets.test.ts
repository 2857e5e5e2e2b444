import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../src/service/token-buckets.ts';

describe('a request budget', () => {
  let nowMs = 0;
  const make = () => new TokenBuckets({ perSecond: 0.5, burst: 2 }, () => nowMs);

  it('gives a burst, then a rate, to each key for itself', () => {
    const budget = make();
    expect([budget.take('a'), budget.take('a'), budget.take('a'), budget.take('b')]).toEqual([true, true, false, true]);
    expect(budget.waitSeconds('a')).toBe(2);
    nowMs += 2_000;
    expect([budget.take('a'), budget.take('a')]).toEqual([true, false]);
  });

  it('gives back what came to nothing, and never more than the burst', () => {
    const budget = make();
    budget.take('a');
    budget.take('a');
    budget.giveBack('a');
    expect([budget.take('a'), budget.take('a')]).toEqual([true, false]);
    for (let i = 0; i < 9; i++) budget.giveBack('b');
    expect([budget.take('b'), budget.take('b'), budget.take('b')]).toEqual([true, true, false]);
  });

  it('lets a key run into debt for work that is done, which is filled up first', () => {
    nowMs = 0;
    const budget = make();
    budget.spend('a', 4);
    expect([budget.take('a'), budget.waitSeconds('a')]).toEqual([false, 6]);
    nowMs += 6_000;
    expect([budget.take('a'), budget.take('a')]).toEqual([true, false]);
  });

  it('gives nothing for a clock that goes back', () => {
    nowMs = 1_000_000;
    const budget = make();
    budget.take('a');
    budget.take('a');
    nowMs = 0;
    expect(budget.take('a')).toBe(false);
  });

  it('makes nobody wait for a clock that went back, also who only asks how long to wait', () => {
    nowMs = 1_000_000;
    const budget = make();
    budget.spend('a', 2);
    nowMs = 0;
    expect(budget.waitMs('a')).toBe(2_000);
    nowMs = 2_000;
    expect(budget.waitMs('a')).toBe(0);
  });

  it('forgets who was not heard of for longest, and not who asks all the time', () => {
    const budget = make();
    budget.take('busy');
    budget.take('busy');
    for (let i = 0; i < 30_000; i++) {
      budget.take(`key ${i}`);
      if (i % 1000 === 0) expect(budget.take('busy')).toBe(false);
    }
  });
});
