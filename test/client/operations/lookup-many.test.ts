import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { KeyDirectory, type LookupOutcome } from '../../../src/client/key-directory.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import {
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
  type LookupBatchOutcome,
} from '../../../src/core/keytrans/lookup-batch-messages.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import { lie, LyingOperator } from '../../support/lying-operator.ts';
import { seededRandom } from '../../support/random.ts';
import { readState, register } from '../../support/victims.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start({
    rateLimits: {
      perClient: undefined,
      perApplication: undefined,
      trustedProxies: [],
      lookups: { privateKinds: ['tel'], secret: new TextEncoder().encode('0123456789abcdef0123456789abcdef') },
    },
  });
  for (const name of ['ann', 'bea', 'cid', 'gone']) await register(operator, `${name}@example.com`);
  await operator.server.log.service.erase({ identity: 'gone@example.com', who: 'admin:test' });
});
afterAll(() => operator.stop());

const NAMES = ['ann@example.com', 'bea@example.com', 'nobody@example.com', 'cid@example.com'];

const codeOf = ({ error }: LookupOutcome): string | undefined => (isGlasskeyError(error) ? error.code : undefined);
const codesOf = (outcomes: readonly LookupOutcome[]): (string | undefined)[] => outcomes.map(codeOf);

/** Counts batches, and lets somebody change their outcomes. */
function batches(change: (outcomes: readonly LookupBatchOutcome[]) => readonly LookupBatchOutcome[] = (same) => same) {
  const sizes: number[] = [];
  const fetch = lie(PATHS.lookupBatch, async (honest, init) => {
    sizes.push(decode(lookupBatchRequestCodec, new Uint8Array(init?.body as Uint8Array)).labels.length);
    const { outcomes } = decode(lookupBatchResponseCodec, new Uint8Array(await (await honest()).arrayBuffer()));
    return new Response(new Uint8Array(encode(lookupBatchResponseCodec, { outcomes: change(outcomes) })));
  });
  return { sizes, fetch };
}

/** A batch whose outcome `at` holds another response. */
const withResponse =
  (at: number, response: (was: Uint8Array) => Uint8Array) => (outcomes: readonly LookupBatchOutcome[]) =>
    outcomes.map((one, i): LookupBatchOutcome => {
      return i === at && one.type === 'answered' ? { ...one, response: response(one.response.slice()) } : one;
    });

async function one(client: KeyDirectory, asked: string): Promise<LookupOutcome> {
  try {
    return { asked, result: await client.lookup(asked) };
  } catch (error) {
    return { asked, error };
  }
}

describe('an address book', () => {
  it('gets what single lookups get, name by name, and leaves the same state', async () => {
    const names = [...NAMES, 'ANN@Example.com', 'gone@example.com', 'not an identity', 'tel:+15551234567'];
    const [many, single] = [new MemoryState(), new MemoryState()];
    const { sizes, fetch } = batches();
    // No earlier size is recent enough for an answer: all are of the newest one.
    const { service, clock } = operator.server.log;
    const { released } = await service.progress.released();
    clock.advance(6 * 60_000);
    await service.progress.waitForRelease(released.size + 1, 30_000);
    const outcomes = await (await operator.client({ state: many, fetch })).lookupMany(names);
    const alone = await operator.client({ state: single });
    const expected: LookupOutcome[] = [];
    for (const name of names) expected.push(await one(alone, name));
    // The second lookup of a name sees that nothing changed.
    const again = expected[4];
    expect(again).toMatchObject({ result: { binding: { change: { type: 'unchanged' } } } });
    expected[4] = { ...(expected[0] as LookupOutcome), asked: 'ANN@Example.com' };
    expect(outcomes).toEqual(expected);
    expect(codesOf(outcomes).slice(4)).toEqual([undefined, undefined, 'invalid-identity', 'unauthenticated']);
    expect(sizes).toEqual([6]);
    expect(await readState(many)).toEqual(await readState(single));
  });

  it('goes in batches, in any order, with own names among them', async () => {
    const state = new MemoryState();
    const { sizes, fetch } = batches();
    const client = await operator.client({ state, fetch });
    await client.register('own@example.com', { token: operator.server.log.token, key: await generateKey() });
    const names = Array.from({ length: 66 }, (_, i) => `absent${i}@example.com`);
    const outcomes = await client.lookupMany([...names, 'own@example.com', 'ann@example.com']);
    expect(outcomes.map(({ result }) => result?.found)).toEqual([...names.map(() => false), true, true]);
    expect(outcomes.map(({ asked }) => asked)).toEqual([...names, 'own@example.com', 'ann@example.com']);
    expect(sizes).toEqual([64, 3]);
    expect(await client.lookupMany([])).toEqual([]);
  });

  it('asks again for what the server put off', async () => {
    const { sizes, fetch } = batches((outcomes) => outcomes.map((one, i) => (i === 0 ? one : { type: 'later' })));
    const outcomes = await (await operator.client({ fetch })).lookupMany(NAMES);
    expect(outcomes.map(({ result }) => result?.found)).toEqual([true, true, false, true]);
    expect(sizes).toEqual([4, 3, 2, 1]);
    const idle = batches((all) => all.map(() => ({ type: 'later' })));
    const none = await (await operator.client({ fetch: idle.fetch })).lookupMany(NAMES);
    expect([codesOf(none), idle.sizes]).toEqual([NAMES.map(() => 'bad-response'), [4]]);
  });
});

describe('a batch of which something is wrong', () => {
  it('loses the damaged answer alone, and nothing of it is stored', async () => {
    const random = seededRandom(20_261_124);
    for (let i = 0; i < 40; i++) {
      const at = i % NAMES.length;
      const { fetch } = batches(
        withResponse(at, (bytes) => {
          const where = Math.floor(random() * bytes.length);
          bytes[where] = (bytes[where] ?? 0) ^ (1 << Math.floor(random() * 8));
          return bytes;
        }),
      );
      const state = new MemoryState();
      const outcomes = await (await operator.client({ state, fetch })).lookupMany(NAMES);
      const { error } = outcomes[at] as LookupOutcome;
      expect(isGlasskeyError(error) ? error.fault : error).toMatch(/^(verification|decode)$/);
      expect(outcomes.filter(({ result }) => result !== undefined)).toHaveLength(3);
      const others = NAMES.filter((name, j) => j !== at && name !== 'nobody@example.com');
      expect([...(await readState(state)).contacts.keys()]).toEqual(others);
    }
  });

  it('does not pass one name’s answer off as another’s', async () => {
    const { fetch } = batches(([first, second, ...rest]) => [
      second as LookupBatchOutcome,
      first as LookupBatchOutcome,
      ...rest,
    ]);
    const state = new MemoryState();
    const outcomes = await (await operator.client({ state, fetch })).lookupMany(NAMES);
    expect(codesOf(outcomes)).toEqual(['bad-vrf-proof', 'bad-vrf-proof', undefined, undefined]);
    expect([...(await readState(state)).contacts.keys()]).toEqual(['cid@example.com']);
  });

  it.each<[string, (outcomes: readonly LookupBatchOutcome[]) => readonly LookupBatchOutcome[]]>([
    ['too few', (outcomes) => outcomes.slice(1)],
    ['too many', (outcomes) => [...outcomes, { type: 'later' }]],
  ])('is refused whole with %s outcomes', async (_, change) => {
    const state = new MemoryState();
    const client = await operator.client({ state, fetch: batches(change).fetch });
    const before = await readState(state);
    expect(codesOf(await client.lookupMany(NAMES))).toEqual(NAMES.map(() => 'bad-response'));
    expect(await readState(state)).toBe(before);
  });

  it('takes a refusal that cannot be read for one name’s', async () => {
    const problems = ['no JSON', '{}', '{"status":200,"title":"OK"}', '{"status":500,"title":"No","code":"new"}'];
    for (const problem of problems) {
      const refused: LookupBatchOutcome = { type: 'refused', problem: new TextEncoder().encode(problem) };
      const { fetch } = batches((outcomes) => outcomes.map((one, i) => (i === 1 ? refused : one)));
      const outcomes = await (await operator.client({ fetch })).lookupMany(NAMES);
      expect(codesOf(outcomes)).toEqual([
        undefined,
        expect.stringMatching(/^(bad-response|request-refused)$/),
        undefined,
        undefined,
      ]);
    }
  });

  it('is too old for every name, and changes nothing', async () => {
    const { clock, context } = operator.server.log;
    const state = new MemoryState();
    const now = () => clock.now() + context.configuration.maxBehindMs + 60_000;
    const client = await KeyDirectory.open({ server: operator.server.url, state, now });
    const before = await readState(state);
    expect(codesOf(await client.lookupMany(NAMES))).toEqual(NAMES.map(() => 'tree-head-too-old'));
    expect(await readState(state)).toBe(before);
  });

  it('ends where the server does not answer', async () => {
    let asked = 0;
    const fetch = lie(PATHS.lookupBatch, () => {
      asked += 1;
      return Promise.reject(new TypeError('gone'));
    });
    const names = Array.from({ length: 130 }, (_, i) => `absent${i}@example.com`);
    const outcomes = await (await operator.client({ fetch })).lookupMany(names);
    expect([new Set(codesOf(outcomes)), asked]).toEqual([new Set(['network-failed']), 1]);
  });
});
