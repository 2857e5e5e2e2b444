import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const sandbox = new CliSandbox();
let server: RunningCli;
beforeAll(async () => {
  const log = await sandbox.logInPostgres('server');
  expect(await sandbox.run('init', ...log, '--monitoring-window', '6s')).toMatchObject({ code: 0 });
  server = await sandbox.serve(...log, '--listen', '127.0.0.1:0');
}, 60_000);
afterAll(() => sandbox.remove());

it.each(['head', 'body'] as const)('--watch ends with 1 where the %s of each answer trickles', async (trickle) => {
  const name = `${trickle}@example.com`;
  const state = ['--state', `state-${trickle}`];
  const token = ['--token-file', sandbox.path('server', 'registration.token')];
  const made = await sandbox.run('register', name, ...token, '--out', trickle, ...state, '--server', server.url);
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const proxy = await startProxy(server.url, trickle);
  sandbox.variables['NODE_OPTIONS'] = `--import=${collector()}`;
  try {
    const watched = await sandbox.run('monitor', name, '--watch', '--interval', '1', ...state, '--server', proxy.url);
    expect(watched, watched.stderr).toMatchObject({ code: 1 });
    expect(watched.stderr).toContain('(network-failed)');
  } finally {
    delete sandbox.variables['NODE_OPTIONS'];
    proxy.close();
  }
});

it.each([
  ['monitor', () => ['monitor', '--server', server.url, '--state', 'state-head']],
  ['audit', () => ['audit', server.url]],
  ['publish', (signal: string) => ['publish', server.url, '--to', sandbox.path(`published-${signal}`)]],
] as const)('%s --watch ends with 0 where it is asked to stop', async (_, command) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const watching = sandbox.spawn(...command(signal), '--watch');
    const ended = once(watching, 'exit');
    // Its first round is over once it has said what it found.
    if (watching.stdout !== null) await once(watching.stdout, 'data');
    watching.kill(signal);
    expect(await ended, signal).toEqual([0, null]);
  }
});

/** Returns the URL of a module that makes a program collect its garbage again and again. */
function collector(): string {
  const file = sandbox.path('collector.mjs');
  writeFileSync(
    file,
    `import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
setInterval(() => gc(), 50).unref();
`,
  );
  return pathToFileURL(file).href;
}

/** Starts a proxy that passes what is fetched on, and answers what is posted a byte now and then, and never wholly. */
async function startProxy(target: string, trickle: 'head' | 'body'): Promise<{ readonly url: string; close(): void }> {
  const timers = new Set<NodeJS.Timeout>();
  const proxy = createServer((request, response) => {
    const { url = '/', method } = request;
    if (method !== 'GET') {
      timers.add(trickleTo(response, trickle));
      return;
    }
    fetch(new URL(url, target))
      .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
      .catch(() => response.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const close = (): void => {
    timers.forEach((timer) => clearInterval(timer));
    proxy.closeAllConnections();
    proxy.close();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

function trickleTo(response: ServerResponse, trickle: 'head' | 'body'): NodeJS.Timeout {
  const socket = response.socket;
  socket?.on('error', () => undefined);
  socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\nx-slow: ');
  if (trickle === 'body') socket?.write('x\r\n\r\n');
  return setInterval(() => socket?.write('x'), 20);
}
