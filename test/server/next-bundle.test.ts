import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataFolder } from '../../src/server/data-folder.ts';
import { initialise } from '../../src/server/init.ts';
import { nextBundle, storeBundle } from '../../src/server/next-bundle.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';

let data: string;
let folder: DataFolder;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'glasskey-bundle-'));
  const defaults = {
    suite: 'ed25519',
    origin: 'keys.example',
    publicUrl: 'https://keys.example',
    caKey: 'p256',
  } as const;
  await initialise({ ...defaults, data, dev: true, nowMs: 1_700_000_000_000 });
  folder = new DataFolder(data);
});
afterAll(() => rm(data, { recursive: true }));

describe('the next trust bundle of a folder', () => {
  it('is one that can be read again, and follows the last', async () => {
    await storeBundle(folder, await nextBundle(folder, () => ({ witnessPolicy: '# none\nquorum none\n' })));
    const { bundle } = parseTrustBundle(await readFile(folder.trust, 'utf8'));
    expect(bundle).toMatchObject({ sequence: 2, witnessPolicy: '# none\nquorum none\n' });
  });

  it.each([
    ['nobody could read', () => ({ witnessPolicy: '#'.repeat(70_000) }), 'bad-bundle'],
    ['names more Configurations than one can', tooMany, 'bad-bundle'],
    ['clients would refuse', () => ({ origin: 'elsewhere.example' }), 'bundle-changed'],
  ])('is none that %s', async (_, change, code) => {
    await expect(nextBundle(folder, change)).rejects.toMatchObject({ code });
  });
});

function tooMany({ keytransConfiguration }: { readonly keytransConfiguration: string }) {
  return { earlierConfigurations: Array<string>(65).fill(keytransConfiguration) };
}
