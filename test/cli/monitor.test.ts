import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatClientState, parseClientState } from '../../src/client/state/client-state-json.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const sandbox = new CliSandbox();
let server: RunningCli;
beforeAll(async () => {
  server = await sandbox.serve('--dev', ...(await sandbox.logInPostgres('server')), '--listen', '127.0.0.1:0');
}, 60_000);
afterAll(() => sandbox.remove());

/** A client asks so often before it gives a round up. */
const ATTEMPTS = 3;

const token = () => ['--token-file', sandbox.path('server', 'registration.token')];
const run = (command: string, ...args: readonly string[]) => sandbox.run(command, ...args, '--server', server.url);

describe('monitor and history', () => {
  it('let an owner pass who made every version, and stop at one that somebody else made', async () => {
    const alice = 'alice@example.com';
    const state = ['--state', 'alice-state'];
    expect(await run('register', alice, ...token(), '--out', 'first', ...state)).toMatchObject({ code: 0 });
    const quiet = await run('monitor', ...state);
    expect(quiet, quiet.stderr).toMatchObject({ code: 0 });
    expect(quiet.stdout).toContain('no version that you neither made nor know of');
    expect(await run('rotate', alice, '--credentials', 'first', '--out', 'second', ...state)).toMatchObject({
      code: 0,
    });
    const rotated = await run('monitor', alice, '--json', ...state);
    expect(JSON.parse(rotated.stdout)).toMatchObject({ monitored: [{ role: 'owner', version: 1, alerts: [] }] });

    // A thief with the key, on another machine.
    const thief = ['--credentials', 'second', '--out', 'stolen', '--state', 'thief-state'];
    expect(await run('register', alice, ...thief)).toMatchObject({ code: 0 });
    const found = await run('monitor', '--json', ...state);
    expect(found.code).toBe(2);
    const [{ alerts }] = (JSON.parse(found.stdout) as { monitored: [{ alerts: object[] }] }).monitored;
    expect(alerts).toMatchObject([{ version: 2, type: 'unexpected-version', claimed: { type: 'key' } }]);
    expect(alerts[0]).toMatchObject({
      certificates: [{}, { pem: expect.stringContaining('BEGIN CERTIFICATE') as string }],
    });
    const again = await run('monitor', ...state);
    expect(again.code).toBe(2);
    expect(again.stdout).toContain('WARNING');
    expect(await run('monitor', '--acknowledge', ...state)).toMatchObject({ code: 0 });

    const history = await run('history', alice, '--json', ...state);
    const { versions } = JSON.parse(history.stdout) as { versions: { version: number; origin: string }[] };
    expect(versions.map(({ origin }) => origin)).toEqual(['made', 'made', 'acknowledged']);
    expect((await run('history', alice, ...state)).stdout).toContain(
      'version 0: first registration, vouched for by the application, as the authority says; made by you',
    );
  }, 60_000);

  it('show a contact its versions, and know no identity that nobody has', async () => {
    const bob = 'bob@example.com';
    const state = ['--state', 'bob-state'];
    expect(await run('register', bob, ...token(), '--out', 'bob')).toMatchObject({ code: 0 });
    expect(await run('rotate', bob, '--credentials', 'bob', '--out', 'bob2')).toMatchObject({ code: 0 });
    const first = await run('lookup', bob, '--version', '0', '--json', ...state);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({ identity: bob, version: 0, authorization: { type: 'initial' } });
    expect((await run('lookup', bob, '--version', '1', ...state)).stdout).toContain('change signed by a key');
    expect(await run('lookup', bob, '--version', '5', ...state)).toMatchObject({ code: 1 });
    expect(await run('lookup', bob, '--version', '-1', ...state)).toMatchObject({ code: 1 });
    expect(await run('lookup', bob, ...state)).toMatchObject({ code: 0 });
    expect(await run('monitor', bob, ...state)).toMatchObject({ code: 0 });
    expect(await run('monitor', 'nobody@example.com', '--state', 'other')).toMatchObject({ code: 1 });
    const { stdout } = await run('monitor', '--state', 'empty');
    expect(stdout).toMatch(/^nothing to monitor/);
  }, 60_000);

  it('say what was noticed about a contact until it is acknowledged', async () => {
    const dave = 'dave@example.com';
    const state = ['--state', 'dave-contact'];
    expect(await run('register', dave, ...token(), '--out', 'dave')).toMatchObject({ code: 0 });
    expect(await run('lookup', dave, ...state)).toMatchObject({ code: 0 });
    const file = sandbox.path('dave-contact', 'state.json');
    const known = parseClientState(readFileSync(file, 'utf8'));
    const alert = { identity: dave, type: 'operator', version: 0, reason: 'an \u001b[31mact', seenAtMs: 0 } as const;
    writeFileSync(file, formatClientState({ ...known, alerts: [{ ...alert, value: undefined }] }));
    const told = await run('lookup', dave, ...state);
    expect(told.stdout).toContain('WARNING: an  [31mact');
    const monitored = await run('monitor', '--json', ...state);
    expect(monitored).toMatchObject({ code: 2 });
    expect(JSON.parse(monitored.stdout)).toMatchObject({ monitored: [{ role: 'contact', alerts: [{ version: 0 }] }] });
    expect(await run('monitor', '--acknowledge', ...state)).toMatchObject({ code: 0 });
    expect((await run('lookup', dave, ...state)).stdout).not.toContain('WARNING');
  }, 60_000);

  it('go on with --watch until something is wrong', async () => {
    const carol = 'carol@example.com';
    const state = ['--state', 'carol-state'];
    expect(await run('register', carol, ...token(), '--out', 'carol', ...state)).toMatchObject({ code: 0 });
    const watching = run('monitor', '--watch', '--interval', '1', ...state);
    const thief = await run('register', carol, '--credentials', 'carol', '--out', 'carol2', '--state', 'thief-state');
    expect(thief, thief.stderr).toMatchObject({ code: 0 });
    expect(await watching).toMatchObject({ code: 2 });
    expect(await run('monitor', '--watch', '--interval', '0', ...state)).toMatchObject({ code: 1 });
  }, 60_000);

  it('go on with --watch where the server does not answer for a while', async () => {
    const erin = 'erin@example.com';
    const state = ['--state', 'erin-state'];
    expect(await run('register', erin, ...token(), '--out', 'erin', ...state)).toMatchObject({ code: 0 });
    const thief = ['--credentials', 'erin', '--out', 'erin2', '--state', 'erin-thief'];
    expect(await run('register', erin, ...thief)).toMatchObject({ code: 0 });
    const door = await startDoor(server.url, 2 * ATTEMPTS);
    try {
      const watching = await sandbox.run('monitor', '--watch', '--interval', '1', ...state, '--server', door.url);
      expect(watching).toMatchObject({ code: 2 });
      expect(watching.stderr).toMatch(
        /^glasskey: .*\(network-failed\)\nglasskey: .*\(network-failed\)\nglasskey: erin/m,
      );
    } finally {
      door.close();
    }
  }, 60_000);

  it('tell of a false version with --watch also where the rest of the round gets no answer', async () => {
    const frank = 'frank@example.com';
    const state = ['--state', 'frank-state'];
    expect(await run('register', frank, ...token(), '--out', 'frank', ...state)).toMatchObject({ code: 0 });
    const thief = ['--credentials', 'frank', '--out', 'frank2', '--state', 'frank-thief'];
    expect(await run('register', frank, ...thief)).toMatchObject({ code: 0 });
    const door = await startDoor(server.url, 0, PATHS.distinguished);
    try {
      const found = await sandbox.run('monitor', '--watch', '--interval', '1', ...state, '--server', door.url);
      expect(found, found.stderr).toMatchObject({ code: 2 });
      expect(found.stderr).toContain('(network-failed)');
      expect(found.stderr).toContain(`glasskey: ${frank}: version 1 was`);
    } finally {
      door.close();
    }
  }, 60_000);
});

/** A proxy that gives no answer to the first few POST requests, and none to those of a path. */
async function startDoor(
  target: string,
  unanswered: number,
  closed?: string,
): Promise<{ readonly url: string; close(): void }> {
  let left = unanswered;
  const door = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url = '/', method = 'GET', headers } = request;
      if (url === closed || (method === 'POST' && left-- > 0)) return void response.destroy();
      const body = method === 'POST' ? Buffer.concat(chunks) : null;
      const type = headers['content-type'];
      fetch(new URL(url, target), { method, body, headers: type === undefined ? {} : { 'content-type': type } })
        .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
        .catch(() => response.destroy());
    });
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  const { port } = door.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => door.close() };
}
