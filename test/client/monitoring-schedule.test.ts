import { describe, expect, it } from 'vitest';
import { MonitoringSchedule } from '../../src/client/monitoring-schedule.ts';
import type { MonitoringDue } from '../../src/client/key-directory.ts';

const HOUR = 3_600_000;
const START = 1_800_000_000_000;

/** A schedule of a log with a window of two hours, with its clock, and numbers that are drawn in turn. */
function scheduled(options: { readonly luck?: readonly number[]; readonly intervalMs?: number } = {}) {
  const luck = [...(options.luck ?? [])];
  const clock = { nowMs: START };
  const schedule = new MonitoringSchedule({
    windowMs: 2 * HOUR,
    intervalMs: options.intervalMs,
    now: () => clock.nowMs,
    random: () => luck.shift() ?? 0,
  });
  return { schedule, clock, in: (due?: readonly MonitoringDue[]) => schedule.nextAtMs(due) - clock.nowMs };
}

const due = (...monitoredAtMs: (number | undefined)[]): readonly MonitoringDue[] =>
  monitoredAtMs.map((at, i) => ({ identity: `x${i}@example.com`, role: 'contact', monitoredAtMs: at }));

describe('a schedule of monitoring', () => {
  it('begins at once, unless another client of the state was there before', () => {
    const { in: wait } = scheduled();
    expect(wait()).toBe(0);
    expect(wait(due(undefined))).toBe(0);
    expect(wait(due(START - HOUR))).toBe(0);
    expect(wait(due(START - HOUR / 4))).toBe(HOUR / 4);
    expect(wait(due(START, START - HOUR / 4))).toBe(HOUR / 4);
    expect(wait(due(START, undefined))).toBe(0);
  });

  it('goes on four times in a window, somewhat early by chance, and is the same however often it is asked', () => {
    const { schedule, clock, in: wait } = scheduled({ luck: [0.9, 0.5, 0] });
    schedule.succeeded();
    expect([wait(), wait()]).toEqual([0.9 * (HOUR / 2), 0.9 * (HOUR / 2)]);
    clock.nowMs += 1000;
    expect(wait()).toBe(0.9 * (HOUR / 2) - 1000);
    // What stays unmonitored after a round does not make it run all the time.
    expect(wait(due(undefined, START - 5 * HOUR))).toBe(0.9 * (HOUR / 2) - 1000);
    clock.nowMs += HOUR;
    expect(wait()).toBe(0);
    schedule.succeeded();
    expect(wait()).toBe(HOUR / 2);
    clock.nowMs += HOUR / 4;
    expect(wait(due(clock.nowMs))).toBe(HOUR / 2);
  });

  it('has pauses within bounds', () => {
    const pause = (windowMs: number): number => {
      const schedule = new MonitoringSchedule({ windowMs, now: () => START, random: () => 0 });
      schedule.succeeded();
      return schedule.nextAtMs() - START;
    };
    expect([100, 8000, 24 * HOUR].map(pause)).toEqual([1000, 2000, HOUR]);
    const { schedule, in: wait } = scheduled({ intervalMs: 5000 });
    schedule.succeeded();
    expect(wait()).toBe(5000);
  });

  it('tries again after failures, in pauses that double up to the interval', () => {
    const { schedule, in: wait, clock } = scheduled();
    const pauses = Array.from({ length: 10 }, () => {
      schedule.failed();
      const pause = wait(due(undefined));
      clock.nowMs += pause;
      return pause / 1000;
    });
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]);
    schedule.succeeded();
    expect(wait()).toBe(HOUR / 2);
    schedule.failed();
    expect(wait()).toBe(10_000);
    const unlucky = scheduled({ luck: [0, 0.8] });
    unlucky.schedule.failed();
    expect(unlucky.in()).toBe(6000);
  });

  it('has pauses of half the window at most', () => {
    const { schedule, in: wait } = scheduled({ intervalMs: 5 * HOUR });
    schedule.succeeded();
    expect(wait()).toBe(HOUR);
  });

  it('leaves a round what is left of the window, and half of one after a success', () => {
    const { schedule, clock } = scheduled();
    expect(schedule.patienceMs).toBe(2 * HOUR);
    clock.nowMs += HOUR / 2;
    schedule.failed();
    expect(schedule.patienceMs).toBe(1.5 * HOUR);
    clock.nowMs += 2 * HOUR;
    expect(schedule.patienceMs).toBe(0);
    schedule.succeeded();
    // The computer was asleep.
    clock.nowMs += 5 * HOUR;
    expect(schedule.patienceMs).toBe(HOUR);
    // The clock was set back.
    clock.nowMs = START;
    expect(schedule.patienceMs).toBe(2 * HOUR);
  });

  it('is overdue where nothing went through for a window', () => {
    const { schedule, clock } = scheduled();
    clock.nowMs += 5 * HOUR;
    expect(schedule.isOverdue).toBe(false);
    schedule.succeeded();
    clock.nowMs += 2 * HOUR - 1;
    schedule.failed();
    expect(schedule.isOverdue).toBe(false);
    clock.nowMs += 1;
    expect(schedule.isOverdue).toBe(true);
    schedule.succeeded();
    expect(schedule.isOverdue).toBe(false);
  });

  it('does not stop where the clock is set back', () => {
    const { schedule, clock, in: wait } = scheduled();
    schedule.succeeded();
    clock.nowMs -= 1000 * HOUR;
    expect(wait()).toBe(0);
    expect(scheduled().in(due(START + HOUR))).toBe(0);
    schedule.failed();
    expect(wait()).toBe(10_000);
    clock.nowMs += 2 * HOUR;
    expect(schedule.isOverdue).toBe(true);
  });
});
