import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATHS } from '../../src/contract/paths.ts';
import { CliSandbox } from '../support/cli.ts';

const DAY_MS = 86_400_000;
const box = new CliSandbox();
let url: string;
let token: string[];

/** What the proxy makes of the server's answers; nothing by default. */
let twist: (path: string, body: Buffer) => { status?: number; type?: string; body: Buffer } = (_, body) => ({ body });
let proxy: Server;
let proxied: string;

beforeAll(async () => {
  ({ url } = await box.serve(...(await box.logInPostgres('server')), '--dev', '--listen', '127.0.0.1:0'));
  token = ['--token-file', box.path('server/registration.token')];
  proxy = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '/';
      const { authorization = '', 'content-type': type = '' } = request.headers;
      const headers = { 'content-type': type, authorization };
      const sent = request.method === 'POST' ? { method: 'POST', headers, body: Buffer.concat(chunks) } : {};
      void fetch(url + path, sent).then(async (answer) => {
        const twisted = twist(path, Buffer.from(await answer.arrayBuffer()));
        const answered = twisted.type ?? answer.headers.get('content-type') ?? '';
        response.writeHead(twisted.status ?? answer.status, { 'content-type': answered }).end(twisted.body);
      });
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  proxied = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const made = await box.run('register', 'bob@example.com', '--server', url, ...token, '--out', 'bob');
  expect(made.code).toBe(0);
}, 60_000);
afterAll(async () => {
  proxy.close();
  await box.remove();
});

describe('a server that lies', () => {
  it('leaves evidence with what was known, asked and answered, and does not change the state', async () => {
    twist = (_, body) => ({ body });
    const lookup = () => box.run('lookup', 'bob@example.com', '--server', proxied, '--state', 'contact');
    expect((await lookup()).code).toBe(0);
    const before = readFileSync(box.path('contact/state.json'), 'utf8');
    let lie = '';
    twist = (path, body) => {
      if (path !== PATHS.lookup) return { body };
      body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
      lie = body.toString('base64');
      return { body };
    };
    const caught = await lookup();
    expect(caught.code).toBe(2);
    const [, path = ''] = /^glasskey: evidence written to (\S+)$/m.exec(caught.stderr) ?? [];
    expect(statSync(box.path(path)).mode & 0o777).toBe(0o600);
    const evidence = JSON.parse(readFileSync(box.path(path), 'utf8')) as { code: string };
    expect(evidence).toMatchObject({
      command: 'lookup',
      known: { bundle: expect.stringContaining('"origin"') as string, view: expect.any(String) as string },
      exchanges: [
        { url: proxied + PATHS.trustBundle, status: 200 },
        { url: proxied + PATHS.lookup, response: lie },
        // Asked for again: a newer bundle might have explained the answer.
        { url: proxied + PATHS.trustBundle, status: 200 },
      ],
    });
    expect(caught.stderr).toContain(`(${evidence.code})`);
    expect(readFileSync(box.path('contact/state.json'), 'utf8')).toBe(before);
    twist = (_, body) => ({ body });
    expect((await lookup()).code).toBe(0);
  }, 60_000);

  it('has no token in the evidence', async () => {
    twist = (path, body) => {
      if (path !== PATHS.certificates) return { body };
      const answer = JSON.parse(body.toString()) as { proof: string };
      const proof = Buffer.from(answer.proof, 'base64');
      proof[proof.length - 1] = (proof.at(-1) ?? 0) ^ 1;
      return { body: Buffer.from(JSON.stringify({ ...answer, proof: proof.toString('base64') })) };
    };
    const eve = ['register', 'eve@example.com', '--server', proxied, ...token, '--out', 'eve', '--state', 'owner'];
    expect((await box.run(...eve)).code).toBe(2);
    expect(readdirSync(box.path('eve'))).not.toContain('certificate.pem');
    const secret = readFileSync(box.path('server/registration.token'), 'utf8').trim();
    const files = readdirSync(box.path('owner'));
    expect(files.some((name) => name.startsWith('evidence-'))).toBe(true);
    const all = files.map((name) => readFileSync(box.path('owner', name), 'utf8')).join('');
    expect(all).toContain(PATHS.certificates);
    expect(all).not.toContain(secret);
    expect(all).not.toContain(Buffer.from(secret).toString('base64').slice(0, 20));
    twist = (_, body) => ({ body });
    expect((await box.run(...eve)).code).toBe(0);
  }, 60_000);

  it('cannot make trust write a bundle that its key did not sign', async () => {
    twist = (_, body) => ({
      body: Buffer.from(body.toString().replace(/"recoveryDelayMs": ?\d+/, '"recoveryDelayMs": 1')),
    });
    const result = await box.run('trust', '--server', proxied, '--out', 'false.json');
    expect([result.code, result.stderr.includes('(bad-bundle)')]).toEqual([2, true]);
    expect(readdirSync(box.folder)).not.toContain('false.json');
  });

  it('cannot write to the terminal', async () => {
    const detail = 'no\u001b]0;owned\u0007\r\nglasskey: all is well (fine)';
    twist = (path, body) =>
      path === PATHS.trustBundle
        ? { body }
        : {
            status: 403,
            type: 'application/problem+json',
            body: Buffer.from(JSON.stringify({ code: 'forbidden', detail })),
          };
    const result = await box.run('lookup', 'bob@example.com', '--server', proxied, '--state', 'terminal');
    expect(result.code).toBe(1);
    expect(result.stderr.split('\n').filter((line) => line.startsWith('glasskey:'))).toHaveLength(1);
    // eslint-disable-next-line no-control-regex
    expect(result.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });
});

describe('a person who errs', () => {
  it.each([
    ['a trust file that is none', ['lookup', 'bob@example.com', '--trust', 'nonsense.txt'], 'usage'],
    ['a trust file that is missing', ['lookup', 'bob@example.com', '--trust', 'missing.txt'], 'usage'],
    ['a folder that is a file', ['lookup', 'bob@example.com', '--state', 'nonsense.txt'], 'storage-failed'],
    ['an unknown flag', ['rotate', 'bob@example.com', '--frob'], 'usage'],
    ['the old folder for the new key', ['rotate', 'bob@example.com', '--credentials', 'bob', '--out', 'bob'], 'usage'],
    ['the same for a further key', ['register', 'bob@example.com', '--credentials', 'bob', '--out', 'bob'], 'usage'],
    ['a serial that is none', ['revoke', 'bob@example.com', '--credentials', 'bob', '--serial', 'xyz'], 'usage'],
  ])('gets exit code 1 and one line with a code for %s', async (_, args, code) => {
    writeFileSync(box.path('nonsense.txt'), 'nonsense');
    const before = readFileSync(box.path('bob/certificate.pem'), 'utf8');
    const result = await box.run(...args, '--server', url);
    expect(result.code).toBe(1);
    // On first use the client says whom it trusts, and that no witness cosigns.
    const lines = result.stderr.split('\n').filter((line) => line !== '' && !/^(?:trusting|no witness) /.test(line));
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^glasskey: .* \\(${code}\\)$`))]);
    expect(readFileSync(box.path('bob/certificate.pem'), 'utf8')).toBe(before);
  });

  it('is told that its own clock is wrong, and not that a certificate is over', async () => {
    const verify = () => box.run('verify', 'bob/certificate.pem', '--server', url);
    box.shiftClock(100 * DAY_MS);
    const late = await verify();
    expect([late.code, late.stderr.includes('(tree-head-too-old)')]).toEqual([1, true]);
    box.shiftClock(-DAY_MS);
    const early = await verify();
    expect([early.code, early.stderr.includes('(certificate-expired)')]).toEqual([1, true]);
    box.shiftClock(0);
    expect((await verify()).code).toBe(0);
  }, 60_000);
});
