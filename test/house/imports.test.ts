import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  circles,
  importsOf,
  innerRoomOf,
  innerViolations,
  roomOf,
  sourceFiles,
  upwardArrows,
  violations,
} from './import-table.ts';
import { CLIENT_ENTRIES, ROOMS, SERVICE_ROOMS } from './rooms.ts';

const SRC = resolve(import.meta.dirname, '../../src');

/** The only files of `src/client` that may use Node, behind the package's `./node` entry. */
const NODE_CLIENT_FILES = /^client\/node(\.ts|\/)/;

const files = sourceFiles(SRC);
const edges = files.flatMap((file) => importsOf(SRC, file));

describe('imports of src/', () => {
  it('reads a source tree that has imports', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(edges.length).toBeGreaterThan(files.length);
  });

  it('names only files that exist', () => {
    expect(edges.filter((edge) => !edge.external && !existsSync(join(SRC, edge.to)))).toEqual([]);
  });

  it('follow the table', () => {
    expect(violations(edges, ROOMS)).toEqual([]);
  });

  it.each(Object.entries(CLIENT_ENTRIES))(
    'let only %s import its own packages, and nothing import it',
    (folder, packages) => {
      const outside = edges.filter(({ from }) => !from.startsWith(folder));
      const isOwn = ({ to }: (typeof edges)[number]) =>
        to.startsWith(folder) || packages.some((name) => to.startsWith(name));
      expect(edges.filter((edge) => edge.from.startsWith(folder) && isOwn(edge)).length).toBeGreaterThan(0);
      expect(outside.filter(isOwn)).toEqual([]);
    },
  );

  it('have no circle, by types either', () => {
    expect(circles(edges)).toEqual([]);
  });

  it('follow the table inside the service, which has no arrow upwards', () => {
    expect(innerViolations(edges, 'service', SERVICE_ROOMS)).toEqual([]);
    expect(upwardArrows(SERVICE_ROOMS)).toEqual([]);
    const inner = new Set(files.filter((file) => roomOf(file) === 'service').map(innerRoomOf));
    expect([...inner].filter((name) => SERVICE_ROOMS[name] === undefined)).toEqual([]);
  });

  it('keep Node out of the core, identities, contract and the browser client', () => {
    const browser = new Set(['core', 'identity', 'contract', 'client']);
    const found = edges.filter(
      (edge) =>
        /^(node:|(host|native)\/)/.test(edge.to) &&
        browser.has(roomOf(edge.from)) &&
        !NODE_CLIENT_FILES.test(edge.from),
    );
    expect(found).toEqual([]);
  });
});

describe('the import reader', () => {
  const read = (text: string) => importsOf('/src', 'core/a.ts', text);

  it('sees every form of import and skips comments', () => {
    const text = [
      "import { a } from './b.ts';",
      "import type { T } from '../ca/c.ts';",
      'import {\n  x,\n  y,\n} from "pkg";',
      "export * from './d.ts';",
      "import './e.ts';",
      "const f = await import('./f.ts');",
      "// import { no } from './no.ts';",
      "/** import { no } from './no.ts'; */",
    ].join('\n');
    const seen = read(text).map((edge) => edge.to);
    expect(seen.toSorted()).toEqual(['ca/c.ts', 'core/b.ts', 'core/d.ts', 'core/e.ts', 'core/f.ts', 'pkg']);
  });

  it('reports a forbidden room, a forbidden package and an unknown room', () => {
    const bad = [
      { from: 'core/a.ts', to: 'store/b.ts', external: false, typeOnly: false },
      { from: 'core/a.ts', to: 'node:fs', external: true, typeOnly: false },
      { from: 'attic/a.ts', to: 'core/a.ts', external: false, typeOnly: false },
    ];
    expect(violations(bad, ROOMS)).toHaveLength(3);
  });

  it('finds a circle of which one half is a type, and the room that belongs to no table', () => {
    const back = { external: false, typeOnly: true };
    const circle = [
      { from: 'core/a.ts', to: 'core/b.ts', external: false, typeOnly: false },
      { from: 'core/b.ts', to: 'core/a.ts', ...back },
      { from: 'core/c.ts', to: 'core/a.ts', ...back },
    ];
    expect(circles(circle)).toEqual([['core/a.ts', 'core/b.ts']]);
    const inside = [
      { from: 'service/log/a.ts', to: 'service/prover/b.ts', ...back },
      { from: 'service/attic/a.ts', to: 'service/log/b.ts', ...back },
      { from: 'service/prover/a.ts', to: 'service/log/b.ts', ...back },
    ];
    expect(innerViolations(inside, 'service', SERVICE_ROOMS)).toHaveLength(2);
    expect(upwardArrows({ log: ['prover'], prover: ['log'] })).toEqual(['log -> prover']);
  });
});
