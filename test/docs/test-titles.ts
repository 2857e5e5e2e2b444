import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of the project. */
export const ROOT = resolve(import.meta.dirname, '../..');

/**
 * Names a test: its file, a colon, and its title as it stands in the source (`%s` included), such as
 * `test/store/batcher.test.ts: runs each item alone where the database refuses the data of the batch`. A file alone
 * names all of its tests. An attack of the catalogue has its row for a title.
 */
export type TestName = `test/${string}`;

/** The file that a test's name begins with. */
export const fileOf = (name: TestName): string => name.split(': ', 1)[0] ?? '';

const read = new Map<string, ReadonlySet<string>>();

/** Returns what is wrong with a test's name; undefined if there is such a test. */
export function whatIsWrongWith(name: TestName): string | undefined {
  const file = fileOf(name);
  if (!file.endsWith('.test.ts') || !existsSync(join(ROOT, file))) return `${name}: no such file of tests`;
  const titles = read.get(file) ?? titlesIn(readFileSync(join(ROOT, file), 'utf8'));
  read.set(file, titles);
  if (titles.size === 0) return `${name}: the file has no tests`;
  const title = name.slice(file.length + 2);
  return title === '' || titles.has(title) ? undefined : `${name}: no test has this title`;
}

/** The titles of tests in a source: those of `it`, `test`, their tables, and the rows that `attack` carries out. */
export function titlesIn(source: string): ReadonlySet<string> {
  const titles = new Set<string>();
  for (const match of source.matchAll(/(?<![\w.'"`])(it|test|attack)((?:\.\w+)*)(?:<[^;]*?>)?(?=\()/g)) {
    const [all, , chain = ''] = match;
    const open = match.index + all.length;
    const isTable = /\.(?:each|for|skipIf|runIf)$/.test(chain);
    const title = literalAt(source, (isTable ? endOfGroup(source, open) : open) + 1);
    if (title !== undefined) titles.add(title);
  }
  return titles;
}

/** The string literal at an index, after white space. */
function literalAt(source: string, index: number): string | undefined {
  const [, , text] = /^\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/s.exec(source.slice(index, index + 1_000)) ?? [];
  return text?.replaceAll(/\\(.)/g, '$1');
}

/** The index after the parenthesis that closes the one at `open`. Skips strings, comments and regular expressions. */
function endOfGroup(source: string, open: number): number {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<=[([{,:=]\s*)\/(?:\\.|[^\\\n/])+\/|(['"`])(?:\\.|(?!\1)[^\\])*\1|[()]/g;
  token.lastIndex = open;
  let depth = 0;
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    if (match[0] === '(') depth++;
    if (match[0] === ')' && --depth === 0) return token.lastIndex;
  }
  return source.length;
}
