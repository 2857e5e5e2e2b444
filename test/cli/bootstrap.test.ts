import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const box = new CliSandbox();
let server: RunningCli;
let fingerprint: string;
beforeAll(async () => {
  server = await serveDev('first');
  fingerprint = fingerprintOf(server);
}, 120_000);
afterAll(() => box.remove());

/** Serves a new development log. */
async function serveDev(name: string, listen = '127.0.0.1:0'): Promise<RunningCli> {
  return box.serve('--dev', ...(await box.logInPostgres(name)), '--listen', listen);
}

/** The fingerprint that a server prints at its start. */
function fingerprintOf(running: RunningCli): string {
  return /bootstrap http:\S+ --fingerprint ([0-9a-f]{64})`$/m.exec(running.output())?.[1] ?? 'none';
}

/** Runs with a user folder of its own, and variables. */
function as(user: string, variables: Readonly<Record<string, string>> = {}) {
  return (...args: readonly string[]) => {
    for (const name of ['GLASSKEY_SERVER', 'GLASSKEY_STATE']) delete box.variables[name];
    Object.assign(box.variables, { XDG_DATA_HOME: box.path(user) }, variables);
    return box.run(...args);
  };
}

const remembered = (user: string): string => box.path(user, 'glasskey', 'server.json');
const token = (data: string): readonly string[] => ['--token-file', box.path(data, 'registration.token')];
const evidenceIn = (folder: string): readonly string[] =>
  readdirSync(folder).filter((name) => name.startsWith('evidence-'));

describe('bootstrap', () => {
  it('trusts nothing without a fingerprint, and shows what the server has', async () => {
    const run = as('careful');
    const shown = await run('bootstrap', server.url);
    expect([shown.code, shown.stdout.includes(fingerprint)]).toEqual([1, true]);
    expect(shown.stderr).toMatch(/nothing is trusted yet.*--fingerprint/);
    const short = await run('bootstrap', server.url, '--fingerprint', fingerprint.slice(0, 32));
    expect([short.code, short.stderr]).toEqual([1, expect.stringContaining('(usage)')]);
    const wrong = await run('bootstrap', server.url, '--fingerprint', fingerprint.replaceAll(/./g, '0'));
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('(fingerprint-mismatch)')]);
    const nameless = await run('lookup', 'bob@example.com');
    expect([nameless.code, nameless.stderr]).toEqual([1, expect.stringContaining('glasskey bootstrap')]);
  });

  it('remembers the server: no other command needs it named, and the owner is monitored', async () => {
    const run = as('owner');
    const done = await run('bootstrap', server.url, '--fingerprint', fingerprint.toUpperCase());
    expect(done, done.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(remembered('owner')).mode & 0o777).toBe(0o600);
    const registered = await run('register', 'bob@example.com', ...token('first'), '--out', 'bob');
    expect(registered, registered.stderr).toMatchObject({ code: 0, stderr: '' });
    for (const args of [
      ['rotate', 'bob@example.com', '--credentials', 'bob', '--out', 'bob-2'],
      ['renew', 'bob@example.com', '--credentials', 'bob-2'],
      ['lookup', 'bob@example.com'],
      ['devices', 'bob@example.com'],
      ['history', 'bob@example.com'],
      ['heads'],
      ['trust', '--out', 'trust.json'],
      ['audit'],
      ['revoke', 'bob@example.com', '--credentials', 'bob-2'],
    ]) {
      const { code, stderr } = await run(...args);
      expect([args[0], code], stderr).toEqual([args[0], 0]);
    }
    const monitored = await run('monitor');
    expect(monitored, monitored.stderr).toMatchObject({ code: 0 });
    expect(monitored.stdout).toMatch(/bob@example\.com: version 3, no version that you neither made nor know of/);
  }, 120_000);

  it('gives another state of the same server the bundle too, so that nothing is trusted on first use', async () => {
    const looked = await as('owner')('lookup', 'bob@example.com', '--state', box.path('elsewhere'));
    expect(looked, looked.stderr).toMatchObject({ code: 0, stderr: '' });
  });

  it('takes a flag before a variable, and that before what is remembered', async () => {
    const second = await serveDev('second');
    const flag = ['--server', server.url];
    const lookUp = ['lookup', 'nobody@example.com', '--json'];
    const [state, other] = [box.path('by-variable'), box.path('by-flag')];
    const byVariable = await as('owner', { GLASSKEY_SERVER: second.url, GLASSKEY_STATE: state })(...lookUp);
    expect(byVariable).toMatchObject({ code: 3, stderr: expect.stringContaining(fingerprintOf(second)) as string });
    expect(readdirSync(state)).toEqual(['state.json']);
    const variables = { GLASSKEY_SERVER: second.url, GLASSKEY_STATE: state };
    const byFlag = await as('owner', variables)(...lookUp, ...flag, '--state', other);
    expect(byFlag, byFlag.stderr).toMatchObject({ code: 3, stderr: '' });
    expect(readdirSync(other)).toEqual(['state.json']);
    writeFileSync(box.path('passphrase'), 'correct horse battery\n');
    const exporting = ['state', 'export', 'sealed', '--passphrase-file', 'passphrase'];
    const exported = await as('nobody', { GLASSKEY_STATE: state })(...exporting);
    expect(exported, exported.stderr).toMatchObject({ code: 0 });
    const before = readFileSync(remembered('owner'), 'utf8');
    const overwriting = ['bootstrap', second.url, '--fingerprint', fingerprintOf(second)];
    const refused = await as('owner')(...overwriting);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/remembers .*--replace/)]);
    expect(readFileSync(remembered('owner'), 'utf8')).toBe(before);
    expect(await as('switching')('bootstrap', server.url, '--fingerprint', fingerprint)).toMatchObject({ code: 0 });
    expect(await as('switching')(...overwriting, '--replace')).toMatchObject({ code: 0 });
    expect(await as('switching')(...lookUp)).toMatchObject({ code: 3, stderr: '' });
    expect(await second.stop()).toBe(0);
  }, 120_000);

  it('names a damaged file of its own as the thing to delete', async () => {
    mkdirSync(box.path('damaged', 'glasskey'), { recursive: true });
    writeFileSync(remembered('damaged'), '{"format":1,"server":7}');
    const run = await as('damaged')('lookup', 'bob@example.com');
    expect([run.code, run.stderr]).toEqual([1, expect.stringContaining(`${remembered('damaged')}. Next: delete it`)]);
  });
});

describe('another log at the same address', () => {
  it('is named as a reset where it is a development server, and the remedy works', async () => {
    const old = await serveDev('old');
    const run = as('developer');
    expect(await run('bootstrap', old.url, '--fingerprint', fingerprintOf(old))).toMatchObject({ code: 0 });
    expect(await run('lookup', 'bob@example.com')).toMatchObject({ code: 3 });
    expect(await old.stop()).toBe(0);
    const fresh = await serveDev('fresh', new URL(old.url).host);
    const reset = await run('lookup', 'bob@example.com');
    expect([reset.code, reset.stderr]).toEqual([1, expect.stringMatching(/was reset.*\(log-reset\)/)]);
    const folder = /Next: remove (\S+), and run/.exec(reset.stderr)?.[1] ?? 'none';
    expect(evidenceIn(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
    expect(reset.stderr).toContain(`glasskey bootstrap ${fresh.url} --replace --fingerprint`);
    // The bundle is remembered: without the folder, the new log is still not trusted by itself.
    expect(await run('lookup', 'bob@example.com')).toMatchObject({ code: 1 });
    rmSync(folder, { recursive: true });
    const again = ['bootstrap', fresh.url, '--fingerprint', fingerprintOf(fresh)];
    expect(await run(...again)).toMatchObject({ code: 1 });
    expect(await run(...again, '--replace')).toMatchObject({ code: 0 });
    expect(await run('lookup', 'bob@example.com')).toMatchObject({ code: 3, stderr: '' });
    expect(await fresh.stop()).toBe(0);
  }, 240_000);

  it('is misbehaviour where the log was no development log, with evidence and the state kept', async () => {
    const [service, other] = [await box.logInPostgres('service'), await box.logInPostgres('replaced')];
    expect(await box.run('init', ...service.slice(0, 2), '--origin', 'keys.example/2026')).toMatchObject({ code: 0 });
    const honest = await box.serve(...service, '--listen', '127.0.0.1:0');
    const { host } = new URL(honest.url);
    const run = as('watcher');
    expect(await run('lookup', 'bob@example.com', '--server', honest.url)).toMatchObject({ code: 3 });
    expect(await honest.stop()).toBe(0);
    const liar = await box.serve('--dev', ...other, '--listen', host);
    const seen = await run('monitor', '--server', honest.url);
    expect([seen.code, seen.stderr]).toEqual([2, expect.stringMatching(/Keep \S+: .*\(log-replaced\)/)]);
    const folder = /Keep (\S+):/.exec(seen.stderr)?.[1] ?? 'none';
    expect(evidenceIn(folder)).toHaveLength(1);
    // The same state moved elsewhere still knows which server showed what.
    renameSync(folder, box.path('moved'));
    expect(await run('lookup', 'bob@example.com', '--server', honest.url, '--state', 'moved')).toMatchObject({
      code: 2,
    });
    expect(await liar.stop()).toBe(0);
  }, 240_000);
});
