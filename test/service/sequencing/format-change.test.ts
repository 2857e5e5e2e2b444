import { expect, it } from 'vitest';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { identityOf } from '../../support/owner.ts';

/** Counts the stored prefix tiles from a position on, by the first byte of their encoding. */
async function tileFormats({ context }: HistoryLog, from: number): Promise<ReadonlySet<number>> {
  const { size } = await context.store.readHead();
  const formats = new Set<number>();
  for (let position = from; position < size; position++) {
    const names = Array.from({ length: 32 }, (_, counter) => ({ position, counter }));
    for (const data of await context.store.readPrefixTiles(names)) if (data !== undefined) formats.add(data[0]!);
  }
  return formats;
}

it('a log of format 1 goes on in format 2 once that is finished and the server restarted', async () => {
  const log = await createHistoryLog({ format: 1, labels: 6, rounds: 5, entriesPerRound: 2 });
  try {
    const labels = log.names.map((name) => identityOf(name).label);
    const { origin } = log.context;
    expect(log.context.format).toBe(1);
    const { size } = await log.context.store.readHead();
    expect(await tileFormats(log, 0)).toEqual(new Set([1]));

    // The running server goes on in format 1, as servers of the release before could read it.
    expect(await log.store.raiseFormat(origin, 2)).toBe(true);
    const registered = await log.submit(log.names[1]!);
    await log.step();
    await registered.answer;
    expect(await tileFormats(log, 0)).toEqual(new Set([1]));

    const restarted = await openLog(log.options);
    expect(restarted.format).toBe(2);
    const service = new LogService(restarted, { sequence: false });
    await service.start();
    for (const name of log.names.slice(2, 6)) {
      const { answer } = await log.submit(name);
      log.clock.advance(60_000);
      await service.sequencer.step();
      await answer;
    }
    await service.stop();
    expect(await tileFormats(log, size + 1)).toContain(2);
    expect(await tileFormats(log, 0)).toEqual(new Set([1, 2]));
    await checkInvariants(restarted, labels);
    for (const name of log.names.slice(1)) {
      const { label } = identityOf(name);
      const found = await service.prover.lookup({ last: undefined, label });
      expect(found.type).toBe('found');
    }
  } finally {
    await log.close();
  }
}, 120_000);
