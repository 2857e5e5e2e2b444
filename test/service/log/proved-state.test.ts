import type { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogService } from '../../../src/service/log-service.ts';
import type { DeviceKey } from '../../support/owner.ts';
import { csrFor, identityOf, newDeviceKey } from '../../support/owner.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

/** The only name of the log: each search of the prefix tree ends at its one leaf, found or not. */
const ALICE = 'alice@example.com';

let database: PGlite;
let log: TestLog;
let key: DeviceKey;
beforeEach(async () => {
  database = await pgliteDatabase();
  log = await createTestLog({ target: { database } });
  key = await newDeviceKey();
  await renew();
});
afterEach(() => log.close());

async function renew() {
  const csr = await csrFor(key, ALICE);
  return log.service.issue({ identity: ALICE, csr, token: log.token, last: undefined, change: undefined });
}

/** Looks the name up at a server that has nothing in memory. */
async function lookup() {
  const service = new LogService(log.context, { sequence: false });
  return service.prover.search({ last: undefined, label: identityOf(ALICE).label, version: undefined });
}

const signed = (): number => log.events.filter(({ type }) => type === 'signed').length;

describe('a stored version from which no proof can be made', () => {
  it('is storage-corrupt to what signs, and not the fault of whoever asked', async () => {
    await database.query('update versions set commitment = $1', [new Uint8Array(32)]);
    const before = signed();
    await expect(renew()).rejects.toMatchObject({ code: 'storage-corrupt' });
    expect(signed()).toBe(before);
  });

  it('is storage-corrupt to whoever looks the name up', async () => {
    await database.query('update versions set opening = $1', [new Uint8Array(16)]);
    await expect(lookup()).rejects.toMatchObject({ code: 'storage-corrupt' });
  });

  it('is storage-corrupt where the entry is damaged', async () => {
    const { size } = await log.context.store.readHead();
    await database.query('update entries set audit_entry = $1 where position = $2', [new Uint8Array(9), size - 1]);
    await expect(lookup()).rejects.toMatchObject({ code: 'storage-corrupt' });
  });
});
