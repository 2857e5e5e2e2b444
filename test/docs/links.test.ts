import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf } from './heading-anchors.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Every document of the project. */
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** The files and folders below the project that a document names in backquotes. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`((?:src|test|docs|examples|bench|migrations|certs-dev)\/[\w./-]*)`/g)].map(
    ([, path]) => path as string,
  );
}

/** Files of the rooms of `src/`, and of the parts of `src/core/`, that a document names in backquotes without prefix. */
function sourcePathsIn(text: string): string[] {
  const rooms = 'core|host|ca|identity|contract|store|service|http|client|server|cli|web';
  const parts = 'encoding|crypto|keytrans|log|prefix|audit';
  const named = [...text.matchAll(new RegExp(`\`((?:${rooms}|${parts})/[\\w./-]+\\.ts)\``, 'g'))];
  return named.map(([, path]) => (path?.match(`^(?:${parts})/`) ? `core/${path}` : (path as string)));
}

describe.each(DOCUMENTS)('%s', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');

  it('links to files and headings that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = links.filter(([, path, anchor]) => {
      const target = path === '' ? join(ROOT, document) : resolve(ROOT, dirname(document), path as string);
      if (!existsSync(target)) return true;
      if (anchor === undefined) return false;
      return !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it('names files that exist', () => {
    const named = [...pathsIn(text), ...sourcePathsIn(text).map((path) => join('src', path))];
    expect(named.filter((path) => !existsSync(join(ROOT, path))).map((path) => relative('.', path))).toEqual([]);
  });
});

describe('docs/README.md', () => {
  it('is a map of every page', () => {
    const map = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
    const pages = DOCUMENTS.filter((document) => /^docs\/[\w-]+\.md$/.test(document) && document !== 'docs/README.md');
    expect(pages.length).toBeGreaterThan(20);
    expect(pages.filter((page) => !map.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
  });
});
