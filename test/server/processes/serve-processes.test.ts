import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyDirectory } from '../../../src/client/key-directory.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { parseTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import { parseBase64 } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { CrashLoad, Testimony } from '../../scenario/crash-load.ts';
import { assertOneHistory } from '../../scenario/one-history.ts';
import { CliSandbox } from '../../support/cli.ts';
import { initialiseServer, type KillableServer, startKillableServer } from '../../support/killable-server.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';

const CLIENTS = 8;
const TAKEOVER_MS = 30_000;

let folder: string;
let data: string;
let database: string;
let server: KillableServer;
let url: string;
let load: CrashLoad;
const testimony = new Testimony();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-processes-'));
  data = join(folder, 'data');
  await initialiseServer(data);
  database = await createTestDatabase();
  const { bundle } = parseTrustBundle(await readFile(join(data, 'trust.json'), 'utf8'));
  const token = (await readFile(join(data, 'registration.token'), 'utf8')).trim();
  const config = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
  load = await CrashLoad.create(testimony, token, config);
  server = startKillableServer(data, database, { options: ['--processes', '2'] });
  url = await server.ready;
});
afterAll(async () => {
  await server.end('SIGKILL').catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

const metrics = async (): Promise<string> => (await fetch(url + PATHS.metrics)).text();

/** Returns the values of a metric by process. */
async function valuesOf(name: string): Promise<Readonly<Record<string, number>>> {
  const found = (await metrics()).matchAll(new RegExp(`^${name}\\{process="(\\d+)"\\} (\\S+)$`, 'gm'));
  return Object.fromEntries([...found].map(([, process = '', value]) => [process, Number(value)]));
}

const writerOf = async (): Promise<string | undefined> =>
  Object.entries(await valuesOf('glasskey_writer')).find(([, value]) => value === 1)?.[0];

/** Sends requests on connections of their own, which go to the processes in turn; returns how many were admitted. */
async function countAdmitted(requests: number): Promise<number> {
  let admitted = 0;
  for (let i = 0; i < requests; i++) {
    const answer = await fetch(url + PATHS.certificates, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{}',
    });
    if (answer.status !== 429) admitted++;
  }
  return admitted;
}

describe('a server of two processes', () => {
  it('is ready when both are, and shows the metrics of both', async () => {
    const answer = await fetch(url + PATHS.ready);
    const { checks } = (await answer.json()) as { checks: { name: string; ok: boolean }[] };
    expect(answer.status).toBe(200);
    expect(checks.map(({ name }) => name)).toEqual(
      [1, 2].flatMap((number) => ['database', 'signer', 'log'].map((name) => `${name} of process ${number}`)),
    );
    expect(Object.keys(await valuesOf('glasskey_writer'))).toEqual(['1', '2']);
    expect(await metrics()).toContain('glasskey_processes 2\n');
    expect(await writerOf()).toMatch(/^[12]$/);
  });

  it('keeps a limit for both together, which a reload brings to both', async () => {
    await load.register(url, TAKEOVER_MS);
    const limits = '\n[limits.client]\nrequests = 6\nper = "1d"\n';
    await appendFile(join(data, 'glasskey.toml'), limits);
    process.kill(server.pid, 'SIGHUP');
    await until(() => server.log().split('"reloaded"').length > 2);
    // Two buckets of their own would admit 12. One hears of what the other has spent a moment later.
    const admitted = await countAdmitted(30);
    expect(admitted).toBeGreaterThanOrEqual(6);
    expect(admitted).toBeLessThan(10);
  });

  it('loses nothing when the writer is killed under load, and starts it again', async () => {
    const writer = await writerOf();
    const pid = (await valuesOf('glasskey_process_id'))[String(writer)];
    const stop = new AbortController();
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!stop.signal.aborted) {
        const registration = await load.prepare();
        // A request of the process that dies gets no answer, or one to ask again.
        await load.send(url, registration, TAKEOVER_MS).catch(() => undefined);
      }
    });
    await until(() => testimony.acknowledged.size > 20);
    process.kill(Number(pid), 'SIGKILL');
    const before = testimony.acknowledged.size;
    await until(() => testimony.acknowledged.size > before + 20, { withinMs: TAKEOVER_MS });
    stop.abort();
    await Promise.all(clients);
    await until(async () => (await metrics()).includes('glasskey_process_restarts_total 1\n'));
    await until(async () => (await fetch(url + PATHS.ready)).status === 200, { withinMs: TAKEOVER_MS });
    expect((await valuesOf('glasskey_process_id'))[String(writer)]).not.toBe(pid);
    const bundle = parseTrustBundle(await readFile(join(data, 'trust.json'), 'utf8'));
    const directory = await KeyDirectory.open({ server: url, state: new MemoryState(), bundle });
    for (const identity of [...testimony.acknowledged.keys()].slice(-5)) {
      expect((await directory.lookup(identity)).found).toBe(true);
    }
    // The process that took over has noted in a file of its own what it signed.
    // A file that is being replaced, now or when its process was killed, has another name meanwhile.
    const noted = (await readdir(data)).filter((name) => /^last-signed\.checkpoint(?:\.\d+)?$/.test(name));
    expect(noted.toSorted()).toEqual(['last-signed.checkpoint', 'last-signed.checkpoint.2']);
    await server.end('SIGTERM');
    await assertOneHistory({ data, database }, bundle.bundle, testimony);
  }, 240_000);

  it('is refused for an embedded database', async () => {
    const box = new CliSandbox();
    const serving = await box.run('serve', '--data', 'd', '--dev', '--processes', '2', '--listen', '127.0.0.1:0');
    expect([serving.code, serving.stderr]).toEqual([1, expect.stringContaining('only one process can open') as string]);
    await box.remove();
  });
});
