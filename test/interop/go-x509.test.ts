import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limboCase, pathCases } from '../ca/path/cases.ts';
import { goMissing } from '../support/go-peers.ts';

const missing = goMissing();
const title = missing === undefined ? 'path validation by Go' : `path validation by Go (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  it('agrees, but where the case says why not', () => {
    const cases = pathCases();
    const input = JSON.stringify({ version: 1, testcases: cases.map(limboCase) });
    const folder = join(import.meta.dirname, 'go-x509');
    const output = execFileSync('go', ['run', '.'], { cwd: folder, input, encoding: 'utf8' });
    const outcomes = new Map(
      output
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
    expect(outcomes.size).toBe(cases.length);
    const surprises = cases.filter(({ id, valid, differs }) => {
      const agrees = outcomes.get(`glasskey::${id}`) === (valid ? 'accepted' : 'refused');
      return !agrees && differs?.go === undefined;
    });
    expect(surprises.map(({ id }) => id)).toEqual([]);
  }, 300_000);
});
