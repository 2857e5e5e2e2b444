import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf } from './heading-anchors.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['src', 'test', 'bench', 'examples', 'docs'];

/** Every text file that people read, by its path. */
const FILES = new Map(
  [
    ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
    ...FOLDERS.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(?:ts|mjs|md)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
    ),
  ].map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]),
);

/** The pages, with or without a heading, that a text names: `docs/spec.md#http` names two parts of one citation. */
function citations(text: string): { readonly page: string; readonly anchor: string | undefined }[] {
  const named = text.matchAll(/(?<![\w./-])((?:docs\/[\w/-]+|README|CONTRIBUTING|SECURITY)\.md)(?:#([\w-]+))?/g);
  return [...named].map(([, page, anchor]) => ({ page: page as string, anchor }));
}

describe('citations of our own pages', () => {
  it('in comments name pages and headings that exist', () => {
    const cited = [...FILES].flatMap(([file, text]) =>
      citations(text).map(({ page, anchor }) => ({ file, page, anchor })),
    );
    const broken = cited.filter(({ page, anchor }) => {
      if (!existsSync(join(ROOT, page))) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(join(ROOT, page), 'utf8')).has(anchor);
    });
    expect(cited.filter(({ anchor }) => anchor !== undefined).length).toBeGreaterThan(50);
    expect(broken.map(({ file, page, anchor }) => `${file}: ${page}#${anchor ?? ''}`)).toEqual([]);
  });

  it('name no document that a reader does not have', () => {
    // Written in two parts, so that this file does not name it either.
    const design = ['DESIGN', '§'].join(' ');
    expect([...FILES].filter(([, text]) => text.includes(design)).map(([file]) => file)).toEqual([]);
  });
});
