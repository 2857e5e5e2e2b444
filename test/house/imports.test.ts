import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cycles, importsOf, type RoomRule, roomOf, sourceFiles, violations } from './import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');

/** Files of the terminal that the server's room still reaches up to. */
const CLI_OF_SERVER = ['cli/client-options.ts', 'cli/audit/audit-threads.ts'];

/** DESIGN §12, as data. */
const TABLE: Readonly<Record<string, RoomRule>> = {
  core: { rooms: [], packages: ['@noble/'] },
  ca: { rooms: ['core'], packages: ['pkijs', 'asn1js', 'pkcs11js', '@peculiar/', '@noble/', 'node:'] },
  identity: { rooms: ['core'], packages: [] },
  contract: { rooms: ['core', 'identity'], packages: [] },
  store: { rooms: ['core'], packages: ['drizzle-orm', 'postgres', '@electric-sql/pglite', 'node:'] },
  service: {
    rooms: ['core', 'ca', 'identity', 'store/ports.ts'],
    packages: ['sodium-native', '@noble/', 'aws4fetch', 'jose', 'nodemailer', 'node:'],
  },
  http: {
    rooms: ['service', 'contract', 'core', 'ca/der/pem.ts'],
    packages: ['hono', '@hono/', 'zod', 'prom-client', 'pino', 'node:'],
  },
  client: { rooms: ['core', 'identity', 'contract', ...caVerifier()], packages: ['@noble/', 'node:'] },
  server: {
    rooms: ['http', 'service', 'store', 'ca', 'identity', 'contract', 'core', 'client', ...CLI_OF_SERVER],
    packages: ['pino', 'smol-toml', 'zod', '@electric-sql/pglite', 'node:'],
  },
  cli: {
    rooms: ['client', 'contract', 'core', 'identity', 'server', 'service', 'store', 'http', 'ca'],
    packages: ['commander', 'cli-progress', 'uqr', 'pino', 'smol-toml', 'zod', '@electric-sql/pglite', 'node:'],
  },
  web: { rooms: ['client'], packages: [] },
};

/** The part of `src/ca` that a client needs to read and judge certificates and to write a CSR; the rest issues. */
function caVerifier(): string[] {
  return [
    'certificate',
    'companion-keys',
    'csr/create-csr',
    'csr/csr-keys',
    'der/der-writer',
    'der/pem',
    'public-key',
    'verify-chain',
    'verify-signature',
  ].map((name) => `ca/${name}.ts`);
}

/** The only files of `src/client` that may use Node: behind the package's `./node` entry. */
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
    expect(violations(edges, TABLE)).toEqual([]);
  });

  it('have no cycle', () => {
    expect(cycles(edges)).toEqual([]);
  });

  it('keep Node out of the core, identities, contract and the browser client', () => {
    const browser = new Set(['core', 'identity', 'contract', 'client', 'web']);
    const found = edges.filter(
      (edge) => edge.to.startsWith('node:') && browser.has(roomOf(edge.from)) && !NODE_CLIENT_FILES.test(edge.from),
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

  it('reports a forbidden room, a forbidden package, an unknown room and a cycle', () => {
    const bad = [
      { from: 'core/a.ts', to: 'store/b.ts', external: false, typeOnly: false },
      { from: 'core/a.ts', to: 'node:fs', external: true, typeOnly: false },
      { from: 'attic/a.ts', to: 'core/a.ts', external: false, typeOnly: false },
    ];
    expect(violations(bad, TABLE)).toHaveLength(3);
    expect(
      cycles([
        { from: 'core/a.ts', to: 'core/b.ts', external: false, typeOnly: false },
        { from: 'core/b.ts', to: 'core/a.ts', external: false, typeOnly: false },
      ]),
    ).toHaveLength(1);
  });
});
