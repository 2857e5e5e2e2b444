import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { PROGRAM } from '../support/cli.ts';
import { initialiseServer, type KillableServer, startKillableServer } from '../support/killable-server.ts';
import { createTestDatabase } from '../support/postgres.ts';

const run = promisify(execFile);
const PATIENCE = { timeout: 60_000, interval: 50 };
/** As root, only a process without this capability meets the bits of a folder. */
const WITHOUT_OVERRIDE = ['--inh-caps=-dac_override', '--bounding-set=-dac_override', '--'];

const isMissing = spawnSync('prlimit', ['--version']).status !== 0 || spawnSync('setpriv', ['--version']).status !== 0;
const isSkipped = isMissing && process.env['CI'] === undefined;

describe.skipIf(isSkipped)(isSkipped ? 'a data folder (no prlimit here)' : 'a data folder', () => {
  let data: string;
  let database: string;
  let server: KillableServer;

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'glasskey-full-'));
    database = await createTestDatabase();
    await initialiseServer(data);
    server = startKillableServer(data, database);
    await server.ready;
  });
  afterEach(async () => {
    await server.end('SIGKILL');
    await chmod(data, 0o700);
    await rm(data, { recursive: true });
  });

  const register = async (name: string): Promise<unknown> => {
    const directory = await KeyDirectory.open({ server: await server.ready, state: new MemoryState() });
    const token = (await readFile(join(data, 'registration.token'), 'utf8')).trim();
    return directory.register(name, { token, key: await generateKey() });
  };
  const checkpoint = async (): Promise<string> => (await fetch((await server.ready) + PATHS.checkpoint)).text();
  /** Files that a process writes can then not be longer: as good as a full disk. */
  const limitFiles = (pid: number, bytes: 0 | 'unlimited') =>
    run('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);

  it('that is full keeps heads from being released, and they are once there is room', async () => {
    await register('alice@example.com');
    const before = await checkpoint();
    await limitFiles(server.pid, 0);
    const waiting = register('bob@example.com');
    await vi.waitFor(() => expect(server.log()).toContain('last-signed.checkpoint'), PATIENCE);
    expect(await checkpoint()).toBe(before);
    await limitFiles(server.pid, 'unlimited');
    await waiting;
    expect(await checkpoint()).toBe(await readFile(join(data, 'last-signed.checkpoint'), 'utf8'));
  }, 120_000);

  it('that cannot be written keeps a server from starting', async () => {
    await server.end('SIGTERM');
    await chmod(data, 0o500);
    const serve = [process.execPath, PROGRAM, 'serve', '--data', data, '--database', database];
    const [program = '', ...args] = process.getuid?.() === 0 ? ['setpriv', ...WITHOUT_OVERRIDE, ...serve] : serve;
    const refused = run(program, [...args, '--listen', '127.0.0.1:0']);
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/last-signed\.checkpoint.*\(storage-failed\)/s),
    });
  }, 120_000);
});
