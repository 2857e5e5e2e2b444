import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../scenario/catalogue.ts';

const README = join(resolve(import.meta.dirname, '../..'), 'README.md');
const HEADER = '| a lying server tries to | who notices | as | at the latest |\n|---|---|---|---|\n';

/** The catalogue as the README has it. */
function attackTable(): string {
  const rows = Object.values(CATALOGUE).map(({ attack, noticedBy, codes, within }) => {
    const names = codes.map((code) => `\`${code}\``);
    return `| ${attack} | ${noticedBy.join('; ')} | ${names.join(', ')} | ${within} |\n`;
  });
  return HEADER + rows.join('');
}

it('the README has the table of attacks that the tests carry out (GLASSKEY_UPDATE_README=1 writes it)', () => {
  const text = readFileSync(README, 'utf8');
  const start = text.indexOf(HEADER);
  expect(start).toBeGreaterThan(0);
  const end = text.indexOf('\n\n', start) + 1;
  if (process.env['GLASSKEY_UPDATE_README'] === '1') {
    writeFileSync(README, text.slice(0, start) + attackTable() + text.slice(end));
    return;
  }
  expect(text.slice(start, end)).toBe(attackTable());
});
