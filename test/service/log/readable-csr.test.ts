import { expect, it } from 'vitest';
import { parseCsr } from '../../../src/ca/csr/csr.ts';
import { parsePem } from '../../../src/ca/der/pem.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import { createCsr } from '../../../src/client/csr.ts';
import { ML_DSA_SETS } from '../../../src/core/crypto/ml-dsa-sets.ts';
import { readableCsrParser } from '../../../src/service/log/readable-csr.ts';
import { identityOf } from '../../support/owner.ts';

it('verifies no ML-DSA signature of a stranger while the log does not require ML-DSA of its clients', async () => {
  let isAllowed = false;
  const verified: string[] = [];
  const parse = readableCsrParser(
    async (der) => {
      const csr = await parseCsr(der);
      verified.push(csr.keyType);
      return csr;
    },
    () => isAllowed,
  );
  const csrOf = async (type: Parameters<typeof generateKey>[0]) =>
    parsePem('CERTIFICATE REQUEST', await createCsr(identityOf('alice@example.com'), await generateKey(type)));
  for (const type of ML_DSA_SETS)
    await expect(parse(await csrOf({ type }))).rejects.toMatchObject({ code: 'weak-key' });
  for (const type of ['p256', 'ed25519'] as const) await parse(await csrOf({ type }));
  expect(verified).toEqual(['p256', 'ed25519']);
  isAllowed = true;
  for (const type of ML_DSA_SETS) await parse(await csrOf({ type }));
  expect(verified).toEqual(['p256', 'ed25519', ...ML_DSA_SETS]);
});
