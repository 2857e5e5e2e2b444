import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceFiles } from './import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');
/** The formatter's width. It does not wrap comments. */
const WIDTH = 120;

const COMMENT = /^\s*(?:\/\*\*|\*|\/\/)/;
/** A comment starts with the thing, or with what it does (CONTRIBUTING.md#house-rules). */
const OBLIQUE = /^\s*(?:\/\*\*|\/\/) (?:What|How|Whether|Tells|Gives|Who|Which)\b/;

/** Returns the lines of `src/` that a condition holds for, each with its place. */
function linesThat(holds: (line: string) => boolean): string[] {
  return sourceFiles(SRC).flatMap((file) => {
    const lines = readFileSync(join(SRC, file), 'utf8').split('\n');
    return lines.flatMap((line, i) => (holds(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []));
  });
}

describe('comments in src/', () => {
  it('are there', () => {
    expect(linesThat((line) => COMMENT.test(line)).length).toBeGreaterThan(1_000);
  });

  it('stay within the width', () => {
    expect(linesThat((line) => COMMENT.test(line) && line.length > WIDTH)).toEqual([]);
  });

  it('start with the thing or what it does', () => {
    expect(linesThat((line) => OBLIQUE.test(line))).toEqual([]);
  });
});
