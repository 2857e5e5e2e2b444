import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { publishLog } from '../../src/service/publish/publish-log.ts';
import { S3Target } from '../../src/service/publish/s3-target.ts';
import { CliSandbox } from '../support/cli.ts';
import { auditCopy, growTo, sourceOf, trustOf } from '../support/publishing.ts';
import { StaticLog } from '../support/static-log.ts';
import { type S3Server, startVersitygw, versitygwMissing } from '../support/versitygw.ts';

const missing = versitygwMissing();
const title = missing === undefined ? 'versitygw' : `versitygw (${missing})`;
const NOW = () => 2_000_000;
const code = (expected: string) => expect.objectContaining({ code: expected });

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('glasskey-log');
  }, 900_000);
  afterAll(() => server?.close());

  const open = (prefix: string, secretAccessKey = server.secretAccessKey): Promise<S3Target> => {
    const { endpoint, accessKeyId } = server;
    return S3Target.open({
      endpoint,
      bucket: 'glasskey-log',
      prefix,
      region: 'us-east-1',
      accessKeyId,
      secretAccessKey,
    });
  };

  it('holds a published log that grows, and audits of it pass', async () => {
    const log = new StaticLog('log.example/published');
    const target = await open('copy/');
    const reader = async (path: string) => (await target.read(path))?.bytes;
    for (const size of [10, 300, 301]) {
      await growTo(log, size);
      const published = await publishLog({ source: sourceOf(log), target, now: NOW, trust: trustOf(log) });
      expect(published).toMatchObject({ treeSize: size });
      expect(await auditCopy(log, reader)).toBe(size);
    }
    const again = await publishLog({
      source: sourceOf(log),
      target: await open('copy/'),
      now: NOW,
      trust: trustOf(log),
    });
    expect(again).toMatchObject({ entries: 0, files: 0 });
  }, 120_000);

  it('refuses to overwrite, and to replace what has changed', async () => {
    const target = await open('other/');
    expect(await target.create('log/head/1', encodeUtf8('one'))).toBe('written');
    expect(await target.create('log/head/1', encodeUtf8('one'))).toBe('there');
    await expect(target.create('log/head/1', encodeUtf8('two'))).rejects.toEqual(code('published-differs'));
    await target.replace('log/checkpoint', encodeUtf8('one'), undefined);
    const stored = await target.read('log/checkpoint');
    await target.replace('log/checkpoint', encodeUtf8('two'), stored);
    await expect(target.replace('log/checkpoint', encodeUtf8('three'), stored)).rejects.toEqual(code('head-moved'));
    await expect(target.replace('log/checkpoint', encodeUtf8('three'), undefined)).rejects.toEqual(code('head-moved'));
  });

  it('holds what `glasskey publish` puts there', async () => {
    const box = new CliSandbox();
    try {
      const log = await box.logInPostgres('server');
      const made = await box.run('init', ...log);
      expect(made, made.stderr).toMatchObject({ code: 0 });
      const { url } = await box.serve(...log, '--listen', '127.0.0.1:0');
      box.variables['AWS_ACCESS_KEY_ID'] = server.accessKeyId;
      box.variables['AWS_SECRET_ACCESS_KEY'] = server.secretAccessKey;
      box.variables['AWS_ENDPOINT_URL'] = server.endpoint;
      const published = await box.run('publish', url, '--to', 's3://glasskey-log/served/');
      expect(published, published.stderr).toMatchObject({ code: 0 });
      const target = await open('served/');
      expect((await target.read('.well-known/glasskey'))?.bytes.length).toBeGreaterThan(1000);
      expect((await target.read('log/checkpoint'))?.bytes.length).toBeGreaterThan(100);
      const again = await box.run('publish', url, '--to', 's3://glasskey-log/served', '--json');
      expect(again, again.stderr).toMatchObject({ code: 0 });
      expect(JSON.parse(again.stdout)).toMatchObject({ rootHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    } finally {
      await box.remove();
    }
  }, 120_000);

  it('refuses a wrong key', async () => {
    await expect(open('copy/', 'not the secret')).rejects.toEqual(code('storage-failed'));
  });
});
