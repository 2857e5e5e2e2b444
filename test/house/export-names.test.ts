import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceFiles, withoutComments } from './import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');

/** `export async function name`, `export abstract class Name` and so on: the formatter starts a line with them. */
const DECLARED =
  /^export (?:(?:declare|abstract|async) )*(?:function\*?|class|interface|type|enum|const|let) ([A-Za-z0-9_$]+)/gm;
/** `export const { a, b: c } =`: the names that a pattern declares. */
const DESTRUCTURED = /^export (?:const|let) [{[]([^=]*)[}\]] =/gm;
/** `export { a as b }`, with `from` or without: `b` is a name of its own. A plain re-export is not. */
const RENAMED = /^export (?:type )?\{([^}]*)\}/gm;

/** Returns the names that a module gives to what it exports. */
function exportedNames(text: string): string[] {
  const code = withoutComments(text);
  const declared = [...code.matchAll(DECLARED)].map(([, name = '']) => name);
  const destructured = [...code.matchAll(DESTRUCTURED)].flatMap(([, names = '']) => names.split(','));
  const renamed = [...code.matchAll(RENAMED)].flatMap(([, names = '']) =>
    names.split(',').filter((name) => / as /.test(name)),
  );
  const given = [...destructured, ...renamed].map((name) => /([A-Za-z0-9_$]+)\s*$/.exec(name)?.[1] ?? '');
  return [...declared, ...given.filter((name) => name !== '' && name !== 'default')];
}

/** Returns a line for every name that two modules give. Overloads, and a type beside its constant, share one module. */
function sharedNames(modules: ReadonlyMap<string, string>): string[] {
  const byName = new Map<string, Set<string>>();
  for (const [file, text] of modules) {
    for (const name of exportedNames(text)) byName.set(name, (byName.get(name) ?? new Set()).add(file));
  }
  return [...byName].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`);
}

describe('names that src/ exports', () => {
  it('each mean one thing', () => {
    const modules = new Map(sourceFiles(SRC).map((file) => [file, readFileSync(join(SRC, file), 'utf8')]));
    expect(modules.size).toBeGreaterThan(20);
    expect(sharedNames(modules)).toEqual([]);
  });

  it('are found in every form of declaration', () => {
    const text = [
      'export interface A {}',
      'export type B<T> = T;',
      'export abstract class C {}',
      'export async function* d() {}',
      'export const e = 1;',
      'export const { f, g: h } = object;',
      "export { i as j, k } from './l.ts';",
      "export { type M } from './m.ts';",
      '// export const no = 1;',
    ].join('\n');
    expect(exportedNames(text)).toEqual(['A', 'B', 'C', 'd', 'e', 'f', 'h', 'j']);
  });

  it('are one name where a module has overloads, and two where two modules declare it', () => {
    const overloads = 'export function a(x: 1): 1;\nexport function a(x: 2): 2;\nexport function a(x: 1 | 2) {}';
    expect(sharedNames(new Map([['a.ts', overloads]]))).toEqual([]);
    expect(
      sharedNames(
        new Map([
          ['a.ts', overloads],
          ['b.ts', 'export type a = 1;'],
        ]),
      ),
    ).toEqual(['a: a.ts, b.ts']);
  });
});
