import { once } from 'node:events';
import { oneLine } from './print.ts';

/** A value of a row; times are shown in ISO 8601. */
export type Cell = string | number | Date | undefined;

/** The form of a table: text for people, CSV or JSON for programs. */
export type TableFormat = 'text' | 'csv' | 'json';

/** The characters that spreadsheets take for the start of a formula. */
const FORMULA = /^[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]/u;

/**
 * Writes rows as they come, with backpressure: nothing is buffered, and a slow reader slows the source. CSV (RFC 4180)
 * starts with a line of names; a cell that a spreadsheet would run as a formula gets an apostrophe before it. JSON is
 * an array of objects. Text starts with a line of names, too; it has two spaces between columns, and `-` for a missing
 * value. Stops quietly if the reader has left.
 */
export async function writeTable<Name extends string>(
  format: TableFormat,
  names: readonly Name[],
  rows: AsyncIterable<Readonly<Record<Name, Cell>>>,
  out: NodeJS.WritableStream = process.stdout,
): Promise<void> {
  if (format === 'csv') await write(out, `${names.join(',')}\r\n`);
  if (format === 'text') await write(out, `${names.join('  ')}\n`);
  if (format === 'json') await write(out, '[');
  let first = true;
  for await (const row of rows) {
    const isOpen = await write(out, formatRow(format, names, row, first));
    if (!isOpen) return;
    first = false;
  }
  if (format === 'json') await write(out, first ? ']\n' : '\n]\n');
}

/** Prints a short table for people, with aligned columns, and `-` for a missing value. */
export function printTable<Name extends string>(
  names: readonly Name[],
  rows: readonly Readonly<Record<Name, Cell>>[],
): void {
  const lines = [names, ...rows.map((row) => names.map((name) => textCell(row[name])))];
  const widths = names.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  for (const line of lines) {
    const cells = line.map((text, i) => (i === line.length - 1 ? text : text.padEnd(widths[i] ?? 0)));
    process.stdout.write(`${cells.join('  ')}\n`);
  }
}

function formatRow<Name extends string>(
  format: TableFormat,
  names: readonly Name[],
  row: Readonly<Record<Name, Cell>>,
  first: boolean,
): string {
  if (format === 'csv') return `${names.map((name) => csvCell(row[name])).join(',')}\r\n`;
  if (format === 'text') return `${names.map((name) => textCell(row[name])).join('  ')}\n`;
  const members = Object.fromEntries(names.map((name) => [name, jsonCell(row[name])]));
  return `${first ? '\n' : ',\n'}${JSON.stringify(members)}`;
}

/** Writes, and waits for a slow reader. Returns false if nobody reads any more. */
async function write(out: NodeJS.WritableStream, text: string): Promise<boolean> {
  if (!out.writable) return false;
  if (out.write(text)) return true;
  const left = new AbortController();
  const { signal } = left;
  const ends = ['drain', 'close', 'error'].map((name) => once(out, name, { signal }).catch(() => undefined));
  await Promise.race(ends);
  left.abort();
  return out.writable;
}

function plain(cell: Cell): string {
  if (cell instanceof Date) return cell.toISOString();
  return cell === undefined ? '' : oneLine(String(cell));
}

/** Returns an untrusted value as one cell of a CSV file. */
export function csvCell(cell: Cell): string {
  const raw = cell instanceof Date || cell === undefined ? '' : String(cell);
  const text = `${FORMULA.test(raw.trimStart()) || FORMULA.test(raw) ? "'" : ''}${plain(cell)}`;
  return /[",]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

function textCell(cell: Cell): string {
  return plain(cell) || '-';
}

function jsonCell(cell: Cell): string | number | null {
  if (cell === undefined) return null;
  return cell instanceof Date ? cell.toISOString() : cell;
}
