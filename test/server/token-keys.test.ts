import { X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { NO_SOFT_HSM, SoftHsm } from '../support/soft-hsm.ts';

const box = new CliSandbox();
let hsm: SoftHsm;

/** The settings of a log with all keys but the VRF's in the token. */
const settings = (): string => `
[pkcs11]
module = "${hsm.module}"
token = "${hsm.label}"
pin = "file:token.pin"
[pkcs11.keys]
root = { label = "root" }
issuer = { label = "issuing", id = "0a01" }
tree_head = { id = "0b" }
checkpoint = { label = "checkpoint" }
ocsp = { label = "ocsp" }
bundle = { label = "bundle" }
`;

describe.skipIf(NO_SOFT_HSM !== undefined)(
  `a log with its keys in a token${NO_SOFT_HSM === undefined ? '' : `: ${NO_SOFT_HSM}`}`,
  () => {
    beforeAll(() => {
      hsm = new SoftHsm();
      Object.assign(box.variables, hsm.variables);
      mkdirSync(box.path('server'), { mode: 0o700 });
      writeFileSync(box.path('server', 'glasskey.toml'), settings());
      writeFileSync(box.path('server', 'token.pin'), `${hsm.pin}\n`, { mode: 0o600 });
    });
    afterAll(async () => {
      await box.remove();
      hsm.remove();
    });

    it('is made in it, where an administrator can have made some keys with other tools', async () => {
      const early = await box.run('init', '--data', 'server');
      expect([early.code, early.stderr.includes('(hsm-refused)')]).toEqual([1, true]);
      hsm.makeKey('EC:prime256v1', 'issuing', '0a01');
      const made = await box.run('ca', 'create-token-keys', '--data', 'server', '--json');
      expect([made.code, made.stderr]).toEqual([0, '']);
      const keys = JSON.parse(made.stdout) as { purpose: string; algorithm: string; made: boolean }[];
      expect(keys.map((one) => `${one.purpose} ${one.algorithm} ${one.made}`)).toEqual([
        'root p256 true',
        'issuer p256 false',
        'tree-head ed25519 true',
        'checkpoint ed25519 true',
        'ocsp p256 true',
        'bundle ed25519 true',
      ]);
      expect((await box.run('init', '--data', 'server', '--suite', 'p256')).stderr).toContain(
        '--suite ed25519 (usage)',
      );
      const init = await box.run('init', '--data', 'server', '--public-url', 'https://keys.example');
      expect([init.code, init.stderr]).toEqual([0, '']);
      const files = ['root', 'issuer', 'tree-head', 'checkpoint', 'bundle', 'vrf'];
      expect(files.filter((name) => existsSync(box.path('server', 'keys', `${name}.pem`)))).toEqual(['vrf']);
    }, 240_000);

    it('serves, says when the token is gone, and goes on when it is back', async () => {
      const { url, stop } = await box.serve('--data', 'server', '--embedded', '--listen', '127.0.0.1:0');
      const register = (name: string) =>
        box.run(
          'register',
          `${name}@example.com`,
          '--server',
          url,
          '--token-file',
          'server/registration.token',
          '--out',
          name,
        );
      const signer = async () => {
        const { checks } = (await (await fetch(`${url}/readyz`)).json()) as {
          checks: { name: string; detail: string }[];
        };
        return checks.find(({ name }) => name === 'signer')?.detail;
      };
      expect((await register('alice')).code).toBe(0);
      expect((await box.run('audit', url)).code).toBe(0);
      expect(await signer()).toBe('ok');
      hsm.unplug();
      await expect.poll(signer, { timeout: 60_000 }).toContain('hsm-unavailable');
      const refused = await register('bob');
      expect([refused.code, refused.stderr.includes('(hsm-unavailable)')]).toEqual([1, true]);
      hsm.plugIn();
      await expect.poll(signer, { timeout: 60_000 }).toBe('ok');
      expect((await register('bob')).code).toBe(0);
      expect((await box.run('audit', url)).code).toBe(0);
      expect((await box.run('verify', 'bob/certificate.pem', '--server', url)).code).toBe(0);
      expect(await stop()).toBe(0);
      const [root, issuer] = ['root', 'issuer'].map((name) => box.path('server', 'ca', `${name}.pem`));
      const chain = ['verify', '-x509_strict', '-CAfile', root ?? '', '-untrusted', issuer ?? ''];
      execFileSync('openssl', [...chain, box.path('bob/certificate.pem')], { stdio: 'pipe' });
      const issued = new X509Certificate(readFileSync(box.path('server', 'ca', 'issuer.pem')));
      expect(issued.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    }, 240_000);

    it('never says the PIN, and wants it readable by its owner alone', async () => {
      writeFileSync(box.path('server', 'token.pin'), '99817263\n');
      const wrong = await box.run('serve', '--data', 'server', '--embedded', '--listen', '127.0.0.1:0');
      expect([wrong.code, wrong.stderr.includes('(hsm-refused)')]).toEqual([1, true]);
      expect(wrong.stderr + wrong.stdout).not.toContain('99817263');
      writeFileSync(box.path('server', 'open.pin'), `${hsm.pin}\n`, { mode: 0o644 });
      writeFileSync(box.path('server', 'glasskey.toml'), settings().replace('token.pin', 'open.pin'));
      const open = await box.run('serve', '--data', 'server', '--embedded', '--listen', '127.0.0.1:0');
      expect([open.code, open.stderr.includes('(bad-key-file)')]).toEqual([1, true]);
      writeFileSync(box.path('server', 'glasskey.toml'), settings().replace('file:token.pin', 'env:TOKEN_PIN'));
      const unset = await box.run('serve', '--data', 'server', '--embedded', '--listen', '127.0.0.1:0');
      expect([unset.code, unset.stderr.includes('(hsm-refused)')]).toEqual([1, true]);
    }, 240_000);
  },
);
