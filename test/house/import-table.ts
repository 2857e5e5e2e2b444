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

/** The imports that a room, a folder of `src/`, may have (`docs/architecture.md#rooms`). */
export interface RoomRule {
  readonly rooms: readonly string[];
  /** Package names or prefixes ending in `/` or `:`. `*` allows every package. */
  readonly packages: readonly string[];
}

/** Returns every source file below `root`, relative to it. */
export function sourceFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

// Every form that names a module: import … from, export … from, import '…', import('…'), require('…').
const SPECIFIERS = [
  /(?:^|[\n;])\s*(import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s*)['"]([^'"\n]+)['"]/g,
  /(?:^|[\n;])\s*(import)\s*()['"]([^'"\n]+)['"]/g,
  /\b(import)\s*\(\s*()['"]([^'"\n]+)['"]/g,
  /\b(require)\s*\(\s*()['"]([^'"\n]+)['"]/g,
  /\b(import)\s*\(\s*()['"]([^'"\n]+)['"]\s*\)\s*\./g,
];

/** Removes comments, whose examples are no imports. Keeps strings that hold `//`. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g, '$1');
}

/** Returns the imports of one file. */
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

/** Returns the first folder of a path below `src/`. */
export function roomOf(path: string): string {
  return path.split('/')[0] as string;
}

/** Returns a sentence for every import that the table does not allow. */
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

/** The rooms inside one room, lowest first, and the ones that each may import: only from lines before its own. */
export type InnerTable = Readonly<Record<string, readonly string[]>>;

/** Returns the folder or loose file inside a room that a path belongs to, such as `log` or `service-limits.ts`. */
export function innerRoomOf(path: string): string {
  return path.split('/')[1] as string;
}

/** Returns a sentence for every import inside `room` that its table does not allow. */
export function innerViolations(edges: readonly ImportEdge[], room: string, table: InnerTable): string[] {
  const inside = edges.filter((edge) => !edge.external && roomOf(edge.from) === room && roomOf(edge.to) === room);
  return inside.flatMap(({ from, to }) => {
    const [source, target] = [innerRoomOf(from), innerRoomOf(to)];
    if (table[source] === undefined) return [`${from}: src/${room}/${source} is not in the table`];
    const isAllowed = source === target || table[source].includes(target);
    return isAllowed ? [] : [`${from} imports ${to}: src/${room}/${source} may not import src/${room}/${target}`];
  });
}

/** Returns the arrows of a table that do not point to an earlier line. */
export function upwardArrows(table: InnerTable): string[] {
  const names = Object.keys(table);
  return names.flatMap((name, line) => {
    const upward = (table[name] ?? []).filter((target) => !names.slice(0, line).includes(target));
    return upward.map((target) => `${name} -> ${target}`);
  });
}

/** Returns the sets of files that import each other in a circle, by type imports too (Tarjan's components). */
export function circles(edges: readonly ImportEdge[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to, external } of edges) if (!external) targets.set(from, [...(targets.get(from) ?? []), to]);
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const lower = (file: string, to: number): unknown => lowest.set(file, Math.min(lowest.get(file) ?? to, to));
  const visit = (file: string): void => {
    const own = index.size;
    index.set(file, own);
    lower(file, own);
    stack.push(file);
    for (const target of targets.get(file) ?? []) {
      if (!index.has(target)) {
        visit(target);
        lower(file, lowest.get(target) as number);
      } else if (stack.includes(target)) lower(file, index.get(target) as number);
    }
    if (lowest.get(file) !== own) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1 || targets.get(file)?.includes(file) === true) found.push(component.sort());
  };
  for (const file of targets.keys()) if (!index.has(file)) visit(file);
  return found;
}
