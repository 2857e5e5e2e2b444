import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { limboCase, pathCases } from '../ca/path/cases.ts';
import { CliSandbox } from '../support/cli.ts';

const sandbox = new CliSandbox();
afterAll(() => sandbox.remove());

describe('glasskey ca validate', () => {
  it('judges every case of a file and counts those that agree', async () => {
    const [valid, ...more] = pathCases().map(limboCase);
    const invalid = more.find(({ expected_result: expected }) => expected === 'FAILURE');
    const skipped = { ...valid, id: 'glasskey::skipped', features: ['pedantic-public-suffix-wildcard'] };
    const wrong = { ...valid, id: 'glasskey::wrong', expected_result: 'FAILURE' };
    const file = sandbox.path('limbo.json');
    writeFileSync(file, JSON.stringify({ version: 1, testcases: [valid, invalid, skipped, wrong] }));
    const { code, stdout } = await sandbox.run('ca', 'validate', file, '--json');
    const { agree, disagree, skipped: count, results } = JSON.parse(stdout) as Record<string, unknown>;
    expect({ code, agree, disagree, count }).toEqual({ code: 2, agree: 2, disagree: 1, count: 1 });
    expect(results).toMatchObject([
      { outcome: 'accepted' },
      { outcome: 'refused', code: expect.any(String) as string },
      { outcome: 'skipped' },
      { outcome: 'accepted', expected: 'FAILURE' },
    ]);
  });

  it('judges by the profile that is asked for', async () => {
    // Only what Glasskey issues needs a serial above 0 and an authority key identifier.
    const lax = pathCases()
      .map(limboCase)
      .filter((one) => one.expected_result === 'FAILURE');
    const file = sandbox.path('profiles.json');
    writeFileSync(file, JSON.stringify({ version: 1, testcases: lax }));
    const judged = async (...args: string[]): Promise<number> => {
      const { stdout } = await sandbox.run('ca', 'validate', file, '--json', ...args);
      return (JSON.parse(stdout) as { agree: number }).agree;
    };
    const strict = await judged();
    expect(await judged('--profile', 'strict')).toBe(strict);
    expect(await judged('--profile', 'rfc5280')).toBeLessThan(strict);
    expect(await sandbox.run('ca', 'validate', file, '--profile', 'other')).toMatchObject({ code: 1 });
  });

  it('refuses what is not of the schema', async () => {
    const file = sandbox.path('bad.json');
    writeFileSync(file, '{"version":2,"testcases":[]}');
    expect(await sandbox.run('ca', 'validate', file)).toMatchObject({ code: 1 });
  });
});
