import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const MB = 1_000_000;

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly scripts?: object;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

let folder: string;
let manifest: Manifest;
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'glasskey-client-'));
  execFileSync(process.execPath, [join(ROOT, 'packages/glasskey-client/build.mjs'), folder]);
  manifest = readJson(join(folder, 'package.json')) as Manifest;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bytesOf(path: string): number {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Size of a web page's code that exports this of the package, in bytes after gzip. */
async function bundled(contents: string): Promise<number> {
  const result = await build({
    stdin: { contents, resolveDir: join(ROOT, 'src/client'), loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return gzipSync(result.outputFiles[0]?.text ?? '').length;
}

/** The figure that the README states in the row that begins like this. */
function stated(row: string): number {
  const line = readFileSync(join(folder, 'README.md'), 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`| ${row}`));
  const [, figure, unit] = /\| ([\d.]+) (MB|KB) \|$/.exec(line ?? '') ?? [];
  return Number(figure) * (unit === 'MB' ? MB : 1024);
}

/** Expects a stated figure to be within 5 % of the measured one. */
function expectStated(row: string, measured: number): void {
  expect(Math.abs(stated(row) - measured) / measured, `${row}: measured ${measured} bytes`).toBeLessThan(0.05);
}

describe('the package glasskey-client', () => {
  it('requires @noble and nothing else, in the versions of the whole project, and runs no script', () => {
    const root = readJson(join(ROOT, 'package.json')) as Manifest;
    expect(Object.keys(manifest.dependencies).filter((name) => !name.startsWith('@noble/'))).toEqual([]);
    expect(root.dependencies).toMatchObject(manifest.dependencies);
    const [sentence = ''] = /^It requires .*$/m.exec(readFileSync(join(folder, 'README.md'), 'utf8')) ?? [];
    expect(sentence.match(/@noble\/[\w-]+/g)).toEqual(Object.keys(manifest.dependencies));
    expect(manifest.version).toBe(root.version);
    expect(manifest).not.toHaveProperty('scripts');
    for (const name of Object.keys(manifest.dependencies)) {
      const { scripts = {}, dependencies = {} } = readJson(
        join(ROOT, 'node_modules', name, 'package.json'),
      ) as Partial<Manifest>;
      expect(Object.keys(scripts).filter((script) => /^(?:pre|post)?install$/.test(script))).toEqual([]);
      expect(manifest.dependencies).toMatchObject(dependencies);
    }
  });

  it('has the files that it names, as glasskey has them', () => {
    const { exports } = readJson(join(ROOT, 'package.json')) as Manifest;
    for (const [entry, target] of Object.entries(manifest.exports)) {
      expect(exports[entry]).toEqual(target);
      if (typeof target === 'string') continue;
      expect([statSync(join(folder, target.types)).isFile(), statSync(join(folder, target.default)).isFile()]).toEqual([
        true,
        true,
      ]);
    }
    expect(readdirSync(folder).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
      'src',
    ]);
  });

  it('has a README that links to nothing outside of the package', () => {
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).not.toMatch(/\]\((?!https?:)/);
  });

  it('leads an editor from each declaration to its source', () => {
    const maps = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.d.ts.map'),
    );
    expect(maps.length).toBeGreaterThan(100);
    for (const map of maps) {
      const path = join(folder, 'dist', map);
      const [source = ''] = (readJson(path) as { readonly sources: readonly string[] }).sources;
      expect(statSync(join(dirname(path), source)).isFile(), map).toBe(true);
    }
  });

  it('is as large as its README says, and below 7 MB installed', async () => {
    const required = Object.keys(manifest.dependencies).map((name) => bytesOf(join(ROOT, 'node_modules', name)));
    const installed = [bytesOf(folder), ...required].reduce((sum, bytes) => sum + bytes, 0);
    expect(installed).toBeLessThan(7 * MB);
    expectStated('installed', installed);
    expectStated(
      'in a web page: everything',
      await bundled(`export * from './index.ts'; export * from './browser.ts';`),
    );
    const lookups = `export { KeyDirectory, MemoryState } from './index.ts';`;
    expectStated('in a web page: `KeyDirectory`', await bundled(lookups));
  });
});
