import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createIssuingCa, createRoot } from '../../src/ca/authority.ts';
import { mlDsaCaSigner } from '../../src/ca/keys/ml-dsa-ca-signer.ts';
import { DEFAULT_PROFILE } from '../../src/ca/profile.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { DataFolder } from '../../src/server/data-folder.ts';
import { initialise } from '../../src/server/init.ts';
import { addRequirement, allowsMlDsa, assertRequired } from '../../src/server/log-requirements.ts';
import { DEFAULT_PROFILES, oneProfile } from '../../src/service/log/profile-table.ts';
import { newLogKeys } from '../support/test-log.ts';

const NOW_MS = 1_700_000_000_000;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

let data: string;
let folder: DataFolder;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'glasskey-required-'));
  const publicUrl = 'https://keys.example';
  await initialise({
    suite: 'ed25519',
    origin: 'keys.example',
    publicUrl,
    caKey: 'p256',
    data,
    dev: true,
    nowMs: NOW_MS,
  });
  folder = new DataFolder(data);
});
afterAll(() => rm(data, { recursive: true }));

const current = async () => parseTrustBundle(await readFile(folder.trust, 'utf8')).bundle;
const usage: unknown = expect.objectContaining({ code: 'usage' });

it('a log requires ML-DSA from a signed bundle on, once and for ever', async () => {
  const before = await current();
  expect(allowsMlDsa(before)).toBe(false);
  const { issuer } = await newLogKeys(NOW_MS);
  const root = await createRoot({
    signer: mlDsaCaSigner('ml-dsa-65', random(32), random),
    commonName: 'Root',
    nowMs: NOW_MS,
    random,
  });
  const signer = mlDsaCaSigner('ml-dsa-44', random(32), random);
  const quantum = await createIssuingCa({ root, signer, commonName: 'Issuing', nowMs: NOW_MS, random });
  const profiles = oneProfile({ ...DEFAULT_PROFILE, keyTypes: ['p256', 'ml-dsa-44'] });
  assertRequired(before, DEFAULT_PROFILES, [{ issuer }]);
  expect(() => assertRequired(before, profiles, [{ issuer }])).toThrow(usage);
  expect(() => assertRequired(before, DEFAULT_PROFILES, [{ issuer }, { issuer: quantum }])).toThrow(usage);

  await addRequirement(folder, 'ml-dsa');
  const after = await current();
  expect(after).toMatchObject({ requires: ['ml-dsa'], sequence: before.sequence + 1 });
  assertRequired(after, profiles, [{ issuer }, { issuer: quantum }]);
  await expect(addRequirement(folder, 'ml-dsa')).rejects.toEqual(usage);
  expect((await current()).sequence).toBe(after.sequence);
});
