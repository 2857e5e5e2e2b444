import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeEvidence } from '../../src/cli/evidence.ts';
import { CertificateIsOver, exitCodeOf } from '../../src/cli/exit-code.ts';
import { GlasskeyError } from '../../src/core/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-evidence-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('one finding has one file of evidence, and another finding has its own', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const fork = (size: number) => new GlasskeyError('log-forked', `two roots at size ${size}`);
  for (const error of [fork(1), fork(1), fork(2), fork(1)]) await writeEvidence(error, folder);
  const lines = said.mock.calls.map(([line]) => String(line));
  said.mockRestore();
  const files = await readdir(folder);
  expect(files).toHaveLength(2);
  expect(lines.filter((line) => line.includes('already'))).toHaveLength(2);
  expect(files.every((name) => lines.some((line) => line.includes(name)))).toBe(true);
});

it('the same words about another identity are another finding', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { argv } = process;
  const before = (await readdir(folder)).length;
  for (const name of ['alice@example.com', 'bob@example.com', 'alice@example.com']) {
    process.argv = [...argv.slice(0, 2), 'lookup', name];
    await writeEvidence(new GlasskeyError('log-forked', 'the log has another value for a version'), folder);
  }
  process.argv = argv;
  said.mockRestore();
  expect(await readdir(folder)).toHaveLength(before + 2);
});

it('what a wrong clock alone can cause is no misbehaviour', () => {
  const of = (code: 'credential-expired' | 'tree-head-too-old' | 'tree-head-too-new' | 'certificate-expired') =>
    exitCodeOf(new GlasskeyError(code, 'x'));
  expect([of('credential-expired'), of('tree-head-too-old'), of('tree-head-too-new')]).toEqual([1, 1, 1]);
  const over = new GlasskeyError('certificate-expired', 'x');
  expect([exitCodeOf(over), exitCodeOf(new CertificateIsOver(over))]).toEqual([1, 2]);
});
