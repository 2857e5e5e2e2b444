/** The path of a member: names of tables and keys, and indices in arrays. */
export type SettingPath = readonly (string | number)[];

const HEADER = /^\s*(\[\[?)\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*\]\]?\s*(?:#.*)?$/;
const KEY = /^\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=/;

/**
 * Returns the lines (from 1) of tables and keys in a TOML document, by their path joined with dots. For messages only:
 * it knows only bare keys, and may find keys inside a multi-line string.
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

/** Returns the path of a header, with the index of the element after each array of tables. */
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

/** Returns the line of a member, else of the nearest table around it. */
export function lineOf(lines: ReadonlyMap<string, number>, path: SettingPath): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(path.slice(0, length).join('.'));
    if (line !== undefined) return line;
  }
  return undefined;
}
