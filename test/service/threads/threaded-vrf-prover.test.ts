import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../../src/core/crypto/cipher-suite.ts';
import { nativeVrfProver } from '../../../src/service/threads/native-vrf-prover.ts';
import { type ThreadedVrfProver, threadedVrfProver } from '../../../src/service/threads/threaded-vrf-prover.ts';

const SOURCE = resolve(import.meta.dirname, '../../../src/service/threads');
const SECRET = new Uint8Array(32).fill(5);
const inputs = Array.from({ length: 4 }, (_, i) => new Uint8Array(i).fill(i));

const SUITES = [KT_128_SHA256_ED25519, KT_128_SHA256_P256];

let folder: string;
let makeThreaded: typeof threadedVrfProver;
beforeAll(async () => {
  // Workers run built files only.
  folder = await mkdtemp(join(tmpdir(), 'glasskey-vrf-'));
  const entryPoints = [join(SOURCE, 'threaded-vrf-prover.ts'), join(SOURCE, 'vrf-worker.ts')];
  await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outdir: folder, logLevel: 'error' });
  const built = (await import(pathToFileURL(join(folder, 'threaded-vrf-prover.js')).href)) as {
    threadedVrfProver: typeof threadedVrfProver;
  };
  makeThreaded = built.threadedVrfProver;
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe.each(SUITES)('the VRF of suite %i in a thread', (suiteId) => {
  const local = nativeVrfProver(suiteId, SECRET);
  let threaded: ThreadedVrfProver;
  beforeAll(() => {
    threaded = makeThreaded(suiteId, SECRET);
  });

  it('gives what it gives without, also when asked for much at once', async () => {
    const expected = await local.prove(inputs);
    expect(threaded.publicKey).toEqual(local.publicKey);
    const results = await Promise.all([threaded.prove(inputs), threaded.prove([]), threaded.prove(inputs.slice(2))]);
    expect(results).toEqual([expected, [], expected.slice(2)]);
  });

  it('goes on without the thread', async () => {
    const expected = await local.prove(inputs);
    const pending = threaded.prove(inputs);
    await threaded.close();
    expect(await pending).toEqual(expected);
    expect(await threaded.prove(inputs)).toEqual(expected);
    const direct = threadedVrfProver(suiteId, SECRET);
    expect(await direct.prove(inputs)).toEqual(expected);
    await direct.close();
  });
});
