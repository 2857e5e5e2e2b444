import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cell, csvCell, type TableFormat, writeTable } from '../../../src/cli/output/table-output.ts';

async function written(format: TableFormat, rows: readonly Record<'a' | 'b', Cell>[]): Promise<string> {
  const chunks: string[] = [];
  const out = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk.toString());
      setImmediate(done);
    },
  });
  async function* source() {
    for (const row of rows) yield await Promise.resolve(row);
  }
  await writeTable(format, ['a', 'b'], source(), out);
  return chunks.join('');
}

describe('writeTable', () => {
  it('writes CSV of RFC 4180', async () => {
    const rows = [
      { a: 'x,"y"', b: 1 },
      { a: undefined, b: new Date(0) },
    ];
    expect(await written('csv', rows)).toBe('a,b\r\n"x,""y""",1\r\n,1970-01-01T00:00:00.000Z\r\n');
  });

  it('writes one JSON array, also of nothing', async () => {
    expect(JSON.parse(await written('json', []))).toEqual([]);
    const rows = [
      { a: '=1', b: 1 },
      { a: undefined, b: new Date(0) },
    ];
    expect(JSON.parse(await written('json', rows))).toEqual([
      { a: '=1', b: 1 },
      { a: null, b: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it('begins with the names of the columns for people, too', async () => {
    expect(await written('text', [{ a: 'x', b: undefined }])).toBe('a  b\nx  -\n');
    expect(await written('text', [])).toBe('a  b\n');
  });

  it('stops asking for rows once the reader has left', async () => {
    const out = new Writable({ write: (_, __, done) => done() });
    let asked = 0;
    async function* endless() {
      for (;;) {
        if (++asked === 3) out.destroy();
        yield await Promise.resolve({ a: 'x' });
      }
    }
    await writeTable('text', ['a'], endless(), out);
    expect(asked).toBe(3);
  });
});

describe('a CSV cell', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', ' =1', '＝1'])('from %j is no formula', (text) => {
    expect(csvCell(text)).toMatch(/^"?'/);
  });

  it('is one cell of one line, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cell = csvCell(text);
        expect(cell).not.toMatch(/[\r\n\t]/);
        expect(cell).toMatch(/^(?:[^",]*|"(?:[^"]|"")*")$/);
        expect(cell).not.toMatch(/^"?\s*[=+@-]/);
      }),
    );
  });
});
