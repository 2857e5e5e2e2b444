import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { parseBase64 } from '../../src/core/encoding/bytes.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { initialiseServer, type KillableServer, startKillableServer } from '../support/killable-server.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { CrashLoad, Testimony } from './crash-load.ts';

/** The time in which another server has to append, ms. */
const TAKEOVER_MS = 15_000;
/** At SIGUSR2, the clock of the process is one hour fast. */
const SETTABLE_CLOCK = `const now = Date.now; let ahead = 0; Date.now = () => now() + ahead;
process.on('SIGUSR2', () => (ahead = 3600000));`;

interface Member {
  readonly proxy: DatabaseProxy;
  readonly server: KillableServer;
  readonly url: string;
}

let folder: string;
let load: CrashLoad;
const testimony = new Testimony();
const members: Member[] = [];

/** Starts two servers of one new log, each behind a proxy of its own. */
async function startPair(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-failover-'));
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  await initialiseServer(first);
  await cp(first, second, { recursive: true });
  const { bundle } = parseTrustBundle(await readFile(join(first, 'trust.json'), 'utf8'));
  const token = (await readFile(join(first, 'registration.token'), 'utf8')).trim();
  load = await CrashLoad.create(
    testimony,
    token,
    decode(configurationCodec, parseBase64(bundle.keytransConfiguration)),
  );
  const database = await createTestDatabase();
  const environment = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(SETTABLE_CLOCK)}` };
  for (const [data, options] of [
    [first, []],
    [second, ['--accept-missing-checkpoint']],
  ] as const) {
    const proxy = await startDatabaseProxy(database);
    const server = startKillableServer(data, proxy.url, { options, environment });
    members.push({ proxy, server, url: await server.ready });
  }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url + PATHS.metrics)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const isWriter = async ({ url }: Member): Promise<boolean> => (await metric(url, 'glasskey_writer')) === 1;

/** Returns the writer and the other server. */
async function findWriter(): Promise<readonly [Member, Member]> {
  return vi.waitFor(
    async () => {
      const found = await Promise.all(members.map(isWriter));
      expect(found.filter(Boolean)).toHaveLength(1);
      return (found[0] === true ? members : members.toReversed()) as [Member, Member];
    },
    { timeout: TAKEOVER_MS },
  );
}

/** Each server registers, shows the same head, and only one of them writes. */
async function expectSound(): Promise<void> {
  for (const { url } of members) await vi.waitFor(() => load.register(url, TAKEOVER_MS), { timeout: TAKEOVER_MS });
  await vi.waitFor(async () => {
    const checkpoints = members.map(async ({ url }) => (await fetch(url + PATHS.checkpoint)).text());
    expect(new Set((await Promise.all(checkpoints)).map((note) => testimony.noteCheckpoint(note))).size).toBe(1);
  });
  await findWriter();
  for (const { server } of members) expect(server.log()).not.toMatch(/log-forked|contradicts itself|does not verify/);
}

describe('another server appends in place of a writer', () => {
  beforeAll(startPair);
  afterEach(() => {
    for (const { proxy, server } of members) {
      server.signal('SIGCONT');
      if (proxy.trouble !== 'none') proxy.heal();
    }
  });
  afterAll(async () => {
    await Promise.all(members.map(({ server }) => server.end('SIGKILL')));
    for (const { proxy } of members) proxy.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('that is paused while it is idle', async () => {
    const [writer, other] = await findWriter();
    await load.register(other.url, TAKEOVER_MS);
    writer.server.signal('SIGSTOP');
    await load.register(other.url, TAKEOVER_MS);
    writer.server.signal('SIGCONT');
    await expectSound();
  });

  it('that is paused inside its append, before the commit', async () => {
    const [writer, other] = await findWriter();
    writer.proxy.trouble = 'no-commit';
    const asked = load.register(writer.url, TAKEOVER_MS).catch(() => undefined);
    await writer.proxy.held;
    writer.server.signal('SIGSTOP');
    await load.register(other.url, TAKEOVER_MS);
    writer.server.signal('SIGCONT');
    writer.proxy.heal();
    await asked;
    await expectSound();
  });

  it('whose connections to the database are dead and not closed', async () => {
    const [writer, other] = await findWriter();
    writer.proxy.trouble = 'dead';
    await load.register(other.url, TAKEOVER_MS);
    // Readiness may wait for the database for longer than anybody waits for readiness.
    const ready = fetch(writer.url + PATHS.ready, { signal: AbortSignal.timeout(2_000) });
    expect(
      await ready.then(
        ({ ok }) => ok,
        () => false,
      ),
    ).toBe(false);
    writer.proxy.heal();
    await expectSound();
  });

  it('whose append waits for its commit, though the process runs', async () => {
    const [writer, other] = await findWriter();
    writer.proxy.trouble = 'no-commit';
    await load.register(other.url, TAKEOVER_MS);
    writer.proxy.heal();
    await expectSound();
  });

  it('whose appends all fail', async () => {
    const [writer, other] = await findWriter();
    writer.proxy.trouble = 'no-append';
    await load.register(other.url, TAKEOVER_MS);
    writer.proxy.heal();
    await expectSound();
  });

  it('whose clock is set wrongly', async () => {
    const [writer, other] = await findWriter();
    writer.server.signal('SIGUSR2');
    await load.register(other.url, TAKEOVER_MS);
    await vi.waitFor(async () => expect(await isWriter(other)).toBe(true), { timeout: TAKEOVER_MS });
    expect(writer.server.log()).toContain('clock-skew');
  });
});
