import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandReference } from './command-reference.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/commands.md');

describe('the reference of commands', () => {
  it('is what the program says of itself', async () => {
    const page = await commandReference();
    if (process.env['GLASSKEY_UPDATE_README'] !== undefined) writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });
});
