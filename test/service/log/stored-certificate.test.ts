import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { isCertificateOf, readCertificate } from '../../../src/service/log/stored-certificate.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const NAME = 'alice@example.com';

let logs: readonly [TestLog, TestLog];
beforeAll(async () => {
  logs = [await createTestLog({ format: 1 }), await createTestLog()];
}, 60_000);
afterAll(async () => {
  for (const log of logs) await log.close();
});

async function registered({ service, token, context }: TestLog) {
  const csr = await csrFor(await newDeviceKey(), NAME);
  const { certificate } = await service.issue({ identity: NAME, csr, token, change: undefined, last: undefined });
  const row = await context.store.findCertificate(parseCertificate(certificate).serial);
  return { der: certificate, row: row!, store: context.store, csr };
}

it('a certificate is stored once: its row has the hash, and the record of its version the certificate', async () => {
  const [old, now] = [await registered(logs[0]), await registered(logs[1])];
  expect(old.row.content).toEqual(old.der);
  expect(now.row.content).toEqual(sha256(now.der));
  for (const { der, row, store } of [old, now]) {
    expect(await readCertificate(store, row)).toEqual(der);
    expect(isCertificateOf(row, der)).toBe(true);
    expect(isCertificateOf(row, old.der.with(40, der[40]! ^ 1))).toBe(false);
  }
  expect(isCertificateOf(old.row, now.der) || isCertificateOf(now.row, old.der)).toBe(false);
});

it('a row of another certificate is found out, and one without a version has no certificate', async () => {
  const [log] = logs.slice(1) as [TestLog];
  const { store } = log.context;
  const { rows } = await store.listCertificates({ after: undefined, limit: 1, search: undefined });
  const [row] = rows as [(typeof rows)[number]];
  const swapped = { ...row, content: row.content.with(3, row.content[3]! ^ 1) };
  await expect(readCertificate(store, swapped)).rejects.toMatchObject({ code: 'storage-corrupt' });
  const damaged = {
    readVersions: async () => [{ ...(await store.readVersions(row.labelKey, 0, 0))[0]!, value: sha256(row.content) }],
  };
  await expect(readCertificate(damaged, row)).rejects.toMatchObject({ code: 'storage-corrupt' });
  expect(await readCertificate(store, { ...row, version: 7 })).toBeUndefined();
});
