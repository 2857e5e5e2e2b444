import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
} from '../../src/core/keytrans/messages.ts';
import type { TreeView } from '../../src/core/keytrans/tree-view.ts';
import { verifyLookup } from '../../src/core/keytrans/verify-lookup.ts';
import type { LogStore } from '../../src/store/ports.ts';
import { checkInvariants } from '../support/invariants.ts';
import { csrFor, type DeviceKey, identityOf, keysOf, newDeviceKey, seenVersion, signChange } from '../support/owner.ts';
import { createTestLog, type TestLog } from '../support/test-log.ts';

let log: TestLog;
let trips = 0;
const views = new Map<number, TreeView>();
const names = Array.from({ length: 12 }, (_, i) => `user${i}@example.com`);

/** Counts round trips of reads. */
function counting(store: LogStore): LogStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (String(name).startsWith('read')) trips++;
        return (value as (...a: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

/** Looks up as a client with the view of size `last` would, verifies, and keeps the new view. */
async function lookUp(name: string, last?: number) {
  const { label } = identityOf(name);
  const request = { last, label };
  const bytes = await log.service.lookup(encode(lookupRequestCodec, request));
  const { configuration: config } = log.context;
  const answer = decode(lookupResponseCodec(config), bytes);
  const view = last === undefined ? undefined : views.get(last);
  const nowMs = log.clock.nowMs;
  const verified = verifyLookup({ config, view, nowMs }, request, answer);
  views.set(verified.view.size, verified.view);
  return { verified, bytes };
}

beforeAll(async () => {
  log = await createTestLog({ loop: false, wrap: counting, limits: { heartbeatMs: 60_000 } });
  const keys = new Map<string, DeviceKey>();
  // User i has i versions or so; entries are 17 minutes apart, over more than one monitoring window.
  for (let round = 0; round < 12; round++) {
    const answers: Promise<unknown>[] = [];
    for (const [i, name] of names.entries()) {
      if (i > 0 && round % (13 - i) === 0) answers.push((await submit(name, keys)).answer);
    }
    for (let beat = 0; beat < 4; beat++) {
      log.clock.advance(17 * 60_000);
      await log.service.sequencer.step();
      await lookUp(names[11] ?? '');
    }
    await Promise.all(answers);
  }
}, 120_000);

/** Registers, or rotates to a new key; the answer comes with the next step of the sequencer. */
async function submit(name: string, keys: Map<string, DeviceKey>): Promise<{ answer: Promise<unknown> }> {
  const key = await newDeviceKey();
  const old = keys.get(name);
  keys.set(name, key);
  let change;
  if (old !== undefined) {
    const proof = await log.service.prover.search({
      last: undefined,
      label: identityOf(name).label,
      version: undefined,
    });
    change = await signChange(name, seenVersion(name, proof), old, [key.spkiSha256]);
    expect(keysOf(seenVersion(name, proof).record)).toEqual([old.spkiSha256]);
  }
  const before = await log.context.store.queueDepth();
  const csr = await csrFor(key, name);
  const answer = log.service.issue({ identity: name, csr, token: log.token, change, last: undefined });
  await vi.waitFor(async () => expect(await log.context.store.queueDepth()).toBe(before + 1), { interval: 2 });
  return { answer };
}

afterAll(async () => {
  await log.close();
});

describe('the prover', () => {
  it('built a log that holds', async () => {
    const { size } = await checkInvariants(
      log.context,
      names.map((name) => identityOf(name).label),
    );
    expect(size).toBeGreaterThan(40);
  });

  it('answers for every label, present or absent, whatever the client has seen', async () => {
    const lasts = [undefined, ...views.keys()];
    for (const name of names) {
      for (const last of lasts.filter((_, i) => i % 5 === 0 || i > lasts.length - 3)) {
        const { verified } = await lookUp(name, last);
        expect(verified.type).toBe(name === names[0] ? 'absent' : 'found');
      }
    }
    expect(log.events.filter((event) => event.type === 'self-verified' && event.error !== undefined)).toEqual([]);
    expect(log.events.filter((event) => event.type === 'self-verified').length).toBeGreaterThan(50);
  });

  it('needs few round trips, and fewer once it is warm', async () => {
    await lookUp(names[5] ?? '');
    trips = 0;
    const { bytes } = await lookUp(names[5] ?? '');
    // The label, and the versions of its ladder.
    expect(trips).toBeLessThanOrEqual(2);
    expect(bytes.length).toBeLessThan(8 * 1024);
  });

  it('refuses a client that has seen more', async () => {
    const request = encode(lookupRequestCodec, { last: 1_000, label: identityOf('a@example.com').label });
    await expect(log.service.lookup(request)).rejects.toMatchObject({ code: 'too-far-behind' });
    const zero = encode(lookupRequestCodec, { last: 0, label: identityOf('a@example.com').label });
    await expect(log.service.lookup(zero)).rejects.toMatchObject({ code: 'invalid-request' });
  });

  it('opens chains', async () => {
    const label = identityOf(names[11] ?? '').label;
    const chain = async (first: number, last: number) => {
      const bytes = await log.service.chain(encode(chainRequestCodec, { label, first, last }));
      return decode(chainResponseCodec(log.context.configuration), bytes).links;
    };
    expect(await chain(0, 3)).toHaveLength(4);
    await expect(chain(3, 2)).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(chain(0, 64)).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(chain(0, 40)).rejects.toMatchObject({ code: 'search-not-found' });
  });

  it('never answers a plain search with absence', async () => {
    const label = identityOf(names[0] ?? '').label;
    const search = log.service.prover.search({ last: undefined, label, version: undefined });
    await expect(search).rejects.toMatchObject({ code: 'search-not-found' });
    const fixed = log.service.prover.search({ last: undefined, label, version: 1 });
    await expect(fixed).rejects.toMatchObject({ code: 'unsupported-operation' });
  });
});
