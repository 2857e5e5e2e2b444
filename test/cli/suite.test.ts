import { readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { parseBase64 } from '../../src/core/encoding/bytes.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { CliSandbox } from '../support/cli.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

describe('a log of the cipher suite P-256', () => {
  it('is made, serves, and is looked up and audited, from the command line', async () => {
    const log = await box.logInPostgres('server');
    expect((await box.run('init', ...log, '--suite', 'p256')).code).toBe(0);
    const { bundle } = parseTrustBundle(readFileSync(box.path('server/trust.json'), 'utf8'));
    const configuration = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
    expect(configuration.cipherSuite).toBe(1);

    const { url, stop } = await box.serve(...log, '--listen', '127.0.0.1:0');
    const client = ['--server', url, '--state', 'state'];
    const token = ['--token-file', box.path('server/registration.token')];
    expect((await box.run('lookup', 'alice@example.com', ...client)).code).toBe(3);
    const registered = await box.run('register', 'alice@example.com', '--server', url, ...token, '--out', 'alice');
    expect([registered.code, registered.stderr.includes('error')]).toEqual([0, false]);
    expect((await box.run('verify', 'alice/certificate.pem', ...client)).code).toBe(0);
    const change = ['--credentials', 'alice', '--out', 'alice2'];
    expect((await box.run('rotate', 'alice@example.com', '--server', url, ...change)).code).toBe(0);
    const found = await box.run('lookup', 'alice@example.com', ...client, '--json');
    expect(JSON.parse(found.stdout)).toMatchObject({ version: 1, change: { type: 'key' } });
    expect((await box.run('audit', url, '--state', 'state')).code).toBe(0);
    expect(await stop()).toBe(0);

    // The log is opened again with the same keys.
    const again = await box.serve(...log, '--listen', '127.0.0.1:0');
    expect(
      (await box.run('lookup', 'alice@example.com', '--server', again.url, '--trust', 'server/trust.json')).code,
    ).toBe(0);
    expect(await again.stop()).toBe(0);
  }, 120_000);

  it('is not gone on with as one of another suite', async () => {
    expect((await box.run('init', '--data', 'begun', '--suite', 'p256', '--public-url', 'nonsense')).code).toBe(1);
    expect((await box.run('init', '--data', 'begun', '--suite', 'p256')).code).toBe(0);
    rmSync(box.path('begun/glasskey.json'));
    const other = await box.run('init', '--data', 'begun');
    expect([other.code, other.stderr]).toEqual([
      1,
      'glasskey: this folder already has keys for --suite p256 (usage)\n',
    ]);
    expect((await box.run('init', '--data', 'begun', '--suite', 'p256')).code).toBe(0);
  }, 60_000);
});
