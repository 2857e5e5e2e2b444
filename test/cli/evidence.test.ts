import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { startProvider, type TestProvider } from '../support/oidc-provider.ts';

const box = new CliSandbox();
let log: readonly string[];
let mail: TestMailServer;
let provider: TestProvider;
let to: string[];

const settings = (text: string) => writeFileSync(box.path('server', 'glasskey.toml'), text);

beforeAll(async () => {
  [mail, provider] = await Promise.all([startMailServer(), startProvider()]);
  log = await box.logInPostgres('server');
  await box.run('init', ...log);
}, 180_000);
afterAll(async () => {
  await box.remove();
  await mail.close();
  await provider.close();
});

describe('config check', () => {
  it('tells what is wrong, line by line, and serve does not start with it', async () => {
    expect(await box.run('config', 'check', '--data', 'server')).toMatchObject({ code: 0 });
    settings('[limits.client]\nrequest = 5\nper = "1m"\n');
    const checked = await box.run('config', 'check', '--data', 'server');
    expect(checked.code).toBe(1);
    expect(checked.stdout).toMatch(/glasskey\.toml:2: limits\.client\.request: no such setting$/m);
    const json = await box.run('config', 'check', '--data', 'server', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ exists: true, problems: [{ line: 1 }, { line: 2 }] });
    const served = await box.run('serve', ...log, '--listen', '127.0.0.1:0');
    expect([served.code, served.stderr]).toEqual([1, expect.stringMatching(/glasskey\.toml:2.*\(usage\)$/m)]);
  }, 180_000);
});

describe('registering without an application', () => {
  beforeAll(async () => {
    settings(`[[policy]]
identities = "email"
domains = ["example.com"]
evidence = ["email", "oidc:${provider.issuer}"]

[[oidc]]
issuer = "${provider.issuer}"
audience = "${provider.audience}"
identity = "{email}"

[email]
smtp = "smtp://127.0.0.1:${mail.port}"
from = "keys@example.com"
`);
    const { url } = await box.serve(...log, '--listen', '127.0.0.1:0');
    to = ['--server', url];
  }, 180_000);

  it('works with an ID token of a real provider', async () => {
    const register = ['register', 'alice@example.com', ...to, '--out', 'alice'];
    const nonce = (await box.run(...register, '--oidc-nonce')).stdout.trim();
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const account = { sub: 'alice', email: 'alice@example.com', email_verified: true };
    writeFileSync(box.path('token'), `${await provider.logIn(account, nonce)}\n`);
    const made = await box.run(...register, '--oidc-token-file', 'token');
    expect([made.code, made.stdout]).toEqual([0, expect.stringContaining(`vouched for by ${provider.issuer}`)]);
    const found = await box.run('lookup', 'alice@example.com', ...to, '--json');
    expect(JSON.parse(found.stdout)).toMatchObject({
      authorization: { type: 'initial', evidence: { type: 'oidc', issuer: provider.issuer } },
    });
    const stolen = await box.run('register', 'alice@example.com', ...to, '--out', 'm', '--oidc-token-file', 'token');
    expect([stolen.code, stolen.stderr]).toEqual([1, expect.stringContaining('(token-refused)')]);
  }, 180_000);

  it('works with a code from a real mail', async () => {
    const register = ['register', 'bob@example.com', ...to, '--out', 'bob'];
    expect((await box.run(...register, '--email')).code).toBe(0);
    const wrong = await box.run(...register, '--email-code', 'AAAA-AAAA-AAAA-AAAA');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('(code-refused)')]);
    const made = await box.run(...register, '--email-code', mail.lastCode());
    expect([made.code, made.stdout]).toEqual([0, expect.stringContaining('vouched for by a confirmed e-mail')]);
  }, 180_000);

  it('takes exactly one kind of evidence, and no application’s word where it may not vouch', async () => {
    const register = ['register', 'carol@example.com', ...to, '--out', 'carol'];
    expect((await box.run(...register)).code).toBe(1);
    const token = box.path('server', 'registration.token');
    const both = await box.run(...register, '--token-file', token, '--email-code', 'x');
    expect([both.code, both.stderr]).toEqual([1, expect.stringContaining('(usage)')]);
    const forbidden = await box.run(...register, '--token-file', token);
    expect([forbidden.code, forbidden.stderr]).toEqual([1, expect.stringContaining('(forbidden)')]);
  }, 180_000);
});
