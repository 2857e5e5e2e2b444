/** A member of a document: names of tables and keys, and numbers in arrays. */
export type SettingPath = readonly (string | number)[];

const HEADER = /^\s*(\[\[?)\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*\]\]?\s*(?:#.*)?$/;
const KEY = /^\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=/;

/**
 * The lines (from 1) on which tables and keys of a TOML document stand, by their path joined with dots. For messages alone: it
 * knows bare keys only, and takes what stands in a text of several lines for a key.
 */
export function settingLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let table = '';
  text.split('\n').forEach((line, index) => {
    const [, brackets, header] = HEADER.exec(line) ?? [];
    if (header !== undefined) {
      table = resolve(header, brackets === '[[', counts);
      lines.set(table, index + 1);
      return;
    }
    const key = KEY.exec(line)?.[1]?.replaceAll(/\s/g, '');
    if (key !== undefined) lines.set(table === '' ? key : `${table}.${key}`, index + 1);
  });
  return lines;
}

/** The path of a header, in which an array of tables is followed by the number of its element. */
function resolve(header: string, isElement: boolean, counts: Map<string, number>): string {
  const names = header.split('.').map((name) => name.trim());
  return names.reduce((before, name, index) => {
    const path = before === '' ? name : `${before}.${name}`;
    const isNew = isElement && index === names.length - 1;
    const count = (counts.get(path) ?? 0) + (isNew ? 1 : 0);
    if (isNew) counts.set(path, count);
    return count === 0 ? path : `${path}.${count - 1}`;
  }, '');
}

/** The line of a member, or else of the nearest table that it would be in. */
export function lineOf(lines: ReadonlyMap<string, number>, path: SettingPath): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(path.slice(0, length).join('.'));
    if (line !== undefined) return line;
  }
  return undefined;
}
