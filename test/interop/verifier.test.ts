import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { goMissing } from '../support/go-peers.ts';
import { createTestServer } from '../support/test-server.ts';

// A verifier of lookups and monitoring in Go, which was written from docs/spec.md and the test vectors alone.
const SOURCE = fileURLToPath(new URL('verifier', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly output: string;
}

function run(file: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd: SOURCE, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ code, output: stdout + stderr });
    });
  });
}

const missing = goMissing();
const title =
  missing === undefined ? 'a verifier from the specification' : `a verifier from the specification (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let folder: string;
  let program: string;
  let live: Awaited<ReturnType<typeof createTestServer>>;
  let proxy: Server;
  let damage: (body: Uint8Array) => void = () => undefined;

  const files = (): string[] => [join(folder, 'bundle.json'), live.url];
  const verifier = (command: string, state: string, ...args: string[]): Promise<Outcome> =>
    run(program, [command, '-state', join(folder, state), '-now', String(live.log.clock.nowMs), ...args]);
  const lookup = (state: string, name: string, url = live.url): Promise<Outcome> =>
    verifier('lookup', state, join(folder, 'bundle.json'), url, `mailto:${name}@example.com`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verifier-'));
    program = join(folder, 'verifier');
    const built = await run('go', ['build', '-o', program, '.']);
    expect(built, built.output).toMatchObject({ code: 0 });
    live = await createTestServer();
    const bundle = await fetch(`${live.url}/.well-known/glasskey`);
    await writeFile(join(folder, 'bundle.json'), await bundle.text());
    proxy = createServer((request, response) => {
      void (async () => {
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        const answer = await fetch(`${live.url}${request.url ?? ''}`, {
          method: 'POST',
          headers: { 'content-type': request.headers['content-type'] ?? '' },
          body: Buffer.concat(parts),
        });
        const body = new Uint8Array(await answer.arrayBuffer());
        damage(body);
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
      })();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  }, 600_000);

  afterAll(async () => {
    await new Promise((resolve) => proxy.close(resolve));
    await live.close();
    await rm(folder, { recursive: true, force: true });
  });

  const register = async (name: string): Promise<void> => {
    const client = await live.client();
    await client.register(`${name}@example.com`, { token: live.log.token, key: await generateKey() });
  };

  it('agrees with the test vectors, and refuses flipped bits', async () => {
    const outcome = await run('go', ['test', '-timeout', '20m', './...']);
    expect(outcome, outcome.output).toMatchObject({ code: 0 });
  }, 1_200_000);

  it('verifies lookups over HTTP, and monitors what it found while the log grows', async () => {
    await register('alice');
    const first = await lookup('state.json', 'alice');
    expect(first, first.output).toMatchObject({ code: 0 });
    expect(first.output).toContain('verdict: first-seen [initial]');
    const nobody = await lookup('state.json', 'nobody');
    expect(nobody, nobody.output).toMatchObject({ code: 3 });

    let monitored = 0;
    let settled = 0;
    for (let i = 0; i < 8; i++) {
      await register(`name${i}`);
      const found = await lookup('state.json', `name${i}`);
      expect(found, found.output).toMatchObject({ code: 0 });
      if (found.output.includes('to be monitored')) monitored++;
      live.log.clock.advance(60_000);
      const outcome = await verifier('monitor', 'state.json', ...files());
      expect(outcome, outcome.output).toMatchObject({ code: 0 });
      if (outcome.output.includes('a distinguished entry has it')) settled++;
    }
    expect(monitored).toBeGreaterThan(0);
    expect(settled).toBeGreaterThan(0);
    const again = await lookup('state.json', 'alice');
    expect(again.output).toContain('verdict: unchanged');
    expect(live.errors).toEqual([]);
  }, 240_000);

  it('refuses an answer with a changed byte, and keeps its state', async () => {
    await register('bob');
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const honest = await lookup('proxy.json', 'bob', url);
    expect(honest, honest.output).toMatchObject({ code: 0 });
    await register('carol');
    for (const at of [0, 0.25, 0.5, 0.75, 0.999]) {
      damage = (body) => {
        const i = Math.floor(at * body.length);
        body[i] = (body[i] ?? 0) ^ 1;
      };
      const outcome = await lookup('proxy.json', 'carol', url);
      expect(outcome, outcome.output).toMatchObject({ code: 1 });
    }
    damage = () => undefined;
    const after = await lookup('proxy.json', 'carol', url);
    expect(after, after.output).toMatchObject({ code: 0 });
    expect(after.output).toContain('it extends');
  }, 240_000);
});
