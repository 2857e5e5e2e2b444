import { expect, it } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { AuditorLog } from '../../src/server/auditor-log.ts';
import type { AuditorEvent } from '../../src/service/auditor/auditor-event.ts';

/** The levels of the lines that events have. */
function levels(events: readonly AuditorEvent[]): string[] {
  const lines: string[] = [];
  const line = (level: string) => (): void => void lines.push(level);
  const log = new AuditorLog({ info: line('info'), warn: line('warn'), error: line('error'), fatal: line('fatal') });
  for (const event of events) log.observe(event);
  return lines;
}

const network = new GlasskeyError('network-failed', 'no answer');
const failed = (work: 'audit' | 'delivery'): AuditorEvent => ({
  type: 'failed',
  work,
  error: network,
  isMisbehaviour: false,
});
const verified: AuditorEvent = { type: 'verified', size: 1, timestampMs: 1, entries: 1, updates: 1 };
const delivered: AuditorEvent = { type: 'delivered', size: 1 };

it('an outage of the log has a line when it begins and one when it ends, however many rounds fail', () => {
  const night = Array.from({ length: 100 }, () => failed('audit'));
  expect(levels([verified, ...night, verified, verified, failed('audit')])).toEqual(['error', 'info', 'error']);
});

it('an outage of deliveries is another one', () => {
  const events = [failed('audit'), failed('delivery'), verified, failed('delivery'), delivered];
  expect(levels(events)).toEqual(['error', 'error', 'info', 'info']);
});

it('a log that fails verification has a line for each round', () => {
  const error = new GlasskeyError('bad-log-proof', 'no');
  const lie: AuditorEvent = { type: 'failed', work: 'audit', error, isMisbehaviour: true };
  expect(levels([failed('audit'), lie, lie, { type: 'halted' }])).toEqual(['error', 'error', 'error', 'fatal']);
});
