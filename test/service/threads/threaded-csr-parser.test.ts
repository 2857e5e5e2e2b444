import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signCsr } from '../../../src/ca/csr/sign-csr.ts';
import { parseCsr } from '../../../src/ca/csr/csr.ts';
import { createKey } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { threadedCsrParser } from '../../../src/service/threads/threaded-csr-parser.ts';

const SOURCE = resolve(import.meta.dirname, '../../../src/service/threads');
const ALICE = { kind: 'email', value: 'alice@example.com' } as const;

let folder: string;
let built: { threadedCsrParser: typeof threadedCsrParser };
beforeAll(async () => {
  // Workers run built files only.
  folder = await mkdtemp(join(tmpdir(), 'glasskey-csr-'));
  const entryPoints = [join(SOURCE, 'threaded-csr-parser.ts'), join(SOURCE, 'csr-worker.ts')];
  await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outdir: folder, logLevel: 'error' });
  built = (await import(pathToFileURL(join(folder, 'threaded-csr-parser.js')).href)) as typeof built;
});
afterAll(() => rm(folder, { recursive: true }));

describe('requests that are read in a thread', () => {
  it('give what they give without, and the same refusals', async () => {
    const parser = built.threadedCsrParser();
    const der = await signCsr(signerFromKey(await createKey('p256')), ALICE);
    expect(await parser.parse(der)).toEqual(await parseCsr(der));
    const forged = der.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const outcomes = await Promise.allSettled([forged, der, new Uint8Array(3), der.slice(0, -1)].map(parser.parse));
    const codes = outcomes.map((one) => (one.status === 'fulfilled' ? 'ok' : (one.reason as { code: string }).code));
    expect(codes).toEqual(['bad-proof-of-possession', 'ok', 'bad-csr', 'bad-csr']);
    await parser.close();
  });

  it('are read without the thread once it is gone', async () => {
    const parser = built.threadedCsrParser();
    const der = await signCsr(signerFromKey(await createKey('ed25519')), ALICE);
    const pending = parser.parse(der);
    await parser.close();
    expect(await pending).toEqual(await parseCsr(der));
    expect(await parser.parse(der)).toEqual(await parseCsr(der));
    expect(await threadedCsrParser().parse(der)).toEqual(await parseCsr(der));
  });
});
