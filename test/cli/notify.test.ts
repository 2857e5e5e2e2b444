import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';

const NAME = 'alice@example.com';
const box = new CliSandbox();
let mail: TestMailServer;
let to: string[];

beforeAll(async () => {
  mail = await startMailServer();
  const log = await box.logInPostgres('server');
  expect((await box.run('init', ...log)).code).toBe(0);
  const email = `[email]\nsmtp = "smtp://127.0.0.1:${mail.port}"\nfrom = "keys@example.com"\n`;
  writeFileSync(box.path('server', 'glasskey.toml'), `${email}\n[notify]\n`);
  const running = await box.serve(...log, '--listen', '127.0.0.1:0');
  to = ['--server', running.url, '--trust', 'server/trust.json'];
}, 180_000);
afterAll(async () => {
  await box.remove();
  await mail.close();
});

it('an owner adds an address, confirms it, is told of a new key by the running server, and removes it', async () => {
  const register = await box.run(
    'register',
    NAME,
    ...to,
    '--token-file',
    'server/registration.token',
    '--out',
    'alice',
  );
  expect(register.code).toBe(0);
  let signed = ['--credentials', 'alice'];
  const added = await box.run('notify', 'add', NAME, 'mailto:alice@elsewhere.example', ...to, ...signed);
  expect([added.code, added.stdout]).toEqual([0, expect.stringContaining(`Next: glasskey notify confirm ${NAME} `)]);
  const [id = ''] = /^[0-9a-f]{32}/m.exec(added.stdout) ?? [];
  const confirmed = await box.run('notify', 'confirm', NAME, id, mail.lastCode(), ...to);
  expect([confirmed.code, confirmed.stdout]).toEqual([0, expect.stringContaining('a…@elsewhere.example: confirmed')]);
  expect(confirmed.stdout).toContain('glasskey monitor');

  const rotated = await box.run('rotate', NAME, ...to, ...signed, '--out', 'alice2');
  expect(rotated.code).toBe(0);
  signed = ['--credentials', 'alice2'];
  const told = (): number => mail.mails.filter(({ raw }) => raw.includes('keys of alice@example.com changed')).length;
  await expect.poll(told, { timeout: 60_000, interval: 500 }).toBe(1);

  const list = await box.run('notify', 'list', NAME, ...to, ...signed, '--json');
  expect(JSON.parse(list.stdout)).toMatchObject({ identity: NAME, addresses: [{ id, state: 'confirmed' }] });
  const removed = await box.run('notify', 'remove', NAME, id, ...to, ...signed);
  expect([removed.code, removed.stdout]).toEqual([0, expect.stringMatching(/: former, until \d{4}-/)]);
});

it('an address inside the network is refused, and so is one that is none', async () => {
  const add = (address: string) => box.run('notify', 'add', NAME, address, ...to, '--credentials', 'alice2');
  const inside = await add('https://127.0.0.1/');
  expect([inside.code, inside.stderr]).toEqual([1, expect.stringContaining('did not answer as it must')]);
  const user = await add('https://user@hooks.example.com/');
  expect([user.code, user.stderr]).toEqual([1, expect.stringContaining('(invalid-request)')]);
});
