/**
 * Makes the package `glasskey-client` in `dist-client/` (or the folder given) from the same source as `glasskey`:
 * modules, declarations, and declaration maps with the sources that they point to. `npm pack` makes the tarball.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '../..');
const OUT = resolve(process.argv[2] ?? join(ROOT, 'dist-client'));
const DIST = join(OUT, 'dist');
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

rmSync(OUT, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'tsconfig.client.json'), '--outDir', DIST],
  { stdio: 'inherit' },
);
const files = readdirSync(DIST, { recursive: true });
const imported = new Set();
for (const file of files) {
  const path = join(DIST, file);
  if (file.endsWith('.d.ts.map')) placeSource(path);
  if (file.endsWith('.js')) {
    // Comments stay in the declarations and the sources.
    const { code } = transformSync(readFileSync(path, 'utf8'), { format: 'esm', target: 'es2023' });
    writeFileSync(path, code);
    packagesOf(code).forEach((name) => imported.add(name));
  }
}
writeManifest([...imported].sort((a, b) => (a < b ? -1 : 1)));
copyFileSync(join(HERE, 'README.md'), join(OUT, 'README.md'));
copyFileSync(join(ROOT, 'LICENSE'), join(OUT, 'LICENSE'));

/** Copies the source of a declaration map into the package, and makes the map point there. */
function placeSource(path) {
  const map = readJson(path);
  const source = resolve(dirname(path), map.sources[0]);
  const target = join(OUT, relative(ROOT, source));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  writeFileSync(path, JSON.stringify({ ...map, sources: [relative(dirname(path), target)] }));
}

/** Returns the packages that a module imports, other than Node. */
function packagesOf(code) {
  const found = code.matchAll(/(?:from|import)\s*\(?\s*['"]((?:@[\w-]+\/)?[\w-]+)(?:\/[^'"]*)?['"]/g);
  return [...found].map(([, name]) => name).filter((name) => name !== 'node');
}

/** Writes `package.json`: what is imported and no optional peer is required, in the versions of the whole project. */
function writeManifest(names) {
  const { version, dependencies, engines } = readJson(join(ROOT, 'package.json'));
  const { name, ...rest } = readJson(join(HERE, 'package.json'));
  const needed = names.filter((one) => !(one in rest.peerDependencies));
  const required = Object.fromEntries(needed.map((one) => [one, dependencies[one]]));
  const manifest = { name, version, ...rest, dependencies: required, engines };
  writeFileSync(join(OUT, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
