import { createReadStream } from 'node:fs';

/** A line of a text file, numbered from 1. `text` is undefined if the line is too long. */
export interface BoundedLine {
  readonly number: number;
  readonly text: string | undefined;
}

/** Reads the non-blank lines of a UTF-8 file. A line takes at most `maximum` characters of memory. */
export async function* boundedLines(path: string, maximum: number): AsyncGenerator<BoundedLine> {
  let number = 1;
  let begun = '';
  let isTooLong = false;
  const line = (end: string): BoundedLine | undefined => {
    const whole = begun + end;
    const text = isTooLong || whole.length > maximum ? undefined : whole;
    const found = { number, text };
    number += 1;
    begun = '';
    isTooLong = false;
    return text !== undefined && text.trim() === '' ? undefined : found;
  };
  for await (const chunk of createReadStream(path, { encoding: 'utf8' }) as AsyncIterable<string>) {
    const parts = chunk.split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      const found = line(part);
      if (found !== undefined) yield found;
    }
    begun += last;
    if (begun.length <= maximum) continue;
    isTooLong = true;
    begun = '';
  }
  if (begun === '' && !isTooLong) return;
  const found = line('');
  if (found !== undefined) yield found;
}
