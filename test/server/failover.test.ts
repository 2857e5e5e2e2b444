import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { equalBytes, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { type RunningServer, startServer } from '../../src/server/start-server.ts';
import { CrashLoad, Testimony } from '../scenario/crash-load.ts';
import { assertOneHistory } from '../scenario/one-history.ts';
import { SoakNotes } from '../soak/soak-notes.ts';
import { type PausableProxy, startPausableProxy } from '../support/pausable-proxy.ts';
import { hasReplication, type PostgresServer, startPostgresServer, startStandby } from '../support/postgres-server.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };
const CLIENTS = 4;
/** Registrations before and after a failover. */
const ENOUGH = 20;

const isSkipped = !hasReplication() && process.env['CI'] === undefined;
const title = isSkipped ? 'a failover (no pg_basebackup here)' : 'a failover';

describe.skipIf(isSkipped)(title, () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let proxy: PausableProxy;
  let data: string;
  let server: RunningServer;
  /** URL of the database, wherever it is. */
  let database: string;

  const serve = (dev = false): Promise<RunningServer> =>
    startServer({ data, database, dev, listen: '127.0.0.1:0', logger: pino({ enabled: false }) });

  beforeEach(async () => {
    primary = await startPostgresServer();
    standby = await startStandby(primary);
    proxy = await startPausableProxy(primary.port);
    database = primary.url.replace(String(primary.port), String(proxy.port));
    data = await mkdtemp(join(tmpdir(), 'glasskey-failover-'));
    server = await serve(true);
  });
  afterEach(async () => {
    await server.stop();
    proxy.close();
    await Promise.all([primary.stop(), standby.stop()]);
    await rm(data, { recursive: true });
  });

  /** Runs a statement on one of the two; returns the only value of its only row. */
  const ask = async ({ url }: PostgresServer, statement: string): Promise<unknown> => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    try {
      const [row] = await sql.unsafe(statement);
      return row === undefined ? undefined : Object.values(row)[0];
    } finally {
      await sql.end();
    }
  };
  const promote = async (): Promise<void> => {
    expect(await ask(standby, 'select pg_promote()')).toBe(true);
    proxy.moveTo(standby.port);
  };
  const token = async (): Promise<string> => (await readFile(join(data, 'registration.token'), 'utf8')).trim();
  const readBundle = async () => parseTrustBundle(await readFile(join(data, 'trust.json'), 'utf8'));
  const client = async (state = new MemoryState()) => KeyDirectory.open({ server: server.url, state });
  const register = async (directory: KeyDirectory, name: string): Promise<unknown> =>
    directory.register(name, { token: await token(), key: await generateKey() });
  const ready = async (): Promise<string> => (await fetch(server.url + PATHS.ready)).text();

  it('to a synchronous standby loses nothing, and the server goes on by itself', async () => {
    await ask(primary, `alter system set synchronous_standby_names = '*'`);
    await ask(primary, 'select pg_reload_conf()');
    const syncState = () => ask(primary, 'select sync_state from pg_stat_replication');
    await vi.waitFor(async () => expect(await syncState()).toBe('sync'), PATIENCE);

    const { bundle } = await readBundle();
    const [testimony, over] = [new Testimony(), new AbortController()];
    const notes = new SoakNotes(over.signal);
    const config = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
    const load = await CrashLoad.create(testimony, await token(), config);
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!notes.isOver) {
        const registration = await load.prepare();
        await notes.insist('register', async () => {
          if (!(await load.send(server.url, registration))) throw new GlasskeyError('network-failed', 'no answer');
        });
      }
    });
    const { acknowledged } = testimony;
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(ENOUGH), PATIENCE);
    await primary.halt('immediate');
    await promote();
    const before = acknowledged.size;
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(before + ENOUGH), PATIENCE);
    over.abort();
    await Promise.all(clients);

    expect(notes.surprises).toEqual([]);
    const directory = await client();
    for (const [name, der] of acknowledged) {
      const found = await directory.lookup(name);
      const isThere = found.found && found.binding.certificates.some((one) => equalBytes(one.der, der));
      expect(isThere, `${name} was acknowledged`).toBe(true);
    }
    await server.stop();
    await assertOneHistory({ data, database }, bundle, testimony);
  }, 180_000);

  it('to a standby that lacks the newest entry is told, shown, and nothing is signed over it', async () => {
    const witness = await client();
    await register(witness, 'alice@example.com');
    const missing = 'select pg_current_wal_lsn() - min(replay_lsn) from pg_stat_replication';
    await vi.waitFor(async () => expect(Number(await ask(primary, missing))).toBe(0), PATIENCE);
    await standby.halt('fast');
    await register(witness, 'bob@example.com');
    // Else the standby would catch up.
    await primary.halt('immediate');
    await standby.resume();
    await promote();

    for (let start = 1; start <= 2; start++) {
      await vi.waitFor(async () => expect(await ready()).toContain('log-rolled-back'), PATIENCE);
      const stranger = await client();
      expect((await stranger.lookup('alice@example.com')).found).toBe(true);
      expect((await stranger.lookup('bob@example.com')).found).toBe(false);
      await expect(register(stranger, 'carol@example.com')).rejects.toMatchObject({ code: 'log-rolled-back' });
      await expect(witness.lookup('bob@example.com')).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:too-far-behind|tree-rolled-back|network-failed)$/),
      });
      // A start finds it, too, by what this host has signed.
      await server.stop();
      server = await serve();
    }
  }, 180_000);
});
