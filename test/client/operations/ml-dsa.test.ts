import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { signCsr } from '../../../src/ca/csr/sign-csr.ts';
import { DEFAULT_PROFILE } from '../../../src/ca/profile.ts';
import { generateKey, importKey } from '../../../src/client/client-key.ts';
import type { KeyDirectory } from '../../../src/client/key-directory.ts';
import { ML_DSA_SETS, mlDsaSizes } from '../../../src/core/crypto/ml-dsa-sets.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { MAX_SIGNATURE_FORMAT_1 } from '../../../src/identity/authorization.ts';
import {
  decodeIdentityRecord,
  type IdentityRecord,
  identityRecordCodec,
} from '../../../src/identity/identity-record.ts';
import { oneProfile } from '../../../src/service/log/profile-table.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { identityOf } from '../../support/owner.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const ALICE = 'alice@example.com';
const PROFILES = oneProfile({ ...DEFAULT_PROFILE, keyTypes: ['p256', ...ML_DSA_SETS] });

let server: TestServer;
let alice: KeyDirectory;
let bob: KeyDirectory;
beforeEach(async () => {
  server = await createTestServer({ profiles: PROFILES, allowsMlDsa: true });
  alice = await server.client();
  bob = await server.client();
});
afterEach(() => server.close());

/** The records of a name, from version 0 on, as the store has them. */
async function records(): Promise<readonly IdentityRecord[]> {
  const { context } = server.log;
  const labelKey = await context.vrf.labelKey(identityOf(ALICE).label);
  const rows = await context.store.readVersions(labelKey, 0, 20);
  return rows.map(({ value }) => decodeIdentityRecord(value as Uint8Array));
}

const keyTypes = async (directory: KeyDirectory): Promise<readonly string[]> => {
  const found = await directory.lookup(ALICE);
  if (!found.found) throw new Error('not found');
  return found.binding.certificates.map(({ der }) => parseCertificate(der).keyType);
};

describe.each(ML_DSA_SETS)('an owner with a key of type %s', (set) => {
  it('registers, adds a device, rotates and renews, and contacts see the owner in each', async () => {
    const key = await generateKey({ type: set });
    await alice.register(ALICE, { token: server.log.token, key });
    expect(await keyTypes(bob)).toEqual([set]);
    const laptop = await generateKey();
    await alice.register(ALICE, { credentials: key, key: laptop });
    expect(await keyTypes(bob)).toEqual([set, 'p256']);
    const next = await generateKey({ replaces: key });
    expect(next.keyType).toBe(set);
    await alice.rotate(ALICE, key, next);
    await alice.renew(ALICE, next);
    const seen = await bob.lookup(ALICE);
    if (!seen.found) throw new Error('not found');
    expect(seen.binding.change.links.every(({ type }) => type === 'key' || type === 'maintenance')).toBe(true);
    expect(seen.binding.alerts).toEqual([]);
    const own = await alice.monitor();
    expect(own.flatMap(({ alerts }) => alerts)).toEqual([]);
    // What an ML-DSA key signed is of format 2, whatever it leaves.
    const made = await records();
    expect(made.every(({ format }) => format === 2)).toBe(true);
    const signed = made.flatMap(({ authorization }) => (authorization.type === 'key' ? [authorization.signature] : []));
    expect(signed.map(({ length }) => length)).toContain(mlDsaSizes(set).signature);
    await checkInvariants(server.log.context, [identityOf(ALICE).label]);
  });

  it('is vouched for in a record of format 1 once no ML-DSA is left in it', async () => {
    const key = await generateKey({ type: set });
    const laptop = await generateKey();
    await alice.register(ALICE, { token: server.log.token, key });
    await alice.rotate(ALICE, key, laptop);
    await alice.rotate(ALICE, laptop, await generateKey());
    expect((await records()).map(({ format }) => format)).toEqual([2, 2, undefined]);
    expect(await keyTypes(bob)).toEqual(['p256']);
  });
});

describe('a log that does not require ML-DSA', () => {
  it('certifies no such key, even if a profile names it', async () => {
    const other = await createTestServer({ profiles: PROFILES });
    try {
      const client = await other.client();
      const register = client.register(ALICE, {
        token: other.log.token,
        key: await generateKey({ type: 'ml-dsa-44' }),
      });
      await expect(register).rejects.toMatchObject({ code: 'weak-key' });
    } finally {
      await other.close();
    }
  });
});

describe('a log that requires ML-DSA', () => {
  it('certifies none unless a profile names it', async () => {
    const { reloadable } = server.log.context;
    const { evidence, issuingCas, allowsMlDsa } = reloadable;
    reloadable.replace({ evidence, issuingCas, allowsMlDsa, profiles: oneProfile(DEFAULT_PROFILE) });
    const register = alice.register(ALICE, { token: server.log.token, key: await generateKey({ type: 'ml-dsa-65' }) });
    await expect(register).rejects.toMatchObject({ code: 'weak-key' });
  });

  it('takes no change with a damaged signature, or with that of another ML-DSA key', async () => {
    const key = await generateKey({ type: 'ml-dsa-44' });
    await alice.register(ALICE, { token: server.log.token, key });
    const thief = await generateKey({ type: 'ml-dsa-44' });
    const wrong = { ...key, sign: thief.sign };
    const stolen = alice.register(ALICE, { credentials: wrong, key: await generateKey() });
    await expect(stolen).rejects.toMatchObject({ code: 'bad-change-signature' });
    const flipped = {
      ...key,
      sign: async (message: Uint8Array) => {
        const signature = await key.sign(message);
        signature[1_000] = (signature[1_000] ?? 0) ^ 1;
        return signature;
      },
    };
    const damaged = alice.register(ALICE, { credentials: flipped, key: await generateKey() });
    await expect(damaged).rejects.toMatchObject({ code: 'bad-change-signature' });
  });

  it('sequences no record with ML-DSA while its bundle does not require it', async () => {
    const key = await generateKey({ type: 'ml-dsa-44' });
    await alice.register(ALICE, { token: server.log.token, key });
    const { reloadable } = server.log.context;
    const { evidence, issuingCas, profiles } = reloadable;
    reloadable.replace({ evidence, issuingCas, profiles, allowsMlDsa: false });
    const further = alice.register(ALICE, { credentials: key, key: await generateKey() });
    await expect(further).rejects.toMatchObject({ code: 'bad-record' });
    expect(await records()).toHaveLength(1);
  });

  it('shows records of format 2 that a reader of format 1 refuses before it reads anything else', async () => {
    await alice.register(ALICE, { token: server.log.token, key: await generateKey({ type: 'ml-dsa-44' }) });
    const [record] = await records();
    const value = encode(identityRecordCodec, record as IdentityRecord);
    expect(value[0]).toBe(2);
    const asFormat1 = Uint8Array.from(value);
    asFormat1[0] = 1;
    // The old format has no such signatures, and no certificate of such a key is read in it.
    expect(decodeIdentityRecord(asFormat1).format).toBeUndefined();
    expect(MAX_SIGNATURE_FORMAT_1).toBeLessThan(mlDsaSizes('ml-dsa-44').signature);
  });
});

it('a key that a program kept as its seed signs a request that the server takes', async () => {
  const stored = await (await generateKey({ type: 'ml-dsa-65' })).exportRaw();
  const key = await importKey({ type: 'ml-dsa-65', raw: stored });
  const csr = await signCsr({ ...key, algorithm: key.keyType }, identityOf(ALICE).san);
  expect(csr.length).toBeLessThan(12 * 1024);
  await alice.register(ALICE, { token: server.log.token, key });
  expect(await keyTypes(bob)).toEqual(['ml-dsa-65']);
});
