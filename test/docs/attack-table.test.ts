import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../scenario/catalogue.ts';
import { OUTSIDER } from '../scenario/outsider/catalogue.ts';
import { fileOf, ROOT } from './test-titles.ts';

const quoted = (names: Iterable<string>): string => Array.from(names, (name) => `\`${name}\``).join(', ');

/** A table of a document that is made of a catalogue. */
interface Table {
  readonly document: string;
  readonly header: string;
  readonly rows: readonly string[];
}

const LIES: Table = {
  document: 'docs/attacks.md',
  header: '| a lying server tries to | who notices | as | at the latest |\n|---|---|---|---|\n',
  rows: Object.values(CATALOGUE).map(
    ({ attack, noticedBy, codes, within }) =>
      `| ${attack} | ${noticedBy.join('; ')} | ${quoted(codes)} | ${within} |\n`,
  ),
};

const OUTSIDERS: Table = {
  document: 'docs/threat-model.md',
  header: '| kind | an attempt to | comes to | as | test |\n|---|---|---|---|---|\n',
  rows: Object.entries(OUTSIDER).flatMap(([kind, attacks]) =>
    attacks.map(({ attack, outcome, codes, tests }) => {
      const files = new Set(tests.map(fileOf));
      return `| ${kind} | ${attack} | ${outcome} | ${quoted(codes)} | ${quoted(files)} |\n`;
    }),
  ),
};

it.each([LIES, OUTSIDERS])('$document has the table of its catalogue (GLASSKEY_UPDATE_README=1 writes it)', (table) => {
  const path = join(ROOT, table.document);
  const text = readFileSync(path, 'utf8');
  const start = text.indexOf(table.header);
  expect(start).toBeGreaterThan(0);
  const after = text.indexOf('\n\n', start);
  const end = after < 0 ? text.length : after + 1;
  const made = table.header + table.rows.join('');
  if (process.env['GLASSKEY_UPDATE_README'] === '1') {
    writeFileSync(path, text.slice(0, start) + made + text.slice(end));
    return;
  }
  expect(text.slice(start, end)).toBe(made);
});
