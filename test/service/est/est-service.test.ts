import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyOid } from '../../../src/ca/der/oids.ts';
import { derOid } from '../../../src/ca/der/der-writer.ts';
import { DEFAULT_PROFILE } from '../../../src/ca/profile.ts';
import { EstService } from '../../../src/service/est/est-service.ts';
import { DEFAULT_EVIDENCE } from '../../../src/service/evidence/evidence-settings.ts';
import { oneProfile } from '../../../src/service/log/profile-table.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

let log: TestLog;
let est: EstService;
beforeEach(async () => {
  log = await createTestLog();
  est = new EstService(log.service);
});
afterEach(() => log.close());

const asksFor = (oid: string): boolean => Buffer.from(est.csrAttributes()).includes(Buffer.from(derOid(oid)));

async function enrollWithP256(identity: string): Promise<Uint8Array> {
  const csr = await csrFor(await newDeviceKey('p256'), identity);
  return est.enroll({ csr, token: log.token, clientCertificate: undefined, requestId: 'r' });
}

describe('EST after a reload', () => {
  it('asks for a key of a kind that the profiles in force take', async () => {
    expect(asksFor(KeyOid.p256)).toBe(true);
    expect(await enrollWithP256('alice@example.com')).toBeInstanceOf(Uint8Array);
    log.service.reconfigure({
      allowsMlDsa: false,
      evidence: DEFAULT_EVIDENCE,
      profiles: oneProfile({ ...DEFAULT_PROFILE, keyTypes: ['ed25519'] }),
      issuingCas: log.context.reloadable.issuingCas.all,
    });
    await expect(enrollWithP256('bob@example.com')).rejects.toMatchObject({ code: 'weak-key' });
    expect(asksFor(KeyOid.p256)).toBe(false);
    expect(asksFor(KeyOid.ed25519)).toBe(true);
  });
});
