import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const sandbox = new CliSandbox();
let server: RunningCli;
const at = (...args: readonly string[]) => sandbox.run(...args, '--server', server.url);

beforeAll(async () => {
  server = await sandbox.serve(
    '--dev',
    ...(await sandbox.logInPostgres(sandbox.path('data'))),
    '--listen',
    '127.0.0.1:0',
  );
  const token = sandbox.path('data', 'registration.token');
  const registered = await at(
    'register',
    'bob@example.com',
    '--token-file',
    token,
    '--out',
    'bob',
    '--state',
    'bob-state',
  );
  expect(registered).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => sandbox.remove());

describe('glasskey credential', () => {
  it('makes one that a contact verifies without the server', async () => {
    expect(await at('heads', '--state', 'alice-state')).toMatchObject({ code: 0 });
    const made = await at(
      'credential',
      'make',
      'bob@example.com',
      '--state',
      'bob-state',
      '--out',
      sandbox.path('bob.cred'),
    );
    expect(made).toMatchObject({ code: 0 });
    const verified = await at('credential', 'verify', sandbox.path('bob.cred'), '--state', 'alice-state', '--json');
    expect(verified).toMatchObject({ code: 0 });
    expect(JSON.parse(verified.stdout)).toMatchObject({
      identity: 'bob@example.com',
      version: 0,
      change: { type: 'first-seen' },
    });
  });

  it('ends with 2 for a false one, and with 1 for none', async () => {
    const text = readFileSync(sandbox.path('bob.cred'), 'utf8');
    const lines = text.split('\n');
    const body = Buffer.from(lines.slice(1, -2).join(''), 'base64');
    body[body.length - 40] = (body.at(-40) ?? 0) ^ 1;
    writeFileSync(sandbox.path('false.cred'), [lines[0], body.toString('base64'), lines.at(-2), ''].join('\n'));
    expect(await at('credential', 'verify', sandbox.path('false.cred'), '--state', 'alice-state')).toMatchObject({
      code: 2,
    });
    expect(await at('credential', 'verify', sandbox.path('nothing'), '--state', 'alice-state')).toMatchObject({
      code: 1,
    });
    expect(await at('credential', 'verify', sandbox.path('bob.cred'), '--state', 'new-state')).toMatchObject({
      code: 1,
    });
  });
});

describe('glasskey heads', () => {
  it('of two people of one log agree, as text and as a QR code', async () => {
    const bob = await at('heads', '--state', 'bob-state', '--qr', '--svg', sandbox.path('bob.svg'));
    expect(bob).toMatchObject({ code: 0 });
    expect(bob.stdout).toMatch(/█/);
    expect(readFileSync(sandbox.path('bob.svg'), 'utf8')).toMatch(/^<svg/);
    const [text = ''] = bob.stdout.split('\n');
    expect(await at('heads', 'compare', text, '--state', 'alice-state')).toMatchObject({ code: 0 });
    const raw = Buffer.from(text.slice('glasskey-heads:'.length), 'base64url');
    raw[raw.length - 1] = (raw.at(-1) ?? 0) ^ 1;
    writeFileSync(sandbox.path('theirs.txt'), `glasskey-heads:${raw.toString('base64url')}\n`);
    expect(await at('heads', 'compare', sandbox.path('theirs.txt'), '--state', 'alice-state')).toMatchObject({
      code: 2,
    });
  });
});
