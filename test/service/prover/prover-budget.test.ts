import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SERVICE_LIMITS } from '../../../src/service/service-limits.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import type { Prover } from '../../../src/service/prover/prover.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';

let log: HistoryLog;
let size = 0;
beforeAll(async () => {
  log = await createHistoryLog({ labels: 10, rounds: 10, configuration: { reasonableMonitoringWindowMs: 7_200_000 } });
  size = (await log.service.progress.released()).released.size;
}, 120_000);
afterAll(() => log.close());

/** Reads, but for those of prefix tiles, that an operation takes in a process that has just started and verifies none of its answers. */
async function coldReads(operation: (prover: Prover) => Promise<unknown>): Promise<number> {
  const limits = { ...DEFAULT_SERVICE_LIMITS, verifyOneIn: 0 };
  const service = new LogService(await openLog({ ...log.options, limits }), { sequence: false });
  await service.progress.released();
  log.trips = 0;
  await operation(service.prover);
  return log.trips;
}

describe('in a process that has just started', () => {
  const lasts = (): (number | undefined)[] => [undefined, 1, Math.floor(size / 2), size - 1, size];

  it.each(['user0@example.com', 'user1@example.com', 'user9@example.com'])('a lookup of %s', async (name) => {
    const { label } = identityOf(name);
    // The label; entries; versions. (No log tile is full.)
    for (const last of lasts()) {
      expect(await coldReads((prover) => prover.lookup({ last, label }))).toBeLessThanOrEqual(3);
    }
  });

  it('a search for a version', async () => {
    const { label } = identityOf('user9@example.com');
    for (const last of lasts()) {
      for (const version of [0, 1, 3]) {
        const reads = await coldReads((prover) => prover.search({ last, label, version }));
        expect(reads).toBeLessThanOrEqual(5);
      }
    }
  });

  it('a contact that monitors', async () => {
    const { label } = identityOf('user9@example.com');
    const row = await log.context.store.readLabelAt(await log.context.vrf.labelKey(label), size);
    const entries = (row?.positions ?? []).map((position, version) => ({ position, version }));
    for (const last of lasts()) {
      const reads = await coldReads((prover) => prover.contactMonitor({ last, label, entries }));
      expect(reads).toBeLessThanOrEqual(4);
    }
  });

  it('an owner', async () => {
    const { label } = identityOf('user9@example.com');
    const row = await log.context.store.readLabelAt(await log.context.vrf.labelKey(label), size);
    const entries = (row?.positions ?? []).map((position, version) => ({ position, version })).slice(-2);
    const greatestVersion = (row?.positions.length ?? 0) - 1;
    for (const last of lasts()) {
      const asked = { last, label };
      const inits = await coldReads((prover) => prover.ownerInit({ ...asked, start: 31 }));
      expect(inits).toBeLessThanOrEqual(4);
      const rounds = await coldReads((prover) => prover.ownerMonitor({ ...asked, entries, start: 0, greatestVersion }));
      expect(rounds).toBeLessThanOrEqual(6);
      // As many responses as there are versions.
      const updates = await coldReads((prover) => prover.update({ ...asked, greatestVersion: undefined, values: [] }));
      expect(updates).toBeLessThanOrEqual(5 + greatestVersion);
    }
  });

  it('a walk of distinguished entries, in rounds that double what they reach', async () => {
    for (const last of lasts()) {
      const reads = await coldReads((prover) => prover.distinguished({ last, stop: undefined }));
      expect(reads).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(size)));
    }
  });
});
