import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parseNote } from '../../src/core/audit/note.ts';
import { CliSandbox } from '../support/cli.ts';

const sandbox = new CliSandbox();
afterAll(() => sandbox.remove());

const bundle = () => JSON.parse(readFileSync(sandbox.path('log', 'trust.json'), 'utf8')) as Record<string, unknown>;
const serve = () => sandbox.serve('--data', 'log', '--embedded', '--listen', '127.0.0.1:0');
const lookup = (url: string) => sandbox.run('lookup', 'nobody@example.com', '--server', url, '--state', 'client');

describe('a log with a witness policy', () => {
  it('is made with one, and only with one that it can satisfy', async () => {
    const { stdout } = await sandbox.run('witness', 'init', '--data', 'w', '--name', 'witness.example/w');
    const [key = ''] = stdout.split('\n');
    for (const policy of [
      'quorum w\n',
      `witness w ${key}\nquorum w\n`,
      `witness w ${key} ftp://w.example\nquorum w\n`,
      `log ${key.replace('witness.example/w', 'other.example')} \nwitness w ${key} http://w.example\nquorum w\n`,
    ]) {
      writeFileSync(sandbox.path('bad.txt'), policy);
      const refused = await sandbox.run('init', '--data', 'bad', '--witness-policy', 'bad.txt');
      expect([policy, refused.code]).toEqual([policy, 1]);
    }
    expect(await sandbox.run('init', '--data', 'bad', '--witness-policy', 'nowhere')).toMatchObject({ code: 1 });
  }, 120_000);

  it('has no quorums without a common witness unless told, and clients warn of such a one', async () => {
    const { stdout } = await sandbox.run('witness', 'init', '--data', 'x', '--name', 'witness.example/x');
    const [w] = (await sandbox.run('witness', 'keys', '--data', 'w')).stdout.split('\n');
    const [x] = stdout.split('\n');
    const lines = [
      `witness w ${w} http://w.example`,
      `witness x ${x} http://x.example`,
      'group one 1 w x',
      'quorum one',
    ];
    writeFileSync(sandbox.path('one.txt'), lines.join('\n'));
    const init = ['init', '--data', 'one', '--witness-policy', 'one.txt'];
    const refused = await sandbox.run(...init);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('(w) and (x) share no witness')]);
    expect(await sandbox.run(...init, '--allow-disjoint-quorums')).toMatchObject({ code: 0 });
    // Each policy is judged, also one that the log has already.
    const again = ['admin', 'witness-policy', 'one.txt', '--data', 'one'];
    expect(await sandbox.run(...again)).toMatchObject({ code: 1 });
    expect(await sandbox.run(...again, '--allow-disjoint-quorums')).toMatchObject({ code: 0 });
    const made = readFileSync(sandbox.path('one', 'trust.json'));
    const server = createServer((_, response) => response.end(made)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const trust = await sandbox.run('trust', '--server', url);
    const looked = await sandbox.run('lookup', 'nobody@example.com', '--server', url, '--trust', 'one/trust.json');
    server.close();
    for (const { stderr } of [trust, looked]) expect(stderr).toContain('warning: two quorums of witnesses');
  }, 120_000);

  it('shows clients what the witness has cosigned, and signs nothing from an older backup', async () => {
    const keys = (await sandbox.run('witness', 'keys', '--data', 'w')).stdout.trim().split('\n');
    expect(await sandbox.run('init', '--data', 'log', '--ml-dsa')).toMatchObject({ code: 0 });
    const vkeys = bundle()['auditLogVkeys'] as string[];
    expect(vkeys).toHaveLength(2);
    for (const vkey of vkeys) await sandbox.run('witness', 'add-log', vkey, '--data', 'w');
    const witness = await sandbox.start(['witness', 'serve'], '--data', 'w', '--listen', '127.0.0.1:0');
    writeFileSync(sandbox.path('policy.txt'), `witness w ${keys[0]} ${witness.url}\nquorum w\n`);
    expect(await sandbox.run('admin', 'witness-policy', 'policy.txt', '--data', 'log')).toMatchObject({ code: 0 });
    expect(bundle()).toMatchObject({ sequence: 2, witnessPolicy: `witness w ${keys[0]} ${witness.url}\nquorum w\n` });

    const first = await serve();
    expect(await lookup(first.url)).toMatchObject({ code: 3 });
    const note = parseNote(await (await fetch(`${first.url}/log/checkpoint`)).text());
    expect(note.signatures.filter(({ name }) => name === 'witness.example/w').length).toBeGreaterThan(0);
    expect(await first.stop()).toBe(0);

    cpSync(sandbox.path('log', 'db'), sandbox.path('backup'), { recursive: true });
    sandbox.shiftClock(200_000);
    const second = await serve();
    const isLater = async (): Promise<boolean> => (await fetch(`${second.url}/log/head/2`)).status === 200;
    await vi.waitUntil(isLater, { timeout: 60_000, interval: 200 });
    expect(await lookup(second.url)).toMatchObject({ code: 3 });
    expect(await second.stop()).toBe(0);
    sandbox.shiftClock(0);

    rmSync(sandbox.path('log', 'db'), { recursive: true });
    cpSync(sandbox.path('backup'), sandbox.path('log', 'db'), { recursive: true });
    const restored = await serve();
    // The server listens, since the log can be read, and detects the rollback before it signs.
    const ready = await vi.waitUntil(
      async () => {
        const answer = await fetch(`${restored.url}/readyz`);
        return answer.status === 503 ? answer : undefined;
      },
      { timeout: 60_000, interval: 200 },
    );
    expect(await ready.text()).toMatch(
      /log-rolled-back: .*last-signed\.checkpoint says that this host has signed size/,
    );
    expect((await fetch(`${restored.url}/log/checkpoint`)).status).toBe(200);
    expect(await (await fetch(`${restored.url}/metrics`)).text()).toContain('glasskey_log_rolled_back 1');
    await restored.stop();
    // Such a database cannot end the log either.
    const end = await sandbox.run('admin', 'log', 'end', '--data', 'log');
    expect(end).toMatchObject({ code: 1 });
    expect(end.stderr).toContain('(log-rolled-back)');
    await witness.stop();
  }, 240_000);
});
