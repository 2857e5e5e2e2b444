import { beforeEach, describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { RequestErrorLog } from '../../src/server/request-error-log.ts';

const MINUTE_MS = 60_000;
const WHERE = { method: 'POST', route: '/v1/certificates', request: 'a' };
const down = new GlasskeyError('storage-failed', 'no connection');

let lines: unknown[];
let nowMs: number;
let log: RequestErrorLog;
beforeEach(() => {
  lines = [];
  nowMs = 0;
  const line = (facts: unknown): void => void lines.push(facts);
  log = new RequestErrorLog({ info: line, warn: line, error: line, fatal: line }, () => nowMs);
});

describe('an outage', () => {
  it('has one line, however many requests fail and however long it lasts', () => {
    for (let i = 0; i < 500; i++) {
      nowMs += MINUTE_MS;
      log.failed(down, { ...WHERE, request: String(i) });
    }
    expect(lines).toMatchObject([{ request: '0', error: { code: 'storage-failed' } }]);
  });

  it('has another one after a quiet time, which counts the requests without one', () => {
    for (let i = 0; i < 3; i++) log.failed(down, WHERE);
    nowMs += 10 * MINUTE_MS;
    log.failed(down, WHERE);
    expect(lines).toMatchObject([{}, { unlogged: 2 }]);
  });

  it('hides no other way of failing, and no other route', () => {
    log.failed(down, WHERE);
    log.failed(new Error('a bug'), WHERE);
    log.failed(new Error('another bug'), WHERE);
    log.failed(down, { ...WHERE, route: '/readyz' });
    expect(lines).toHaveLength(4);
  });

  it('takes no more memory for more ways', () => {
    for (let i = 0; i < 1000; i++) log.failed(new Error(`bug ${i}`), WHERE);
    log.failed(new Error('bug 999'), WHERE);
    expect(lines).toHaveLength(1000);
    log.failed(new Error('bug 0'), WHERE);
    expect(lines).toHaveLength(1001);
  });
});

it('a client that makes a mistake has no line', () => {
  log.failed(new GlasskeyError('invalid-request', 'no'), WHERE);
  expect(lines).toEqual([]);
});
