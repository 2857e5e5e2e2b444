import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Names of modules in declarations. */
const MODULE = /(?:from |import\()["'](\.[^"']+)\.ts["']/g;

let packed: ReadonlySet<string>;
beforeAll(() => {
  // The run of the tests has built `dist/`.
  const list = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: ROOT, stdio: 'pipe' });
  const [{ files }] = JSON.parse(list.toString()) as [{ readonly files: readonly { readonly path: string }[] }];
  packed = new Set(files.map(({ path }) => path));
});

/** The declarations that a program reaches from the entry points. */
function reachable(): ReadonlySet<string> {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, string | { types: string }> };
  const found = new Set<string>();
  for (const target of Object.values(exports)) if (typeof target !== 'string') found.add(join(target.types));
  for (const file of found) {
    for (const [, path = ''] of read(file).matchAll(MODULE)) found.add(`${join(dirname(file), path)}.d.ts`);
  }
  return found;
}

/** The files and folders of the project to which a document links. */
function linksOf(document: string): string[] {
  const links = [...read(document).matchAll(/\]\((?!https?:)([^)#\s]+)/g)];
  return links.map(([, path = '']) => join(dirname(document), path).replace(/\/$/, ''));
}

describe('the package glasskey', () => {
  it('leads an editor from each declaration to its source', () => {
    const declarations = reachable();
    expect(declarations.size).toBeGreaterThan(200);
    const missing = [...declarations].flatMap((file) => {
      const map = `${file}.map`;
      const { sources } = JSON.parse(read(map)) as { readonly sources: readonly string[] };
      const files = [file, map, ...sources.map((source) => join(dirname(file), source))];
      return files.filter((path) => !packed.has(path));
    });
    expect(missing).toEqual([]);
  });

  it('has every page to which its README and its pages link', () => {
    const folders = new Set([...packed].flatMap((path) => parentsOf(path)));
    const documents = [...packed].filter((path) => path.endsWith('.md'));
    expect(documents.length).toBeGreaterThan(20);
    const broken = documents.flatMap((document) =>
      linksOf(document)
        .filter((path) => !packed.has(path) && !folders.has(path))
        .map((path) => `${document}: ${path}`),
    );
    expect(broken).toEqual([]);
  });

  it('has the migrations, and nothing that only their generator or the tests need', () => {
    const { entries } = JSON.parse(read('migrations/meta/_journal.json')) as { entries: readonly { tag: string }[] };
    expect(entries.filter(({ tag }) => !packed.has(`migrations/${tag}.sql`))).toEqual([]);
    expect(packed).toContain('migrations/meta/_journal.json');
    expect([...packed].filter((path) => /^(?:test|bench)\/|_snapshot\.json$|^src\/(?:cli|web)\//.test(path))).toEqual(
      [],
    );
  });
});

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [parent, ...parentsOf(parent)];
}
