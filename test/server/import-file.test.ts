import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { importFile, type ImportCounts } from '../../src/server/import-file.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import type { ImportOrder } from '../../src/service/issuance/import-identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasskey-import-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'users.jsonl');
const report = join(folder, 'refused.jsonl');

let asked: string[];
beforeEach(() => (asked = []));

const line = (identity: string): string => JSON.stringify({ identity, publicKey: 'PEM' });

/** Imports a file with one name per line. `answer` decides the outcome of each. */
async function run(names: readonly string[], answer: (order: ImportOrder) => Promise<'imported' | 'present'>) {
  writeFileSync(file, names.map(line).join('\n'));
  const rounds: ImportCounts[] = [];
  const counts = await importFile({
    file,
    report,
    who: 'admin:test',
    labelOf: (identity) => identity.toLowerCase(),
    progress: (so) => rounds.push(so),
    importOne: (order) => {
      asked.push(order.identity);
      return answer(order);
    },
  });
  return { counts, rounds };
}

const refuse = (code: ConstructorParameters<typeof GlasskeyError>[0]) => Promise.reject(new GlasskeyError(code, 'no'));

describe('importing a file', () => {
  it('goes in rounds of four full entries, and counts after each', async () => {
    const names = Array.from({ length: 1_021 }, (_, i) => `user${i}`);
    const { rounds } = await run(names, () => Promise.resolve('imported'));
    expect(rounds.map(({ imported }) => imported)).toEqual([1_020, 1_021]);
  });

  it('imports the lines of one name one after the other', async () => {
    let open = 0;
    const { counts } = await run(['a', 'A', 'b', 'a'], async ({ identity }) => {
      if (identity === 'b') return 'imported';
      expect((open += 1)).toBe(1);
      await new Promise(setImmediate);
      open -= 1;
      return identity === 'A' ? refuse('change-required') : 'imported';
    });
    expect(asked).toEqual(['a', 'b', 'A', 'a']);
    expect(counts).toEqual({ imported: 3, present: 0, refused: 1 });
  });

  it('tries once more after a concurrent change of the name', async () => {
    const { counts } = await run(['a', 'b'], ({ identity }) => {
      const isFirst = asked.filter((name) => name === identity).length === 1;
      return isFirst || identity === 'b' ? refuse('version-conflict') : Promise.resolve('present');
    });
    expect(asked.toSorted()).toEqual(['a', 'a', 'b', 'b']);
    expect(counts).toEqual({ imported: 0, present: 1, refused: 1 });
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ line: 2, code: 'version-conflict' });
  });

  it.each([
    'storage-failed',
    'hsm-refused',
    'hsm-unavailable',
    'log-ended',
    'certificate-expired',
    'timed-out',
  ] as const)('ends with an error that is not a line’s fault (%s), after reporting the refused lines', async (code) => {
    const ended = run(['a', 'b', 'c'], ({ identity }) =>
      identity === 'a' ? refuse('weak-key') : identity === 'b' ? refuse(code) : Promise.resolve('imported'),
    );
    await expect(ended).rejects.toMatchObject({ code });
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ line: 1, code: 'weak-key' });
  });
});
