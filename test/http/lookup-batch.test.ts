import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { createCsr } from '../../src/client/csr.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { parseHex } from '../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import {
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
  MAXIMUM_BATCH_LABELS,
} from '../../src/core/keytrans/lookup-batch-messages.ts';
import { MAX_RECORD_BYTES_SHOWN } from '../../src/service/prover/answer-budget.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';

const SECRET = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
const ALICE = 'alice@example.com';
const THERE = 'tel:+15551234567';
const ABSENT = 'tel:+15557654321';
const BURST = 70;

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start({
    rateLimits: {
      perClient: undefined,
      perApplication: undefined,
      trustedProxies: ['127.0.0.1'],
      perAsker: { perSecond: 0.001, burst: BURST },
      lookups: { privateKinds: ['tel'], secret: SECRET },
    },
  });
  for (const identity of [ALICE, THERE]) {
    const order = {
      identity,
      csr: await createCsr(identityOf(identity), await generateKey()),
      change: undefined,
      last: undefined,
    };
    await operator.server.log.service.issue({ ...order, token: operator.server.log.token });
  }
});
afterAll(() => operator.stop());

let hosts = 0;
const somebody = (): string => `192.0.2.${(hosts += 1)}`;

async function post(body: Uint8Array, { from = somebody(), type = KEYTRANS_MEDIA_TYPE } = {}): Promise<Response> {
  const headers = { 'content-type': type, 'x-forwarded-for': from };
  return fetch(operator.server.url + PATHS.lookupBatch, { method: 'POST', headers, body: new Uint8Array(body) });
}

/** Outcomes as one asks; of refused ones their codes. */
async function ask(names: readonly string[], from = somebody()) {
  const labels = names.map((name) => identityOf(name).label);
  const response = await post(encode(lookupBatchRequestCodec, { last: undefined, labels }), { from });
  expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
  const body = new Uint8Array(await response.arrayBuffer());
  const { outcomes } = decode(lookupBatchResponseCodec, body);
  const told = outcomes.map((one) => {
    if (one.type !== 'refused') return one.type;
    return (JSON.parse(new TextDecoder().decode(one.problem)) as { code: string }).code;
  });
  return { body, told, outcomes };
}

const absent = (count: number): string[] => Array.from({ length: count }, (_, i) => `absent${i}@example.com`);

describe('a batch of lookups', () => {
  it('answers each name by itself, also one that is there twice', async () => {
    const { told, outcomes } = await ask([ALICE, ABSENT, 'nobody@example.com', ALICE]);
    expect(told).toEqual(['answered', 'unauthenticated', 'answered', 'answered']);
    expect(outcomes[3]).toEqual(outcomes[0]);
  });

  it('tells nothing of private names, there or not, and looks nothing up for them', async () => {
    const { store, vrf } = operator.server.log.context;
    const reads = [vi.spyOn(store, 'readLabelAt'), vi.spyOn(store, 'readHashedLabelAt')];
    const spies = [...reads, vi.spyOn(vrf, 'labelKey')];
    const [there, none] = [await ask([THERE]), await ask([ABSENT])];
    expect(there.told).toEqual(['unauthenticated']);
    expect(there.body).toEqual(none.body);
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it('costs as many questions as it has names', async () => {
    const from = somebody();
    expect((await ask(absent(60), from)).told).toEqual(absent(60).map(() => 'answered'));
    const { told } = await ask([...absent(12), ALICE], from);
    expect(told).toEqual([...absent(BURST - 60).map(() => 'answered'), ...Array<string>(3).fill('rate-limited')]);
    const alone = await fetch(operator.server.url + PATHS.lookup, {
      method: 'POST',
      headers: { 'content-type': KEYTRANS_MEDIA_TYPE, 'x-forwarded-for': from },
      body: Uint8Array.of(0, 1, 65),
    });
    expect(alone.status).toBe(429);
  });

  it('ends for a client where the server has had enough of it', async () => {
    let asked = 0;
    const from = somebody();
    const client = await KeyDirectory.open({
      server: operator.server.url,
      state: new MemoryState(),
      now: operator.server.log.clock.now,
      fetch: (url, init) => {
        if (init?.method === 'POST') asked += 1;
        return fetch(url, { ...init, headers: { ...(init?.headers as object), 'x-forwarded-for': from } });
      },
    });
    const outcomes = await client.lookupMany(absent(200));
    const codes = outcomes.map(({ error }) => (isGlasskeyError(error) ? error.code : 'fine'));
    expect(codes).toEqual(absent(200).map((_, i) => (i < BURST ? 'fine' : 'rate-limited')));
    expect(asked).toBe(2);
  });

  it('has an answer of bounded size: what does not fit is put off', async () => {
    const large = Array.from({ length: 20 }, (_, i) => `large${i}@example.com`);
    const value = new Uint8Array(64 * 1024);
    for (const name of large) await operator.appendVersions(name, [{ version: 0, value }]);
    const { body, told } = await ask([ABSENT, ...large, ABSENT]);
    expect(body.length).toBeLessThanOrEqual(MAX_RECORD_BYTES_SHOWN + 16 * 1024);
    expect(told).toEqual([
      'unauthenticated',
      ...Array<string>(15).fill('answered'),
      ...Array<string>(5).fill('later'),
      'unauthenticated',
    ]);
  });
});

describe('what is no batch', () => {
  const head = '00';
  const labels = (count: number): string => count.toString(16).padStart(2, '0') + '0141'.repeat(count);
  it.each([
    ['nothing', '', 400, 'malformed-encoding'],
    ['no labels', `${head}00`, 400, 'malformed-encoding'],
    ['more labels than may be', head + labels(MAXIMUM_BATCH_LABELS + 1), 400, 'malformed-encoding'],
    ['fewer labels than it says', `${head}020141`, 400, 'malformed-encoding'],
    ['something behind it', `${head}01014100`, 400, 'malformed-encoding'],
    ['a tree of size 0', `01${'00'.repeat(8)}${labels(1)}`, 400, 'invalid-request'],
    ['a tree that is too large', `01${'00'.repeat(3)}ff${'00'.repeat(4)}${labels(1)}`, 503, 'too-far-behind'],
    ['too much', '00'.repeat(17 * 1024 + 1), 413, 'payload-too-large'],
  ])('is refused: %s', async (_, hex, status, code) => {
    const response = await post(parseHex(hex));
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it('is refused: another media type', async () => {
    expect((await post(parseHex(head + labels(1)), { type: 'application/json' })).status).toBe(415);
    expect((await post(parseHex(head + labels(1)))).status).toBe(200);
  });
});
