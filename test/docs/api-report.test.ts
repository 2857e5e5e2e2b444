import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { ApiReporter } from './api-report.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const REPORTS = join(ROOT, 'docs/api');
const UPDATE = 'GLASSKEY_UPDATE_API=1 npx vitest run test/docs/api-report.test.ts';
/** Rooms behind the server whose types its report names without describing them. */
const OPAQUE = ['service/', 'store/', 'http/'];

type Exports = Readonly<Record<string, string | { readonly types: string }>>;
const exportsOf = (manifest: string): Exports =>
  (JSON.parse(readFileSync(join(ROOT, manifest), 'utf8')) as { readonly exports: Exports }).exports;
const OF_SERVER = exportsOf('package.json');
const OF_CLIENT = exportsOf('packages/glasskey-client/package.json');

/** The entry points of `glasskey`. Those of `glasskey-client` are the same modules (`test/package/`). */
const ENTRIES = Object.entries(OF_SERVER).flatMap(([path, target]) =>
  typeof target === 'string' ? [] : [{ path, declarations: target.types.replace('./dist/', '') }],
);

/** The file of the report on an entry point such as `./node`. */
const fileOf = (path: string): string => `${path === '.' ? 'index' : path.slice(2)}.txt`;

function reportOf({ path, declarations }: (typeof ENTRIES)[number], reporter: ApiReporter): string {
  const packages = ['glasskey', ...(path in OF_CLIENT ? ['glasskey-client'] : [])];
  const title = packages.map((name) => name + path.slice(1)).join(' and ');
  const opaque = path === './server' ? OPAQUE : [];
  return `# Public interface of ${title}, made by a test: ${UPDATE}\n\n${reporter.report(declarations, opaque)}\n`;
}

describe('the report on', () => {
  // The run of the tests has built `dist/` (`test/support/build-setup.ts`), so it is that of this source.
  const reporter = new ApiReporter(join(ROOT, 'dist'));

  it.each(ENTRIES)(`$path is what it exports (${UPDATE} writes it; commit the change)`, (entry) => {
    const report = reportOf(entry, reporter);
    const file = join(REPORTS, fileOf(entry.path));
    if (process.env['GLASSKEY_UPDATE_API'] === '1') {
      mkdirSync(REPORTS, { recursive: true });
      writeFileSync(file, report);
    }
    expect(readFileSync(file, 'utf8')).toBe(report);
  });

  it.each(ENTRIES)('$path has every value that a bundler finds', async ({ path, declarations }) => {
    const entry = join(ROOT, 'src', declarations.replace(/\.d\.ts$/, '.ts'));
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      metafile: true,
      write: false,
    });
    const found = Object.values(metafile.outputs).flatMap((output) => output.exports);
    const [, exported = ''] = readFileSync(join(REPORTS, fileOf(path)), 'utf8').split(/^## .*$/m);
    const reported = [...exported.matchAll(/^(?:class|const|function) (\w+)/gm)].map(([, name]) => name);
    expect(new Set(reported)).toEqual(new Set(found));
  });

  it('every entry point is there, and on nothing else', () => {
    expect(readdirSync(REPORTS).toSorted()).toEqual(ENTRIES.map(({ path }) => fileOf(path)).toSorted());
  });
});

describe('a report', () => {
  it('follows names to their declarations, and leaves comments and private members out', () => {
    const folder = mkdtempSync(join(tmpdir(), 'glasskey-api-'));
    const modules = {
      'index.d.ts': `/** Docs. */\nexport { b as a, type Shape } from './parts/b.ts';\nexport * from './all.ts';\n`,
      'all.d.ts': `export declare const both: 'x';\nexport type both = 'x' | 'y';\nexport type * from './other.ts';\n`,
      'parts/b.d.ts': [
        `import { type Inner as Renamed } from '../inner.ts';`,
        `import type { Far } from 'elsewhere';`,
        `export declare function b(one: Renamed): Far;`,
        `export declare function b(one: typeof hidden): import("../inner.ts").Inline;`,
        `export declare class Shape<T extends Local = Local> {`,
        `    #private;`,
        `    private readonly secret;`,
        `    /** Docs. */`,
        `    private constructor();`,
        `    get size(): number;`,
        `}`,
        `interface Local {`,
        `    readonly hidden: 1;`,
        `}`,
        `declare const hidden: 2;`,
        `export {};`,
      ].join('\n'),
      'inner.d.ts': `export interface Inner {\n    a: 1;\n}\nexport type Inline = Opaque;\nimport { Opaque } from './deep/o.ts';\n`,
      'deep/o.d.ts': `export interface Opaque {\n}\n`,
      'other.d.ts': `export interface Other {\n}\n`,
    };
    for (const [name, text] of Object.entries(modules)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    expect(new ApiReporter(folder).report('index.d.ts', ['deep/']).split('\n\n')).toEqual([
      '## Exported',
      'interface Other {\n}',
      'class Shape<T extends Local = Local> {\n    private constructor();\n    get size(): number;\n}',
      '// as a\nfunction b(one: Renamed): Far;\nfunction b(one: typeof hidden): Inline;',
      `const both: 'x';\ntype both = 'x' | 'y';`,
      '## Not exported, and part of the above',
      'type Inline = Opaque;',
      'interface Inner {\n    a: 1;\n}',
      'interface Local {\n    readonly hidden: 1;\n}',
      'const hidden: 2;',
      '## Named above, and not described',
      'Opaque',
    ]);
    rmSync(folder, { recursive: true });
  });
});
