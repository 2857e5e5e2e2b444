import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/core/error-codes.ts';
import { CHAIN_VERDICTS } from '../../src/identity/chain.ts';
import { CATALOGUE } from './catalogue.ts';

const FOLDER = import.meta.dirname;
const ROWS = Object.entries(CATALOGUE);

/** The rows that the tests of a file carry out, in their order. */
const carriedOutIn = (file: string): string[] =>
  [...readFileSync(join(FOLDER, file), 'utf8').matchAll(/^ *attack\('([^']+)'/gm)].map(([, id]) => id as string);

const FILES = readdirSync(FOLDER).filter((name) => /^attacks-.*\.test\.ts$/.test(name));

describe('the catalogue of attacks', () => {
  it('has a row for each test, and a test for each row, where the row says', () => {
    const tests = FILES.flatMap((file) => carriedOutIn(file).map((id) => `${file}: ${id}`));
    expect(tests.toSorted()).toEqual(ROWS.map(([id, { test }]) => `${test}: ${id}`).toSorted());
  });

  it('is all that its files test', () => {
    const others = FILES.filter((file) => /^ *(?:it|test)(?:\.\w+)*\(/m.test(readFileSync(join(FOLDER, file), 'utf8')));
    expect(others).toEqual([]);
  });

  it('names each attack once, and codes that there are', () => {
    expect(new Set(ROWS.map(([, { attack }]) => attack)).size).toBe(ROWS.length);
    const known = new Set<string>([...Object.keys(ERROR_CODES), ...CHAIN_VERDICTS]);
    for (const [id, { codes, noticedBy, within }] of ROWS) {
      expect([id, codes.filter((code) => !known.has(code))]).toEqual([id, []]);
      expect([codes.length, noticedBy.length, within.length].every((length) => length > 0)).toBe(true);
    }
  });

  it('ends nowhere in an answer that is believed', () => {
    const harmless = new Set<string>(['unchanged', 'first-seen', 'key', 'maintenance', 'recovery']);
    expect(ROWS.filter(([, { codes }]) => codes.some((code) => harmless.has(code)))).toEqual([]);
  });
});
