import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { installRuntime } from './installed-package.ts';
import { expectScenario, openWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

it('the packed client runs in the Node of these tests', async () => {
  await expectScenario(world, process.execPath);
});

it('the packed client runs where crypto.subtle was taken away', async () => {
  await expectScenario(world, process.execPath, undefined, { withoutSubtle: true });
});

it.for(['node20', 'node22', 'node24', 'bun'] as const)('the packed client runs in %s', async (name, { skip }) => {
  const runtime = await installRuntime(name);
  if ('missing' in runtime) return skip(runtime.missing);
  await expectScenario(world, runtime.program);
});

it('the packed client runs in Deno, with the rights that its README names and no other', async ({ skip }) => {
  const runtime = await installRuntime('deno');
  if ('missing' in runtime) return skip(runtime.missing);
  const rights = (folder: string): string[] =>
    namedRights().map((right) => right.replace('FOLDER', folder).replace('HOST', '127.0.0.1'));
  await expectScenario(world, runtime.program, (folder) => ['run', '--no-prompt', ...rights(folder)]);
});

/** The rights of Deno that the README of the package names. */
function namedRights(): string[] {
  const readme = readFileSync(join(import.meta.dirname, '../../packages/glasskey-client/README.md'), 'utf8');
  return readme.match(/--allow-[^` ]+/g) ?? [];
}
