import { beforeEach, describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { EventLog } from '../../src/server/event-log.ts';
import type { ServiceEvent } from '../../src/service/service-event.ts';

let lines: [level: string, facts: unknown, text: unknown][];
let log: EventLog;
beforeEach(() => {
  lines = [];
  const line =
    (level: string) =>
    (...said: readonly unknown[]): void =>
      void lines.push([level, said[0], said[1]]);
  log = new EventLog({ info: line('info'), warn: line('warn'), error: line('error'), fatal: line('fatal') });
});

const network = new GlasskeyError('network-failed', 'no answer from the webhook');
const appended = { type: 'appended', size: 1, entries: 1, changes: 1, rejected: 0, milliseconds: 1 } as const;
const witness = (outcome: string, name = 'w1') =>
  ({ type: 'witness', witness: name, outcome, detail: undefined, milliseconds: 1 }) as const;

/** Each thing that can be out of order: how it fails, and how it works. */
const THINGS: readonly (readonly [what: string, failed: ServiceEvent, works: ServiceEvent])[] = [
  ['webhook', asked(network), asked(undefined)],
  ['auditor', { type: 'auditor-failed', error: network }, { type: 'asked', server: 'auditor', error: undefined }],
  [
    'mail server',
    { type: 'mail-failed', reason: 'ETIMEDOUT' },
    { type: 'asked', server: 'mail server', error: undefined },
  ],
  ['witness w1', witness('unreachable'), witness('cosigned')],
  ['appending', { type: 'sequencing-failed', error: network }, appended],
  ['recoveries', { type: 'recovery-failed', error: network }, { type: 'recoveries-tended' }],
  ['pruning', { type: 'pruning-failed', error: network }, { type: 'pruned', position: 1, tiles: 1 }],
];

function asked(error: unknown): ServiceEvent {
  return { type: 'asked', server: 'webhook', error };
}

describe('an outage', () => {
  it.each(THINGS)('of %s has a line when it begins and one when it ends, however many requests fail', (...row) => {
    const [what, failed, works] = row;
    for (const event of [works, failed, failed, failed, works, works, failed]) log.observe(event);
    expect(lines).toHaveLength(3);
    expect(lines.map(([level]) => level === 'info')).toEqual([false, true, false]);
    expect(lines[1]).toEqual(['info', { what, failures: 3 }, 'works again']);
  });

  it('has a line for each way of failing, in whatever order they come', () => {
    for (const outcome of ['unreachable', 'bad-cosignature', 'unreachable', 'bad-cosignature', 'resting'])
      log.observe(witness(outcome));
    expect(lines.map(([, facts]) => facts)).toMatchObject([{ outcome: 'unreachable' }, { outcome: 'bad-cosignature' }]);
  });

  it('of one thing is none of another', () => {
    for (const name of ['w1', 'w2']) log.observe(witness('unreachable', name));
    log.observe(witness('cosigned', 'w2'));
    log.observe(witness('unreachable', 'w1'));
    expect(lines.map(([level]) => level)).toEqual(['warn', 'warn', 'info']);
  });

  it('tells nothing of what another server said', () => {
    log.observe(asked(new SyntaxError('Unexpected token in alice@example.com')));
    expect(JSON.stringify(lines)).not.toContain('alice');
    expect(lines).toHaveLength(1);
  });
});

describe('what is no outage', () => {
  it('has a line each time', () => {
    const error = new GlasskeyError('storage-corrupt', 'a tile is missing');
    for (let i = 0; i < 2; i++) {
      log.observe({ type: 'self-check-failed', error });
      log.observe({ type: 'writer', holds: true });
    }
    expect(lines.map(([level]) => level)).toEqual(['fatal', 'info', 'fatal', 'info']);
  });

  it('has no line where nothing failed', () => {
    log.observe({ type: 'self-verified', error: undefined });
    log.observe({ type: 'signed' });
    expect(lines).toEqual([]);
  });
});
