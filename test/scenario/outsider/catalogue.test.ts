import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileOf, ROOT, whatIsWrongWith } from '../../docs/test-titles.ts';
import { OUTSIDER } from './catalogue.ts';

const ROWS = Object.values(OUTSIDER).flat();

describe('the catalogue of what an outsider can try', () => {
  it('names for each attack tests that there are', () => {
    expect(ROWS.filter(({ tests }) => tests.length === 0)).toEqual([]);
    expect(ROWS.flatMap(({ tests }) => tests.map(whatIsWrongWith)).filter(Boolean)).toEqual([]);
  });

  it('names each attack once', () => {
    expect(new Set(ROWS.map(({ attack }) => attack)).size).toBe(ROWS.length);
  });

  it('names codes that these tests assert', () => {
    const without = ROWS.flatMap(({ attack, codes, tests }) => {
      const text = tests.map((test) => readFileSync(join(ROOT, fileOf(test)), 'utf8')).join('\n');
      return codes.filter((code) => !text.includes(code)).map((code) => `${attack}: ${code}`);
    });
    expect(without).toEqual([]);
  });
});
