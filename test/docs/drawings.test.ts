import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allDrawings } from './drawings/all-drawings.ts';
import { recordedAnswer } from './drawings/recorded-answer.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');
const README = readFileSync(join(DOCS, '../README.md'), 'utf8');
const PAGE = readFileSync(join(DOCS, 'how-a-lookup-is-proved.md'), 'utf8');

describe('the drawings in docs/images/', () => {
  it('are what their makers draw, and stand on a page with a text for who does not see them', async () => {
    const drawings = await allDrawings();
    for (const [name, svg] of drawings) {
      const path = join(DOCS, 'images', name);
      if (process.env['GLASSKEY_UPDATE_README'] !== undefined) writeFileSync(path, svg);
      expect([name, readFileSync(path, 'utf8')]).toEqual([name, svg]);
      const [page, place] = name === 'overview.svg' ? [README, 'docs/images'] : [PAGE, 'images'];
      expect(page).toMatch(new RegExp(`!\\[[^\\]]{40,}\\]\\(${place}/${name}\\)`));
    }
    const drawn = readdirSync(join(DOCS, 'images')).filter((name) => name.endsWith('.svg'));
    expect(drawn.toSorted()).toEqual([...drawings.keys()].toSorted());
  });
});

describe('docs/how-a-lookup-is-proved.md', () => {
  it('counts what these answers hold', () => {
    const [found, absent] = [recordedAnswer('found, by a new client'), recordedAnswer('absent, to a new client')];
    const { explained, verified } = found;
    const [first, second] = explained.entries;
    const ladder = first?.searches.map(({ version }) => version).join(', ');
    const record = verified.type === 'found' ? verified.value.length : 0;
    const number = (value: number): string => value.toLocaleString('en');
    for (const words of [
      `Its log has ${explained.treeSize} entries`,
      `For version ${explained.version} the ladder is ${ladder}.`,
      `always the right child: ${verified.view.frontier.map(({ position }) => position).join(', ')}.`,
      `here ${explained.entries.map(({ position }) => position).join(' and ')}.`,
      `${number(explained.hashes)} hashes and ${number(explained.bytes)} bytes, of which the record is ${record}.`,
      `${number(absent.explained.hashes)} hashes and ${number(absent.explained.bytes)} bytes in all`,
      `and ${explained.treeSize} is ${explained.treeSize.toString(2)} in binary`,
    ]) {
      expect(PAGE).toContain(words);
    }
    expect(second?.searches.map(({ version }) => version)).toEqual([3]);
    expect(absent.explained.entries.flatMap(({ searches }) => searches)).toHaveLength(2);
    expect(found.proof.inclusion.elements).toHaveLength(6);
    expect(verified.type === 'found' && [verified.terminalPosition, verified.mustMonitor]).toEqual([11, false]);
  });

  it('has the figures of docs/scale.md', () => {
    const costs = PAGE.split('\n## What it costs\n')[1]?.split('\n## ')[0] ?? '';
    const rows = costs.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| labels'));
    const measured = new Set(readFileSync(join(DOCS, 'scale.md'), 'utf8').split('\n'));
    expect(rows).toHaveLength(5);
    expect(rows.filter((row) => !measured.has(row))).toEqual([]);
  });
});
