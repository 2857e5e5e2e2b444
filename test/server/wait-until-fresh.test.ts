import { describe, expect, it } from 'vitest';
import { waitUntilFresh } from '../../src/server/wait-until-fresh.ts';
import { auditEntryCodec } from '../../src/core/audit/audit-entry.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import type { LogService } from '../../src/service/log-service.ts';

interface Moment {
  readonly ageMs: number;
  readonly size: number;
  readonly released: number;
  /** True if the newest entry has the Configuration that the log had before. */
  readonly isOld?: boolean;
  /** True if the newest entry ends the log. */
  readonly isLast?: boolean;
}

const NOW = 10_000_000;
const MAX_BEHIND_MS = 600_000;
const hash = (value: number): Uint8Array => new Uint8Array(32).fill(value);
const ENTRY = { format: 1, timestampMs: 1, prefixRoot: hash(0), logRoot: hash(0), updateHash: hash(0) } as const;

/** A log that moves on to the next moment each time its head is read, and stays at the last one. */
function logOf(moments: readonly Moment[], sequencer: object = {}): { service: LogService; looks: () => number } {
  let looks = 0;
  let at: Moment | undefined;
  const store = {
    readHead: async () => {
      at = moments[Math.min(looks++, moments.length - 1)];
      return { size: at?.size, timestampMs: NOW - (at?.ageMs ?? 0) };
    },
    readLogEnd: async () => (at?.isLast === true ? hash(0) : undefined),
    readEntries: async () => [
      { auditEntry: encode(auditEntryCodec, { ...ENTRY, configHash: hash(at?.isOld ? 2 : 1) }) },
    ],
  };
  const progress = { refresh: async () => ({ released: { size: at?.released } }) };
  const context = { store, now: () => NOW, configHash: hash(1), configuration: { maxBehindMs: MAX_BEHIND_MS } };
  return { service: { context, progress, sequencer } as unknown as LogService, looks: () => looks };
}

const stale: Moment = { ageMs: MAX_BEHIND_MS + 1, size: 5, released: 5 };
const unreleased: Moment = { ageMs: 0, size: 6, released: 5 };
const old: Moment = { ageMs: 0, size: 6, released: 6, isOld: true };
const fresh: Moment = { ageMs: MAX_BEHIND_MS, size: 6, released: 6 };

describe('waiting for a fresh head', () => {
  it('ends at once after the end of the log is released', async () => {
    const { service, looks } = logOf([
      { ...unreleased, isLast: true },
      { ...stale, isLast: true },
    ]);
    expect(await waitUntilFresh(service)).toBe(true);
    expect(looks()).toBe(2);
  });

  it('ends only when the newest entry is young enough, released, and of the Configuration', async () => {
    const { service, looks } = logOf([stale, old, unreleased, fresh]);
    expect(await waitUntilFresh(service)).toBe(true);
    expect(looks()).toBe(4);
  });

  it('takes a fresh log at once, whatever troubles the writer', async () => {
    const { service, looks } = logOf([fresh], { trouble: new GlasskeyError('clock-skew', 'behind') });
    expect(await waitUntilFresh(service)).toBe(true);
    expect(looks()).toBe(1);
  });

  it('throws if the operator must check the clock, and gives up on a log that contradicts itself', async () => {
    const skewed = logOf([stale], { trouble: new GlasskeyError('clock-skew', 'ahead') }).service;
    await expect(waitUntilFresh(skewed)).rejects.toThrow(expect.objectContaining({ code: 'clock-skew' }));
    const corrupt = logOf([stale], { failure: new GlasskeyError('storage-corrupt', 'no') }).service;
    expect(await waitUntilFresh(corrupt)).toBe(false);
  });
});
