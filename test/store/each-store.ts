import { afterAll, beforeAll, describe } from 'vitest';
import { openStore, type StoreTarget } from '../../src/store/open-store.ts';
import type { LogStore, Store } from '../../src/store/ports.ts';
import { createDistributedDatabase, dropCitusDatabases, NO_CITUS } from '../support/citus.ts';
import { pgliteDatabase } from '../support/pglite.ts';
import { createTestDatabase } from '../support/postgres.ts';

/** The clock of stores under test. */
export const NOW_MS = 1_800_000_000_000;

/** What a contract test works on. */
export interface StoreFixture {
  readonly kind: 'postgres' | 'pglite';
  readonly store: () => Store;
  /** A new, empty log. */
  newLog(): Promise<LogStore>;
}

/** A new empty database of each kind. */
export async function emptyDatabase(kind: 'postgres' | 'pglite'): Promise<StoreTarget> {
  return kind === 'postgres' ? createTestDatabase() : { database: await pgliteDatabase() };
}

/** The places of rows that a contract test runs with. */
const PLACES = ['postgres', 'pglite', 'statements for several nodes', 'citus'] as const;

async function openPlace(place: (typeof PLACES)[number]): Promise<Store> {
  const now = (): number => NOW_MS;
  if (place === 'postgres' || place === 'pglite') return openStore(await emptyDatabase(place), { now });
  if (place === 'citus') return openStore(await createDistributedDatabase(4), { now });
  return openStore(await createTestDatabase(), { now, isSettled: () => Promise.resolve(true) });
}

/** Runs the same tests over every database that the store supports. */
export function describeEachStore(name: string, tests: (fixture: StoreFixture) => void): void {
  for (const place of PLACES) {
    const isMissing = place === 'citus' && NO_CITUS !== undefined;
    const title = `${name} on ${place}${isMissing ? `: ${NO_CITUS}` : ''}`;
    describe.skipIf(isMissing)(title, () => describeStore(place, tests));
  }
}

function describeStore(place: (typeof PLACES)[number], tests: (fixture: StoreFixture) => void): void {
  let store: Store | undefined;
  let logs = 0;
  const opened = (): Store => {
    if (store === undefined) throw new Error('not open');
    return store;
  };

  beforeAll(async () => {
    store = await openPlace(place);
  });
  afterAll(async () => {
    await store?.close();
    if (place === 'citus') await dropCitusDatabases();
  });

  tests({
    kind: place === 'pglite' ? 'pglite' : 'postgres',
    store: opened,
    newLog: async () => {
      const row = await opened().createLog({ origin: `log-${logs++}.example`, configuration: new Uint8Array(4) });
      return opened().log(row.logId);
    },
  });
}
