import { describe, expect, it } from 'vitest';
import { MAX_ATTEMPTS } from '../../../src/delivery/retry-schedule.ts';
import { afterAttempt, afterErasure, ALL_TOLD, isOverLimit } from '../../../src/service/notify/after-attempt.ts';
import type { BookAddress } from '../../../src/service/notify/notify-book.ts';

const NOW = 1_000_000_000;
const at = { nowMs: NOW, random: (length: number) => new Uint8Array(length).fill(0xff) };
const address: BookAddress = {
  id: '00'.repeat(16),
  text: 'mailto:bob@example.com',
  state: 'confirmed',
  attempts: 0,
  toldVersion: 1,
  toldChange: 0,
  failures: 0,
  nextMs: 0,
  sentMs: [],
};
const retry = { outcome: 'retry', reason: 'status 500' } as const;

describe('an address after an attempt', () => {
  it('knows what was delivered, and forgets an earlier failure', () => {
    const failed = {
      ...address,
      failures: 3,
      nextMs: 5,
      lastFailure: 'status 500',
      sentMs: [NOW - 3_600_000, NOW - 1],
    };
    const told = afterAttempt(failed, { outcome: 'sent' }, { toldVersion: 2 }, at);
    expect(told).toEqual({ ...address, toldVersion: 2, lastToldMs: NOW, sentMs: [NOW - 1, NOW] });
  });

  it('waits longer after each failure, and is given up after the last one, with the reason', () => {
    let one = address;
    const waits: number[] = [];
    for (let i = 1; i < MAX_ATTEMPTS; i++) {
      one = afterAttempt(one, retry, { toldVersion: 2 }, at);
      waits.push(one.nextMs - NOW);
    }
    expect(waits.slice(0, 3)).toEqual([30_000, 60_000, 120_000]);
    expect(one).toMatchObject({ toldVersion: 1, failures: MAX_ATTEMPTS - 1, lastFailure: 'status 500' });
    one = afterAttempt(one, retry, { toldVersion: 2 }, at);
    expect(one).toMatchObject({ toldVersion: 2, failures: 0, nextMs: 0, lastFailure: 'given up: status 500' });
  });

  it.each(['gone', 'refused'] as const)('is not tried again once the other side says %s', (outcome) => {
    const done = afterAttempt(address, { outcome, reason: 'status 410' }, { toldVersion: 2 }, at);
    expect(done).toMatchObject({ toldVersion: 2, nextMs: 0, lastFailure: 'status 410' });
  });

  it('does not count what was not tried', () => {
    const busy = afterAttempt(address, { outcome: 'retry', afterMs: 5_000, reason: 'busy' }, { toldVersion: 2 }, at);
    expect(busy).toEqual({ ...address, nextMs: NOW + 5_000 });
  });

  it('has so many notices an hour: later ones wait for room', () => {
    const sentMs = Array.from({ length: 12 }, (_, i) => NOW - 3_599_000 + i);
    expect(isOverLimit({ ...address, sentMs }, NOW)).toEqual({ outcome: 'retry', afterMs: 1_000, reason: 'limit' });
    expect(isOverLimit({ ...address, sentMs }, NOW + 1_000)).toBeUndefined();
  });

  it('has three attempts at the last notice of an erased name', () => {
    const once = afterErasure(address, retry, NOW);
    expect(once).toMatchObject({ failures: 1, toldVersion: 1, nextMs: NOW + 60_000 });
    expect(afterErasure(afterErasure(once, retry, NOW), retry, NOW)).toMatchObject({ toldVersion: ALL_TOLD });
    expect(afterErasure(address, { outcome: 'sent' }, NOW)).toMatchObject({ toldVersion: ALL_TOLD });
  });
});
