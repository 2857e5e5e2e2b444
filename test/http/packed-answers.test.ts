import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { lookupBatchRequestCodec, lookupBatchResponseCodec } from '../../src/core/keytrans/lookup-batch-messages.ts';
import { lookupRequestCodec } from '../../src/core/keytrans/messages.ts';
import { acceptsGzip } from '../../src/http/packed-answer.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';

/** Bytes of gzip's header and trailer, and of an empty last block. */
const FRAME_BYTES = 10 + 2 + 8;
const [ALICE, BOB] = ['alice@example.com', 'bob@example.com'];

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
  for (const [i, name] of [ALICE, BOB].entries()) {
    const value = new Uint8Array(1_200).fill(i);
    await operator.appendVersions(name, [{ version: 0, value }]);
  }
  // Past half of max_behind, every answer is in the newest size: those for one name and for two can be compared.
  operator.server.log.clock.advance(6 * 60_000);
  await operator.appendNothing();
});
afterAll(() => operator.stop());

interface Raw {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Posts a question and returns the answer's bytes as they were sent. */
async function post(path: string, body: Uint8Array, accepts: string | undefined): Promise<Raw> {
  const headers = { 'content-type': KEYTRANS_MEDIA_TYPE, ...(accepts && { 'accept-encoding': accepts }) };
  const asking = request(operator.server.url + path, { method: 'POST', headers });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const chunks = await answer.toArray();
  expect(answer.statusCode).toBe(200);
  return { headers: answer.headers, body: Buffer.concat(chunks as Buffer[]) };
}

const lookUp = (name: string, accepts?: string): Promise<Raw> =>
  post(PATHS.lookup, encode(lookupRequestCodec, { last: undefined, label: identityOf(name).label }), accepts);
const lookUpMany = (names: readonly string[], accepts?: string): Promise<Raw> => {
  const labels = names.map((name) => identityOf(name).label);
  return post(PATHS.lookupBatch, encode(lookupBatchRequestCodec, { last: undefined, labels }), accepts);
};

describe('an answer', () => {
  it('is compressed for those who accept it, and the same bytes for all', async () => {
    const [plain, packed] = [await lookUp(ALICE), await lookUp(ALICE, 'gzip, deflate')];
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': `${packed.body.length}` });
    expect(packed.body.length).toBeLessThan(plain.body.length - 500);
    expect(gunzipSync(packed.body)).toEqual(plain.body);
    for (const { headers } of [plain, packed]) {
      expect(headers).toMatchObject({ 'cache-control': 'no-store', vary: 'accept-encoding' });
    }
  });

  it('stays as it is if it is short, for all that they accept', async () => {
    const short = await post(PATHS.lookupBatch, absentLabel(), 'gzip');
    expect(short.headers).toMatchObject({ vary: 'accept-encoding' });
    expect(short.headers['content-encoding']).toBeUndefined();
  });

  it.each([
    ['gzip', true],
    ['br, gzip', true],
    ['*', true],
    ['GZIP;q=0.5', true],
    [undefined, false],
    ['', false],
    ['identity', false],
    ['gzip;q=0', false],
    ['gzip;q=0.000, br', false],
    ['xgzip', false],
  ])('is compressed for %s: %s', (header, accepts) => {
    expect(acceptsGzip(header)).toBe(accepts);
  });
});

/** Asks for a label that is no identity and not in the log: the answer has a head, a proof and no record. */
const absentLabel = (): Uint8Array => encode(lookupBatchRequestCodec, { last: 3, labels: [Uint8Array.of(65)] });

describe('the names of a batch', () => {
  it('share no compression window, so that no length tells whether two are there', async () => {
    const lengthOf = async (names: readonly string[]): Promise<number> => {
      return (await lookUpMany(names, 'gzip')).body.length - FRAME_BYTES;
    };
    const [alice, bob] = [await lengthOf([ALICE]), await lengthOf([BOB])];
    // In a shared window, the second of two answers that are the same would cost a few bytes.
    const isSum = (length: number, sum: number): void => expect(Math.abs(length - sum)).toBeLessThan(16);
    isSum(await lengthOf([ALICE, BOB]), alice + bob);
    isSum(await lengthOf([ALICE, ALICE]), 2 * alice);
    isSum(await lengthOf([ALICE, BOB, ALICE]), 2 * alice + bob);
  });

  it('come in one gzip member of separate blocks: each can be inflated without those before', async () => {
    const plain = (await lookUpMany([ALICE, BOB])).body;
    const { body } = await lookUpMany([ALICE, BOB], 'gzip');
    expect(gunzipSync(body)).toEqual(plain);
    const alone = (await lookUpMany([ALICE], 'gzip')).body;
    const bobs = body.subarray(alone.length - FRAME_BYTES + 10, -8);
    expect(plain.subarray(-inflateRawSync(bobs).length)).toEqual(inflateRawSync(bobs));
  });

  it('are the same bytes where they are so many that threads compress them', async () => {
    const names = Array.from({ length: 64 }, (_, i) => (i % 16 === 0 ? `nobody${i}@example.com` : ALICE));
    const [plain, packed] = [await lookUpMany(names), await lookUpMany(names, 'gzip')];
    expect(plain.body.length).toBeGreaterThan(64 * 1024);
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body)).toEqual(plain.body);
    expect(decode(lookupBatchResponseCodec, plain.body).outcomes).toHaveLength(64);
  });
});
