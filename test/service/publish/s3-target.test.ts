import { beforeEach, describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { publishLog } from '../../../src/service/publish/publish-log.ts';
import { S3Target } from '../../../src/service/publish/s3-target.ts';
import { FakeS3, type S3Fault } from '../../support/fake-s3.ts';
import { assertWhole, auditCopy, growTo, sourceOf, trustOf } from '../../support/publishing.ts';
import { StaticLog } from '../../support/static-log.ts';

let s3: FakeS3;
beforeEach(() => {
  s3 = new FakeS3();
});

const NOW = () => 2_000_000;
const code = (expected: string) => expect.objectContaining({ code: expected });
const open = (bucket = s3): Promise<S3Target> =>
  S3Target.open({
    endpoint: 'http://s3.test',
    bucket: 'bucket',
    prefix: 'copy/',
    region: 'us-east-1',
    accessKeyId: 'AKTEST',
    secretAccessKey: 'secret-of-the-bucket',
    fetch: bucket.fetch,
    retryMs: 0,
  });
const readerOf = (bucket: FakeS3) => async (path: string) => bucket.objects.get(`bucket/copy/${path}`);

describe('a bucket', () => {
  it('never has an object overwritten', async () => {
    const target = await open();
    expect(await target.create('a', encodeUtf8('one'))).toBe('written');
    expect(await target.create('a', encodeUtf8('one'))).toBe('there');
    await expect(target.create('a', encodeUtf8('two'))).rejects.toEqual(code('published-differs'));
    expect(s3.objects.get('bucket/copy/a')).toEqual(encodeUtf8('one'));
  });

  it('has its checkpoint replaced only where it is still the one that was read', async () => {
    const target = await open();
    await target.replace('c', encodeUtf8('one'), undefined);
    const first = await target.read('c');
    await target.replace('c', encodeUtf8('two'), first);
    await expect(target.replace('c', encodeUtf8('three'), first)).rejects.toEqual(code('head-moved'));
    await expect(target.replace('c', encodeUtf8('three'), undefined)).rejects.toEqual(code('head-moved'));
    s3.objects.delete('bucket/copy/c');
    await expect(target.replace('c', encodeUtf8('three'), first)).rejects.toEqual(code('head-moved'));
    expect(await target.read('c')).toBeUndefined();
  });

  it('is refused where it overwrites in spite of conditions', async () => {
    s3.isCareless = true;
    await expect(open()).rejects.toEqual(code('unsupported-operation'));
  });

  it.each([400, 501] as const)('is refused, and why, where it answers conditions with %s', async (status) => {
    s3.refusesConditions = status;
    await expect(open()).rejects.toEqual(code('unsupported-operation'));
    await expect(open()).rejects.toThrow(/conditional writes \(NotImplemented\)/);
  });

  it('is told the hash of every body, how long it lasts, and no secret', async () => {
    const target = await open();
    await target.create('a', encodeUtf8('one'));
    const sent = s3.headers.at(-1) as Headers;
    expect(sent.get('x-amz-content-sha256')).toBe('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
    expect(sent.get('cache-control')).toContain('immutable');
    expect(sent.get('authorization')).toMatch(/^AWS4-HMAC-SHA256 Credential=AKTEST\//);
    expect([...sent].flat().join(' ')).not.toContain('secret-of-the-bucket');
    await target.replace('c', encodeUtf8('one'), undefined);
    expect(s3.headers.at(-1)?.get('cache-control')).toBe('public, max-age=1');
  });

  it('that is busy is asked again, and not for ever', async () => {
    s3.fault = (request) => (request <= 2 ? 'busy' : undefined);
    const target = await open();
    s3.fault = () => 'busy';
    const before = s3.requests.length;
    await expect(target.create('a', encodeUtf8('one'))).rejects.toEqual(code('storage-failed'));
    expect(s3.requests.length - before).toBe(4);
  });
});

describe('a log in a bucket', () => {
  it.each<S3Fault>(['lost request', 'lost answer', 'busy', 'broken answer'])(
    'is whole after a %s, whichever it was, and finished by the next run',
    async (fault) => {
      const log = new StaticLog('log.example/published');
      await growTo(log, 5);
      const small = { source: sourceOf(log), now: NOW, trust: trustOf(log) };
      for (let at = 1; ; at++) {
        const bucket = new FakeS3();
        const early = new StaticLog('log.example/published');
        await growTo(early, 3);
        await publishLog({ source: sourceOf(early), now: NOW, trust: trustOf(early), target: await open(bucket) });
        const start = bucket.requests.length;
        bucket.fault = (request) => (request === start + at ? fault : undefined);
        const run = async (): Promise<unknown> => publishLog({ ...small, target: await open(bucket), concurrency: 2 });
        const outcome = await run().catch((error: unknown) => error);
        const came = bucket.requests.length >= start + at;
        if (outcome instanceof Error) expect(outcome).toEqual(code('storage-failed'));
        expect([3, 5]).toContain(await assertWhole(log, readerOf(bucket)));
        bucket.fault = () => undefined;
        await publishLog({ ...small, target: await open(bucket) });
        expect(await auditCopy(log, readerOf(bucket))).toBe(5);
        if (!came) return expect(at).toBeGreaterThan(8);
      }
    },
    60_000,
  );
});
