import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorReference, unusedCodes } from './error-reference.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/errors.md');

describe('the reference of error codes', () => {
  it('is what the source says', () => {
    const page = errorReference();
    if (process.env['GLASSKEY_UPDATE_README'] !== undefined) writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });

  it('has no code that nothing raises', () => {
    expect(unusedCodes()).toEqual([]);
  });
});
