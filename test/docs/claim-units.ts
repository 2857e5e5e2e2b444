import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './test-titles.ts';

/** A part of a document: from a heading to the next one of its rank, or all of it. */
export interface Part {
  readonly document: string;
  readonly heading?: string;
}

/**
 * Returns the sentences of a part's prose, and the rows of its tables, each as the text that a reader sees. Headings,
 * headers of tables and the table of a catalogue are none.
 */
export function unitsOf({ document, heading }: Part): readonly string[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const [, part] = heading === undefined ? [text, text] : text.split(`\n## ${heading}\n`);
  if (part === undefined) throw new Error(`${document} has no heading "${heading}"`);
  const end = heading === undefined ? part.length : part.search(/^## /m);
  const blocks = part.slice(0, end < 0 ? part.length : end).split(/\n\n+|\n(?=- )/);
  return blocks
    .map((block) => block.trim())
    .flatMap((block) => (block.startsWith('|') ? rowsOf(block) : sentencesOf(block)));
}

function rowsOf(table: string): readonly string[] {
  const [header = '', , ...rows] = table.trim().split('\n');
  return GENERATED.some((start) => header.startsWith(start)) ? [] : rows.map((row) => plain(row.slice(2, -2)));
}

/** Tables that a test makes of a catalogue, whose rows name their tests themselves. */
const GENERATED = ['| a lying server tries to', '| kind | an attempt to'];

function sentencesOf(block: string): readonly string[] {
  if (/^#+ /.test(block)) return [];
  const line = block.replace(/^- /, '').replaceAll(/\s+/g, ' ');
  return line
    .split(SENTENCE_END)
    .filter((sentence) => sentence !== '')
    .map(plain);
}

/** The space between two sentences. One may begin with code, and what follows a colon is one if it begins in upper case. */
const SENTENCE_END = /(?<=[.!?][*)]*) (?=[*"]*[A-Z`])|(?<=:\**) (?=[*"]*[A-Z])/;

/** Text without the marks of Markdown. */
function plain(markdown: string): string {
  return markdown
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*`]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
