import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** One import statement of one source file. */
export interface ImportEdge {
  /** Importing file, relative to `src/`. */
  readonly from: string;
  /** Imported file relative to `src/`, or the bare specifier of a package. */
  readonly to: string;
  readonly external: boolean;
  readonly typeOnly: boolean;
}

/** What a room may import (DESIGN §12). Rooms are folders of `src/`. */
export interface RoomRule {
  readonly rooms: readonly string[];
  /** Package names or prefixes ending in `/` or `:`. `*` allows every package. */
  readonly packages: readonly string[];
}

/** Every source file below `root`, relative to it. */
export function sourceFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

// Every form in which a module can name another: import … from, export … from, import '…', import('…'), require('…').
const SPECIFIERS = [
  /(?:^|[\n;])\s*(import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s*)['"]([^'"\n]+)['"]/g,
  /(?:^|[\n;])\s*(import)\s*()['"]([^'"\n]+)['"]/g,
  /\b(import)\s*\(\s*()['"]([^'"\n]+)['"]/g,
  /\b(require)\s*\(\s*()['"]([^'"\n]+)['"]/g,
  /\b(import)\s*\(\s*()['"]([^'"\n]+)['"]\s*\)\s*\./g,
];

/** Blanks comments out, so that an example in a docstring is no import. Strings that hold `//` are left alone. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g, '$1');
}

/** All imports of one file. */
export function importsOf(root: string, file: string, text = readFileSync(join(root, file), 'utf8')): ImportEdge[] {
  const edges: ImportEdge[] = [];
  const code = withoutComments(text);
  for (const pattern of SPECIFIERS) {
    for (const match of code.matchAll(pattern)) {
      const specifier = match[3] as string;
      const external = !specifier.startsWith('.');
      const to = external ? specifier : relative(root, resolve(root, dirname(file), specifier));
      edges.push({ from: file, to, external, typeOnly: match[2] !== '' && match[2] !== undefined });
    }
  }
  return edges;
}

/** The first folder of a path below `src/`. */
export function roomOf(path: string): string {
  return path.split('/')[0] as string;
}

/** A sentence for every import that the table does not allow. */
export function violations(edges: readonly ImportEdge[], table: Readonly<Record<string, RoomRule>>): string[] {
  return edges.flatMap((edge) => {
    const room = roomOf(edge.from);
    const rule = table[room];
    if (rule === undefined) return [`${edge.from}: src/${room} is not a room of the table`];
    if (edge.external) {
      const allowed = rule.packages.some(
        (name) => name === '*' || edge.to === name || edge.to.startsWith(/[/:]$/.test(name) ? name : `${name}/`),
      );
      return allowed ? [] : [`${edge.from} imports ${edge.to}: not for src/${room}`];
    }
    const target = roomOf(edge.to);
    return target === room || rule.rooms.includes(target) || rule.rooms.includes(edge.to)
      ? []
      : [`${edge.from} imports ${edge.to}: src/${room} may not import src/${target}`];
  });
}

/** The cycles among files, each as its path; type-only imports vanish at run time and do not count. */
export function cycles(edges: readonly ImportEdge[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const edge of edges) {
    if (!edge.external && !edge.typeOnly) targets.set(edge.from, [...(targets.get(edge.from) ?? []), edge.to]);
  }
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of targets.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of targets.keys()) visit(file);
  return found;
}
