import { afterAll, beforeAll, describe } from 'vitest';
import { openStore, type StoreTarget } from '../../src/store/open-store.ts';
import type { LogStore, Store } from '../../src/store/ports.ts';
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

/** Runs the same tests over every database that the store supports. */
export function describeEachStore(name: string, tests: (fixture: StoreFixture) => void): void {
  describe.each(['postgres', 'pglite'] as const)(`${name} on %s`, (kind) => {
    let store: Store | undefined;
    let logs = 0;
    const opened = (): Store => {
      if (store === undefined) throw new Error('not open');
      return store;
    };

    beforeAll(async () => {
      store = await openStore(await emptyDatabase(kind), { now: () => NOW_MS });
    });
    afterAll(async () => {
      await store?.close();
    });

    tests({
      kind,
      store: opened,
      newLog: async () => {
        const row = await opened().createLog({ origin: `log-${logs++}.example`, configuration: new Uint8Array(4) });
        return opened().log(row.logId);
      },
    });
  });
}
