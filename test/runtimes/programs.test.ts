import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { expectScenario, installRuntime, openWorld, type World } from './installed-package.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

it('the packed client runs in the Node of these tests', async () => {
  await expectScenario(process.execPath, [], world.where());
});

it('the packed client runs where crypto.subtle was taken away', async () => {
  await expectScenario(process.execPath, [], world.where({ withoutSubtle: true }));
});

it.for(['node20', 'node22', 'node24'] as const)('the packed client runs in %s', async (name, { skip }) => {
  const runtime = await installRuntime(name);
  if ('missing' in runtime) return skip(runtime.missing);
  await expectScenario(join(runtime.folder, 'bin/node'), [], world.where());
});
