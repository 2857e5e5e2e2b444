import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { verifyCosignatures } from '../../src/core/audit/cosignature.ts';
import { parseNote } from '../../src/core/audit/note.ts';
import { formatVkey, parseVkey } from '../../src/core/audit/vkey.ts';
import { WitnessTestLog } from '../service/witness/witness-log.ts';
import { CliSandbox } from '../support/cli.ts';

const sandbox = new CliSandbox();
const log = new WitnessTestLog('log.example/of-somebody-else');
const vkey = formatVkey(log.signer.vkey);
afterAll(() => sandbox.remove());

const post = async (url: string, body: string): Promise<Response> =>
  fetch(`${url}/add-checkpoint`, { method: 'POST', body });

describe('glasskey witness', () => {
  it('makes keys once, and shows them', async () => {
    const made = await sandbox.run('witness', 'init', '--data', 'w', '--name', 'witness.example/w');
    expect(made).toMatchObject({ code: 0 });
    const vkeys = made.stdout.trim().split('\n').map(parseVkey);
    expect(vkeys.map(({ name, type }) => [name, type])).toEqual([
      ['witness.example/w', 4],
      ['witness.example/w', 6],
    ]);
    expect(await sandbox.run('witness', 'keys', '--data', 'w')).toMatchObject({ code: 0, stdout: made.stdout });
    expect(await sandbox.run('witness', 'init', '--data', 'w', '--name', 'witness.example/w')).toMatchObject({
      code: 1,
    });
    for (const key of ['ed25519', 'ml-dsa-44']) {
      const path = sandbox.path('w', 'keys', `${key}.pem`);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readFileSync(path, 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    }
  });

  it('refuses names and keys that are none, and folders of something else', async () => {
    expect(await sandbox.run('witness', 'init', '--data', 'x', '--name', 'a b')).toMatchObject({ code: 1 });
    expect(await sandbox.run('witness', 'add-log', 'nonsense', '--data', 'w')).toMatchObject({ code: 1 });
    expect(await sandbox.run('witness', 'add-log', vkey, '--data', 'elsewhere')).toMatchObject({ code: 1 });
    expect(await sandbox.run('witness', 'serve', '--data', 'elsewhere')).toMatchObject({ code: 1 });
  });

  it('cosigns logs that it is told of, while it runs and after a restart', async () => {
    const keys = (await sandbox.run('witness', 'keys', '--data', 'w')).stdout.trim().split('\n').map(parseVkey);
    const start = () => sandbox.start(['witness', 'serve'], '--data', 'w', '--listen', '127.0.0.1:0');
    const first = await start();
    expect((await post(first.url, await log.request(0, 5))).status).toBe(404);
    expect(await sandbox.run('witness', 'add-log', vkey, '--data', 'w')).toMatchObject({ code: 0 });
    const cosigned = await vi.waitUntil(
      async () => {
        const answer = await post(first.url, await log.request(0, 5));
        return answer.status === 200 ? answer : undefined;
      },
      { timeout: 30_000, interval: 200 },
    );
    const note = parseNote((await log.checkpoint(5)) + (await cosigned.text()));
    expect(verifyCosignatures(note, keys)).toHaveLength(2);
    expect(await sandbox.run('witness', 'serve', '--data', 'w')).toMatchObject({ code: 1 });
    expect(await first.stop()).toBe(0);
    const second = await start();
    expect((await post(second.url, await log.fork(3).request(0, 9))).status).toBe(409);
    expect((await post(second.url, await log.fork(3).request(5, 9))).status).toBe(422);
    expect((await post(second.url, await log.request(5, 9))).status).toBe(200);
    appendFileSync(sandbox.path('w', 'logs.txt'), 'nonsense\n');
    expect(await second.stop()).toBe(0);
    expect(await sandbox.run('witness', 'serve', '--data', 'w')).toMatchObject({ code: 1 });
  }, 120_000);
});
