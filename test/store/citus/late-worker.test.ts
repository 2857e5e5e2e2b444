import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distributeTables } from '../../../src/store/citus/distributed-tables.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { LogStore, Store } from '../../../src/store/ports.ts';
import { citusWorkers, createCitusDatabase, dropCitusDatabases, NO_CITUS } from '../../support/citus.ts';
import { type LateWorker, startLateWorker } from '../../support/late-worker.ts';
import { until } from '../../support/until.ts';
import { enqueue, labelKey, sampleBatch } from '../samples.ts';

const title = 'a worker that commits late';

describe.skipIf(NO_CITUS !== undefined)(NO_CITUS === undefined ? title : `${title}: ${NO_CITUS}`, () => {
  const stores: Store[] = [];
  let worker: LateWorker;
  let logId: number;
  /** The log in a server that was started before the tables were distributed. */
  let log: LogStore;

  beforeAll(async () => {
    const [first] = await citusWorkers();
    if (first === undefined) throw new Error('a cluster without a worker');
    worker = await startLateWorker(first);
    const url = await createCitusDatabase((node) =>
      node.port === first.port ? { host: '127.0.0.1', port: worker.port } : node,
    );
    const open = async (): Promise<Store> => {
      const store = await openStore(url);
      stores.push(store);
      return store;
    };
    const running = await open();
    ({ logId } = await running.createLog({ origin: 'late.example', configuration: new Uint8Array(4) }));
    log = running.log(logId);
    await log.append(sampleBatch(0, [], { entryCount: 300 }));
    expect((await distributeTables(url, 4)).every(({ isNew }) => isNew)).toBe(true);
    expect((await distributeTables(url, 4)).some(({ isNew }) => isNew)).toBe(false);
    await open();
  });
  afterAll(async () => {
    worker.hurry();
    await Promise.all(stores.map((store) => store.close()));
    worker.close();
    await dropCitusDatabases();
  });

  it('has a running server go on with the rows that were there', async () => {
    expect((await log.readHead()).size).toBe(300);
    const positions = Array.from({ length: 300 }, (_, position) => position);
    expect((await log.readEntries(positions)).every((entry) => entry !== undefined)).toBe(true);
  });

  it('lets nobody have a head before every row below it can be seen', async () => {
    const reader = stores[1]?.log(logId) as LogStore;
    expect((await reader.readHead()).size).toBe(300);
    const names = Array.from({ length: 16 }, (_, i) => `name${i}`);
    const queued = await Promise.all(names.map((name) => enqueue(log, name)));
    worker.isLate = true;
    const appending = log.append(sampleBatch(300, queued, { entryCount: 16 }));
    await until(() => worker.held > 0);
    const found = await Promise.all(names.map((name) => reader.readLabelAt(labelKey(name), 1_000)));
    expect(found).toContain(undefined);
    await expect(reader.readHead()).rejects.toMatchObject({ code: 'not-visible-yet' });
    const reading = reader.readHead();
    worker.hurry();
    expect((await reading).size).toBe(316);
    await appending;
    const seen = await Promise.all(names.map((name) => reader.readLabelAt(labelKey(name), 1_000)));
    expect(seen).not.toContain(undefined);
  });
});
