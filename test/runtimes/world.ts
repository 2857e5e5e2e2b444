import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { startServer } from '../../src/server/index.ts';
import { startDamagingProxy } from '../support/damaging-proxy.ts';
import { installedPackage, removeFolders, temporaryFolder } from './installed-package.ts';

const run = promisify(execFile);

/** The steps that `scenario.mjs` does, in order. */
export const STEPS = [
  'open by fingerprint',
  'register',
  'lookup',
  'JSON of a result',
  'absent lookup',
  'rotate',
  'monitor',
  'a lying answer is refused',
  'a redirect is refused',
];

/** A real server, a proxy of it that damages every answer to a lookup, and a server that redirects every request. */
export interface World {
  /** The input of the scenario, with a new name. */
  where(more?: object): object;
  /** The number of requests that followed a redirect. */
  followed(): number;
  /** Stops the servers, and removes every folder of these tests. */
  close(): Promise<void>;
}

/** Starts a development server with a data folder of its own. */
export async function openWorld(): Promise<World> {
  const data = temporaryFolder('data');
  const server = await startServer({ data, listen: '127.0.0.1:0', dev: true });
  const liar = await startDamagingProxy(server.url, PATHS.lookup);
  const redirecting = await startRedirecting();
  const token = readFileSync(join(data, 'registration.token'), 'utf8').trim();
  const { fingerprint } = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
  let names = 0;
  return {
    where: (more = {}) => {
      const name = `device${(names += 1)}@example.com`;
      return { server: server.url, fingerprint, token, liar: liar.url, redirecting: redirecting.url, name, ...more };
    },
    followed: redirecting.followed,
    close: async () => {
      await redirecting.close();
      await liar.close();
      await server.stop();
      removeFolders();
    },
  };
}

/** Starts a server that sends every request on to another path, for pages of any origin. */
async function startRedirecting(): Promise<{ url: string; followed(): number; close(): Promise<void> }> {
  let followed = 0;
  const server = createServer(({ url = '/' }, response) => {
    if (url.startsWith('/elsewhere')) followed += 1;
    response.writeHead(307, { location: `/elsewhere${url}`, 'access-control-allow-origin': '*' }).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    followed: () => followed,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * Runs the scenario by a command line, with its state in a folder, and expects each of its steps to succeed. `args` are
 * those before the program's name.
 */
export async function expectScenario(
  world: World,
  command: string,
  args: (folder: string) => readonly string[] = () => [],
  more: object = {},
): Promise<void> {
  const cwd = await installedPackage();
  const folder = temporaryFolder('state');
  const where = JSON.stringify(world.where({ folder, ...more }));
  const { stdout } = await run(command, [...args(folder), 'main.mjs', where], { cwd, timeout: 100_000 });
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(STEPS);
  expect(world.followed()).toBe(0);
}
