import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { proveP256Vrf, p256VrfPublicKey } from '../../src/core/crypto/vrf-p256.ts';
import { encodeVrfInput } from '../../src/core/keytrans/vrf-input.ts';
import { appendLeaf, EMPTY_RANGE, rangeRoot } from '../../src/core/log/compact-range.ts';
import { keytransNodeHasher } from '../../src/core/log/node-hasher.ts';
import { runCase } from './run-case.ts';
import { type VectorCase, vectorFiles } from './vector-file.ts';

const ofCase = (input: VectorCase['input'], expected: VectorCase['expect'] = {}): VectorCase => ({
  name: 'case',
  input,
  expect: expected,
});

it('takes every folder of the name', () => {
  const root = mkdtempSync(join(tmpdir(), 'vectors-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['keytrans', 'keytrans-2', 'keytrans-17', 'limbo']) {
    mkdirSync(join(root, folder));
    writeFileSync(join(root, folder, 'vrf.json'), JSON.stringify({ primitive: 'vrf', cases: [] }));
    writeFileSync(join(root, folder, 'README.md'), '');
  }
  const names = vectorFiles(root, 'keytrans').map(([name]) => name);
  expect(names).toEqual(['keytrans-17/vrf.json', 'keytrans-2/vrf.json', 'keytrans/vrf.json']);
  expect(vectorFiles(join(root, 'absent'), 'keytrans')).toEqual([]);
});

it.each([
  ['a primitive', 'nothing-we-know', {}, /no checker for nothing-we-know/],
  ['a path for a primitive', '../run-case', {}, /no checker for/],
  ['a structure', 'requests', { kind: 'update-tbs' }, /no checker for the structure update-tbs/],
  ['an operation', 'monitor', { operation: 'owner-init' }, /no checker for the operation owner-init/],
  ['a ladder', 'binary-ladder', { kind: 'rope' }, /unknown kind of ladder rope/],
])('fails for %s that it has no checker for', async (_, primitive, input, message) => {
  await expect(runCase({ primitive, cipher_suite: 2, cases: [] }, ofCase(input))).rejects.toThrow(message);
});

it('obeys the cipher suite of a file', async () => {
  const key = new Uint8Array(32).fill(7);
  const alpha = encodeVrfInput(new Uint8Array([97]), 3);
  const { proof, output } = proveP256Vrf(key, alpha);
  const vector = ofCase(
    { label: '61', version: 3, private_key: formatHex(key), public_key: formatHex(p256VrfPublicKey(key)) },
    { vrf_input: formatHex(alpha), proof: formatHex(proof), output: formatHex(output) },
  );
  const run = (suite: { readonly cipher_suite?: number }) => runCase({ primitive: 'vrf', cases: [], ...suite }, vector);
  expect(await run({ cipher_suite: 1 })).toBeUndefined();
  await expect(run({ cipher_suite: 2 })).rejects.toThrow();
  await expect(run({ cipher_suite: 3 })).rejects.toThrow(/cipher suite 3 is not supported/);
  await expect(run({})).rejects.toThrow(/the vectors of vrf name no cipher suite/);
});

it('gives a verifier what its client retained, and nothing to one without a view', async () => {
  const leaves = [1, 2].map((byte) => new Uint8Array(32).fill(byte));
  const ranges = [EMPTY_RANGE];
  for (const leaf of leaves) ranges.push(appendLeaf(ranges.at(-1)!, leaf, keytransNodeHasher));
  const root = formatHex(rangeRoot(ranges[2]!, keytransNodeHasher)!);
  const run = (retained: object) => {
    const input = { kind: 'log-tree', size: 2, entries: [1], values: [formatHex(leaves[1]!)], elements: [], root };
    return runCase({ primitive: 'tampered', cipher_suite: 2, cases: [] }, ofCase({ ...input, ...retained }));
  };
  // A proof of entry 1 is complete for a client that retained the tree of entry 0, so a checker of corruptions fails.
  await expect(run({ retained_size: 1, retained: [formatHex(leaves[0]!)] })).rejects.toThrow(/not/);
  expect(await run({ retained_size: 1, retained: [formatHex(leaves[1]!)] })).toBeUndefined();
  expect(await run({})).toBeUndefined();
});
