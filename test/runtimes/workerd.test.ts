import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleInstalled, installRuntime, temporaryFolder } from './installed-package.ts';
import { openWorld, STEPS, type World } from './world.ts';

/** A worker that runs the scenario for each request. Its state lives as long as the request. */
const WORKER = `
import * as client from 'glasskey-client';
import { runScenario } from './scenario.mjs';

export default {
  async fetch(request) {
    const where = await request.json();
    const steps = await runScenario(client, where, new client.MemoryState()).catch((error) => [String(error)]);
    return Response.json(steps);
  },
};
`;

/** By default workerd reaches public addresses only. */
const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
      compatibilityDate = "2026-11-01",
    )),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

let world: World;
let workerd: ChildProcess | undefined;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  if (workerd?.kill() === true) await once(workerd, 'exit');
  await world?.close();
});

/** Starts workerd and returns the address at which it serves the worker. */
async function serveWorker(program: string): Promise<string> {
  const folder = temporaryFolder('worker');
  writeFileSync(join(folder, 'worker.mjs'), await bundleInstalled(WORKER, ['workerd', 'worker', 'browser']));
  writeFileSync(join(folder, 'config.capnp'), CONFIG);
  const args = ['serve', '--control-fd=3', 'config.capnp'];
  workerd = spawn(program, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const control = createInterface({ input: workerd.stdio[3] as Readable });
  for await (const line of control) {
    const { event, port } = JSON.parse(line) as { readonly event: string; readonly port: number };
    if (event === 'listen') return `http://127.0.0.1:${port}`;
  }
  throw new Error('workerd ended before it listened');
}

it('the packed client runs in workerd', async ({ skip }) => {
  const runtime = await installRuntime('workerd');
  if ('missing' in runtime) return skip(runtime.missing);
  const url = await serveWorker(runtime.program);
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(world.where()) });
  expect(await answer.json()).toEqual(STEPS);
  expect(world.followed()).toBe(0);
});
