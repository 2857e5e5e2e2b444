import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/server/doctor/finding.ts';
import { examine, type ExamineOptions } from '../../../src/server/doctor/examine.ts';
import { initialise } from '../../../src/server/init.ts';
import { type RunningServer, startServer } from '../../../src/server/start-server.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const ORIGIN = 'log.example/2026';
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, fatal: () => undefined };

const data = join(mkdtempSync(join(tmpdir(), 'glasskey-doctor-')), 'server');
let database: string;
let server: RunningServer | undefined;
/** Stands before the server as the proxy of its public URL. */
let proxy: Server;
let behaviour: 'passes' | 'cuts at slashes' | 'serves another log' | 'is down' = 'passes';

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await listening(createServer((incoming, outgoing) => pass(incoming.url ?? '', outgoing)));
  const kinds = { suite: 'ed25519', caKey: 'p256', dev: false } as const;
  await initialise({ data, ...kinds, origin: ORIGIN, publicUrl: urlOf(proxy), nowMs: Date.now() });
  server = await startServer({ data, database, listen: '127.0.0.1:0', logger: silent });
}, 120_000);
afterAll(async () => {
  await server?.stop();
  proxy.close();
  rmSync(join(data, '..'), { recursive: true });
});

function listening(one: Server, port = 0): Promise<Server> {
  return new Promise((resolve) => one.listen(port, '127.0.0.1', () => resolve(one)));
}

function urlOf(one: Server): string {
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}

function pass(path: string, outgoing: ServerResponse): void {
  if (behaviour === 'is down' || server === undefined) return void outgoing.destroy();
  if (behaviour === 'serves another log')
    return void outgoing.end('other.example\n1\nAAAA\n\n— other.example AAAAAAAA\n');
  const passed = behaviour === 'cuts at slashes' ? path.replace(/\/\/.*/, '') : path;
  const onward = request(`${server.url}${passed}`, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  onward.end();
}

async function findings(options: Partial<ExamineOptions> = {}): Promise<Map<string, Finding>> {
  const listen = new URL(server?.url ?? 'http://127.0.0.1:1').host;
  const found = await examine({ data, database, listen, ...options });
  return new Map(found.map((one) => [one.check, one]));
}

/** The states of all findings that are not `OK`. */
async function troubles(options: Partial<ExamineOptions> = {}): Promise<Record<string, string>> {
  const found = await findings(options);
  return Object.fromEntries(
    [...found.values()].flatMap(({ check, state }) => (state === 'OK' ? [] : [[check, state]])),
  );
}

/** What a new folder with keys and without witnesses is told. */
const USUAL = { 'offline keys': 'WARN', quorum: 'WARN' };

describe('the doctor', () => {
  it('finds nothing wrong with a log that is served', async () => {
    expect(await troubles()).toEqual(USUAL);
    const found = await findings();
    expect(found.get('log')).toMatchObject({ state: 'OK', detail: expect.stringContaining('appends') as string });
    for (const { state, next } of found.values()) expect(next === undefined).toBe(state === 'OK');
  });

  it('finds a clock that differs from the database’s', async () => {
    const late = await troubles({ now: () => Date.now() - 120_000 });
    expect(late).toEqual({ ...USUAL, 'clock of the database': 'FAIL' });
    const early = await troubles({ now: () => Date.now() + 20_000 });
    expect(early).toEqual({ ...USUAL, 'clock of the database': 'WARN' });
  });

  it('finds a proxy that is down, serves another log, or changes paths', async () => {
    const expected = {
      'is down': 'public URL',
      'serves another log': 'public URL',
      'cuts at slashes': 'OCSP by GET',
    } as const;
    for (const [mode, check] of Object.entries(expected)) {
      behaviour = mode as typeof behaviour;
      expect(await troubles()).toEqual({ ...USUAL, [check]: 'FAIL' });
    }
    behaviour = 'passes';
  });

  it('finds a port that another program has', async () => {
    const other = await listening(createServer((_, outgoing) => outgoing.end('hello')));
    expect(await troubles({ listen: new URL(urlOf(other)).host })).toEqual({ ...USUAL, port: 'FAIL' });
    other.close();
    expect((await findings({ listen: '127.0.0.1:0' })).get('port')?.state).toBe('OK');
  });

  it('finds keys that others can read, settings with a mistake, and a folder that cannot be written', async () => {
    chmodSync(join(data, 'keys/issuer.pem'), 0o644);
    expect(await troubles()).toEqual({ ...USUAL, 'key files': 'FAIL' });
    chmodSync(join(data, 'keys/issuer.pem'), 0o600);
    writeFileSync(join(data, 'glasskey.toml'), 'nonsense = 1\n');
    expect(await troubles()).toEqual({ ...USUAL, settings: 'FAIL' });
    rmSync(join(data, 'glasskey.toml'));
    rmSync(join(data, 'last-signed.checkpoint'));
    mkdirSync(join(data, 'last-signed.checkpoint'));
    expect(await troubles()).toEqual({ ...USUAL, 'data folder': 'FAIL' });
    rmSync(join(data, 'last-signed.checkpoint'), { recursive: true });
  });

  it('finds a database that is away, holds no such log, is of a newer release, or loses commits', async () => {
    expect(await troubles({ database: 'postgres://127.0.0.1:1/none' })).toEqual({ ...USUAL, database: 'FAIL' });
    const other = await createTestDatabase();
    expect(await troubles({ database: other })).toEqual({ ...USUAL, log: 'FAIL' });
    const admin = postgres(other, { max: 1 });
    await admin`insert into logs (origin, configuration, format) values ('other', '', 99)`;
    await admin.unsafe(`alter database ${new URL(other).pathname.slice(1)} set synchronous_commit = off`);
    expect(await troubles({ database: other })).toEqual({
      ...USUAL,
      'database durability': 'FAIL',
      'database schema': 'FAIL',
    });
    await admin.unsafe(`create database ascii_of_doctor template template0 encoding 'SQL_ASCII' locale 'C'`);
    const ascii = new URL(other);
    ascii.pathname = '/ascii_of_doctor';
    expect(await troubles({ database: ascii.href })).toEqual({
      ...USUAL,
      'database encoding': 'FAIL',
      'database schema': 'WARN',
      log: 'FAIL',
    });
    await admin.unsafe('drop database ascii_of_doctor');
    await admin.end();
  });

  it('finds an auditor that serves no head, and a log that no server appends to', async () => {
    const auditor = await listening(createServer((_, outgoing) => outgoing.writeHead(409).end()));
    expect(await troubles({ auditor: urlOf(auditor) })).toEqual({ ...USUAL, auditor: 'FAIL' });
    auditor.close();
    await server?.stop();
    server = undefined;
    const free = await troubles({ listen: '127.0.0.1:0' });
    expect(free).toEqual({ ...USUAL, log: 'WARN', 'public URL': 'FAIL' });
  });
});
