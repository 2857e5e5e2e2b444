import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { getTableName, isTable } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import * as schema from '../../src/store/schema.ts';
import { roomOf } from '../house/import-table.ts';
import { ROOMS, SERVICE_BASE, SERVICE_ROOMS } from '../house/rooms.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');

/** Returns the cells of the first table below a heading, row by row, without the header. */
function tableBelow(heading: string): string[][] {
  const section = PAGE.split(`\n${heading}\n`)[1] ?? '';
  const lines = section.slice(section.indexOf('\n|') + 1).split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  const cellsOf = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  return lines.slice(2, end).map(cellsOf);
}

const bare = (text = ''): string => text.replaceAll('`', '').replace(/\/$/, '');
const listed = (cell = ''): string[] => (cell === '' ? [] : cell.split(', ').map(bare));

describe('docs/architecture.md', () => {
  it('names every room, and what it may import', () => {
    const folders = readdirSync(join(ROOT, 'src'));
    const shown = tableBelow('## Rooms').map(([room, , imports]) => [
      bare(room),
      listed(imports)
        .map((name) => roomOf(name.replace(/ in part$/, '')))
        .sort(),
    ]);
    const rooms = Object.entries(ROOMS).filter(([name]) => folders.includes(name));
    const expected = rooms.map(([name, rule]) => [name, [...new Set(rule.rooms.map(roomOf))].sort()]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(expected));
    expect(shown.map(([name]) => name as string).sort()).toEqual(folders.sort());
  });

  it('names every room inside the service, and what it may import', () => {
    const [base, ...rows] = tableBelow('### Rooms inside the service');
    expect(listed(base?.[0])).toEqual(SERVICE_BASE);
    const shown = rows.map(([room, , imports]) => [bare(room), listed(imports).sort()]);
    const expected = Object.entries(SERVICE_ROOMS)
      .filter(([name]) => !SERVICE_BASE.includes(name))
      .map(([name, targets]) => [name, targets.filter((target) => !SERVICE_BASE.includes(target)).sort()]);
    expect(shown).toEqual(expected);
  });

  it('has a row for every table of the schema', () => {
    const tables = Object.values(schema).filter((value) => isTable(value));
    const shown = tableBelow('## What is stored').map(([name]) => bare(name));
    expect(shown.toSorted()).toEqual(tables.map((table) => getTableName(table)).toSorted());
  });
});
