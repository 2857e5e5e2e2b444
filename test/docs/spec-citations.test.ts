import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../house/import-table.ts';
import { anchorsOf } from './heading-anchors.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SPEC = readFileSync(join(ROOT, 'docs/spec.md'), 'utf8');

/** Every source file's text, with line breaks inside comments undone. */
const SOURCES = sourceFiles(join(ROOT, 'src')).map((file): [string, string] => [
  file,
  readFileSync(join(ROOT, 'src', file), 'utf8').replaceAll(/\n\s*(?:\*|\/\/) ?/g, ' '),
]);

/** What is cited after `prefix` in a text: `KT §4.2, §13 and Appendix A` cites three places. */
function citations(text: string, prefix: string): string[] {
  const place = String.raw`(?:§\d+(?:\.\d+)*|Appendix [A-Z])`;
  const list = new RegExp(String.raw`\b${prefix} (${place}(?:(?:,| and|, and| or) ${place})*)`, 'g');
  return [...text.matchAll(list)].flatMap(([, places]) => (places as string).match(new RegExp(place, 'g')) ?? []);
}

/** Every place that the source cites, with one file that does. */
function citedIn(prefix: string): Map<string, string> {
  const cited = new Map<string, string>();
  for (const [file, text] of SOURCES) for (const place of citations(text, prefix)) cited.set(place, file);
  return cited;
}

describe('citations in src/', () => {
  it('of the KEYTRANS draft have a row each in docs/spec.md', () => {
    const rows = new Set([...SPEC.matchAll(/^\| (§[\d.]+|Appendix [A-Z]) \|/gm)].map(([, place]) => place));
    const cited = citedIn('KT');
    expect(cited.size).toBeGreaterThan(20);
    expect([...cited].filter(([place]) => !rows.has(place))).toEqual([]);
  });

  it('of pages in docs/ name headings that exist', () => {
    const cited = SOURCES.flatMap(([file, text]) =>
      [...text.matchAll(/\b(docs\/[\w-]+\.md)#([\w-]+)/g)].map(([link, page, anchor]) => ({
        file,
        link,
        page,
        anchor,
      })),
    );
    expect(cited.length).toBeGreaterThan(50);
    const broken = cited.filter(({ page, anchor }) => {
      const path = join(ROOT, page as string);
      return !existsSync(path) || !anchorsOf(readFileSync(path, 'utf8')).has(anchor as string);
    });
    expect(broken.map(({ file, link }) => `${file}: ${link}`)).toEqual([]);
  });

  it('name no document that a reader does not have', () => {
    expect(SOURCES.filter(([, text]) => text.includes('DESIGN')).map(([file]) => file)).toEqual([]);
  });

  it('are read with all their places', () => {
    expect(citations('x (KT §4.2, §13 and Appendix A). RFC 6962 §2.1, KT §5.', 'KT')).toEqual([
      '§4.2',
      '§13',
      'Appendix A',
      '§5',
    ]);
  });
});
