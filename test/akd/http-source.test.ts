import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { httpSource } from '../../src/akd/http-source.ts';
import { withNames } from '../../src/akd/named-source.ts';
import { platformFetch } from '../../src/core/net/bounded-fetch.ts';
import { type AkdBucket, startAkdBucket } from '../support/akd-bucket.ts';

const HASH = 'ab'.repeat(32);
const name = (epoch: number, current = HASH) => `${epoch}/${HASH}/${current}`;
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('the objects of a bucket', () => {
  let bucket: AkdBucket;
  const source = (maxBytes = 100) => httpSource({ base: bucket.url, fetch: platformFetch, timeoutMs: 5_000, maxBytes });
  beforeAll(async () => {
    const objects = [2, 3, 10, 11, 20, 100, 101, 110].map((epoch) => [name(epoch), new Uint8Array(epoch)] as const);
    bucket = await startAkdBucket(objects);
  });
  beforeEach(() => {
    bucket.lie = () => false;
    bucket.requests.length = 0;
  });
  afterAll(() => bucket.close());

  it('are found by their epoch, and by no other that begins alike', async () => {
    expect(await source().namesOf(10)).toEqual([name(10)]);
    expect(await source().namesOf(1)).toEqual([]);
    expect(bucket.requests[0]).toBe('/?list-type=2&prefix=10%2F');
  });

  it('have a lowest epoch, though a listing sorts names as text', async () => {
    expect(await source().firstEpoch()).toBe(2);
    expect(bucket.requests).toHaveLength(3);
    expect(bucket.requests[1]).toContain('start-after=');
  });

  it('are read within their bound', async () => {
    expect(await source().read(name(100))).toHaveLength(100);
    await expect(source().read(name(101))).rejects.toEqual(code('bad-response'));
    await expect(source().read(name(5))).rejects.toEqual(code('bad-response'));
  });

  const answer = (xml: string) => (_: unknown, response: { end(text: string): unknown }) => {
    response.end(xml);
    return true;
  };
  const page = (keys: readonly string[], isTruncated: boolean) =>
    `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('')}</ListBucketResult>`;

  it.each([
    ['repeats a page for ever', page([name(1)], true)],
    ['lists out of order', page([name(2), name(1)], false)],
    ['says that more follow nothing', page([], true)],
    ['is not XML', 'gone'],
    ['is too long', ' '.repeat(5 * 2 ** 20)],
  ])('are refused where the bucket %s', async (_, xml) => {
    bucket.lie = answer(xml);
    await expect(source().firstEpoch()).rejects.toEqual(code('bad-response'));
  });

  it('are refused where the bucket lists another epoch than the one asked for', async () => {
    bucket.lie = answer(page([name(3)], false));
    await expect(source().namesOf(2)).rejects.toEqual(code('bad-response'));
  });

  it('are not followed elsewhere', async () => {
    bucket.lie = (_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
      return true;
    };
    await expect(source().read(name(2))).rejects.toEqual(code('bad-response'));
    await expect(source().namesOf(2)).rejects.toEqual(code('bad-response'));
  });

  it('end with the deadline where the bucket does not', async () => {
    bucket.lie = (_, response) => response.writeHead(200).write('<ListBucketResult>') || true;
    const slow = httpSource({ base: bucket.url, fetch: platformFetch, timeoutMs: 200, maxBytes: 100 });
    await expect(slow.namesOf(2)).rejects.toEqual(code('network-failed'));
  });

  it('may have names from elsewhere, for a mirror that lists nothing', async () => {
    const named = withNames(source(), [name(10), name(3), name(3, 'cd'.repeat(32)), 'index.html']);
    expect(await named.namesOf(3)).toEqual([name(3), name(3, 'cd'.repeat(32))]);
    expect(await named.namesOf(4)).toEqual([]);
    expect(await named.firstEpoch()).toBe(3);
    expect(await named.read(name(10))).toHaveLength(10);
    expect(bucket.requests).toEqual([`/${name(10)}`]);
    const many = Array.from({ length: 500_001 }, () => 'a');
    expect(() => withNames(source(), many)).toThrow(code('usage'));
  });
});
