import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpAuditFiles } from '../../../src/client/audit/audit-files.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';

const code = (expected: ErrorCode): object => expect.objectContaining({ code: expected });
const PREFIX = 'https://log.example.org/log/';
const BUSY = { status: 503, headers: { 'retry-after': '3' } };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Files of a server that gives these answers, one after the other, and the last of them again and again. */
function filesOf(...answers: readonly ResponseInit[]): { files: ReturnType<typeof httpAuditFiles>; asked: number[] } {
  const asked: number[] = [];
  const fetch = async (): Promise<Response> => {
    asked.push(Date.now());
    return new Response('content', answers[Math.min(asked.length, answers.length) - 1]);
  };
  return { files: httpAuditFiles({ prefix: PREFIX, fetch, timeoutMs: 1000 }), asked };
}

describe('files of a log over HTTP', () => {
  it('are asked for again of a server that is busy, after as long as it says', async () => {
    const { files, asked } = filesOf(BUSY, { status: 429 }, { status: 200 });
    const read = files.read('checkpoint', 100);
    await vi.runAllTimersAsync();
    expect(await read).toEqual(new TextEncoder().encode('content'));
    expect(asked.map((ms) => ms - (asked[0] ?? 0))).toEqual([0, 3000, 4000]);
  });

  it('are given up after six attempts, however long the server would have us wait', async () => {
    const { files, asked } = filesOf({ status: 503, headers: { 'retry-after': '86400' } });
    const refused = expect(files.read('checkpoint', 100)).rejects.toThrow(code('bad-response'));
    await vi.runAllTimersAsync();
    await refused;
    expect(asked.map((ms) => ms - (asked[0] ?? 0))).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  });

  it('are waited for no longer once they are closed', async () => {
    const { files, asked } = filesOf(BUSY);
    const read = expect(files.read('checkpoint', 100)).rejects.toThrow(code('network-failed'));
    await vi.advanceTimersByTimeAsync(1);
    files.close();
    await read;
    expect(asked).toHaveLength(1);
  });

  it('are not asked for again where they are missing', async () => {
    const { files, asked } = filesOf({ status: 404 });
    await expect(files.read('checkpoint', 100)).rejects.toThrow(code('bad-response'));
    expect(asked).toHaveLength(1);
  });
});
