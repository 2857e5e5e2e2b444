import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const { dependencies, optionalDependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'optionalDependencies' | 'devDependencies',
  Record<string, string>
>;

it('docs/dependencies.md names every dependency with its exact version', () => {
  const rows = [...read('docs/dependencies.md').matchAll(/^\| (\S+) (\d\S*) (?:\(optional\) )?\|/gm)];
  expect(Object.fromEntries(rows.map(([, name, version]) => [name, version]))).toEqual({
    ...dependencies,
    ...optionalDependencies,
  });
});

it('docs/dependencies.md names every tool', () => {
  const [, text = ''] = /## For development\n([^#]*)/.exec(read('docs/dependencies.md')) ?? [];
  const tools = Object.keys(devDependencies).filter((name) => !name.startsWith('@types/'));
  expect(tools.filter((name) => !text.includes(name))).toEqual([]);
});
