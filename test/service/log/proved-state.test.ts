import type { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { evidenceCodec } from '../../../src/identity/evidence.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { grantRecovery } from '../../../src/service/recovery/decide.ts';
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

describe('a proved record', () => {
  it('answers a repeated request with a certificate of the record, whatever its row holds', async () => {
    const first = await renew();
    expect((await renew()).certificate).toEqual(first.certificate);
    const bob = 'bob@example.com';
    const common = { token: log.token, last: undefined, change: undefined };
    const csr = await csrFor(await newDeviceKey(), bob);
    const { certificate, serial } = await log.service.issue({ ...common, identity: bob, csr });
    await database.query('update certificates set der = $1 where serial = $2', [
      new Uint8Array(certificate),
      parseHex(first.serial),
    ]);
    const again = await renew();
    const { spkiSha256, serial: found } = parseCertificate(again.certificate);
    expect(spkiSha256).toEqual(key.spkiSha256);
    expect([found, again.serial]).not.toContain(serial);
  });
});

describe('a log whose server is stopped', () => {
  it('can be told what the operator decides, however old its newest head is', async () => {
    const { context, service, clock } = log;
    const claimant = await newDeviceKey();
    const labelKey = await context.vrf.labelKey(identityOf(ALICE).label);
    const claim = { labelKey, identity: ALICE, csr: await csrFor(claimant, ALICE), spkiSha256: claimant.spkiSha256 };
    const evidence = encode(evidenceCodec, { type: 'application' });
    await context.store.addRecovery({ ...claim, evidence, state: 'undecided', requestedMs: context.now() });
    await service.stop();
    clock.advance(86_400_000);
    const decision = { identity: ALICE, spkiSha256: claimant.spkiSha256, reason: 'because', who: 'admin:test' };
    expect(await grantRecovery(context, decision)).toMatchObject({ state: 'granted', grantedVersion: 0 });
  });
});

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
