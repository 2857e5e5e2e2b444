import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { standingRequestCodec, type StandingRequest } from '../../src/core/keytrans/standing-messages.ts';
import { changeMessage, changeRequestCodec, sortedHashSet } from '../../src/identity/change-request.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';
import { contactOf, failure, register, warning } from '../support/victims.ts';
import { attack } from './attack.ts';

const DELAY_MS = 7 * 86_400_000;

let operator: LyingOperator;
beforeAll(async () => {
  // The clock of these tests jumps by weeks. A turn of the sequencer before the next entry would find it wrong.
  operator = await LyingOperator.start({ limits: { maxClockAheadMs: Infinity } });
});
afterAll(() => operator.stop());

/** Position of the newest log entry. */
async function newest(): Promise<number> {
  return (await operator.server.log.context.store.readHead()).size - 1;
}

/** Lets time pass in the log. */
async function wait(ms: number): Promise<void> {
  operator.server.log.clock.advance(ms);
  await operator.appendNothing();
}

/** Logs a recovery for a key of the operator's own as pending. Gives the version and its position. */
async function request(identity: string, spki: Uint8Array): Promise<{ version: number; position: number }> {
  const previous = (await operator.latest(identity))!;
  await operator.appendRecord(identity, {
    certificates: previous.record.certificates,
    pending: { spkiSha256: sha256(spki), evidence: { type: 'application' } },
    authorization: { type: 'recovery', phase: 'requested' },
  });
  return { version: previous.version + 1, position: await newest() };
}

/** Logs it as come into effect, with a wait between these positions. */
async function takeEffect(identity: string, spki: Uint8Array, version: number, first: number, last: number) {
  await operator.appendRecord(identity, {
    certificates: [await operator.certify(identity, spki)],
    authorization: {
      type: 'recovery',
      phase: 'effective',
      pendingVersion: version,
      firstPosition: first,
      lastPosition: last,
    },
  });
}

/** Logs a change to these certificates, of these keys, signed by `key`. */
async function change(
  identity: string,
  key: ClientKey,
  certificates: readonly Uint8Array[],
  spkis: readonly Uint8Array[],
): Promise<void> {
  const previous = (await operator.latest(identity))!;
  const message = encode(changeRequestCodec, {
    origin: 'log.example',
    label: identityOf(identity).label,
    version: previous.version + 1,
    previousCommitment: previous.commitment,
    spkisAfter: sortedHashSet(spkis.map((spki) => sha256(spki))),
  });
  await operator.appendRecord(identity, {
    certificates: [...certificates],
    authorization: { type: 'key', signer: sha256(key.spki), signature: await key.sign(changeMessage(message)) },
  });
}

describe('a recovery that nobody asked for', () => {
  attack('recovery-too-early', async () => {
    const identity = 'early@example.com';
    await register(operator, identity);
    const { client } = await contactOf(operator, identity);
    const { spki } = await generateKey();
    const { version, position } = await request(identity, spki);
    await wait(DELAY_MS - 1);
    await takeEffect(identity, spki, version, position, await newest());
    return warning(client, identity);
  });

  attack('recovery-false-positions', async () => {
    const noticed: string[] = [];
    for (const [name, first, last] of [
      ['before@example.com', -1, 1],
      ['after@example.com', 0, 2],
      ['future@example.com', 0, 9],
    ] as const) {
      await register(operator, name);
      const { client } = await contactOf(operator, name);
      const { spki } = await generateKey();
      await wait(DELAY_MS);
      const { version, position } = await request(name, spki);
      await wait(0);
      // The true positions are too close together: one of them is moved to where the version was not the greatest.
      await takeEffect(name, spki, version, position + first, position + last);
      await wait(DELAY_MS);
      noticed.push(await warning(client, name));
    }
    return noticed;
  });

  attack('recovery-false-proof', async () => {
    const identity = 'proof@example.com';
    await register(operator, identity);
    const { spki } = await generateKey();
    await wait(DELAY_MS);
    const { version, position } = await request(identity, spki);
    await wait(0);
    let asked = 0;
    // The entry before the pending version is old enough; what is proved of the one after it is passed off as proof of both.
    const { client } = await contactOf(operator, identity, async (url, init) => {
      if (new URL(url).pathname !== PATHS.standing) return fetch(url, init);
      asked++;
      const named = decode(standingRequestCodec, new Uint8Array(init?.body as Uint8Array));
      const true_: StandingRequest = { ...named, first: position };
      return fetch(url, { ...init, body: new Uint8Array(encode(standingRequestCodec, true_)) });
    });
    await takeEffect(identity, spki, version, position - 1, position + 1);
    const noticed = await failure(client.lookup(identity));
    expect(asked).toBe(1);
    return noticed;
  });

  attack('recovery-despite-veto', async () => {
    const identity = 'vetoed@example.com';
    const owner = await operator.client();
    const key = await generateKey();
    await owner.register(identity, { token: operator.server.log.token, key });
    const { client } = await contactOf(operator, identity);
    const { spki } = await generateKey();
    const { version, position } = await request(identity, spki);
    await change(identity, key, (await operator.latest(identity))!.record.certificates, [key.spki]);
    const vetoed = await newest();
    await wait(DELAY_MS);
    await takeEffect(identity, spki, version, position, vetoed - 1);
    return warning(client, identity);
  });
});

describe('a veto that is not the owner’s', () => {
  attack('veto-by-a-false-owner', async () => {
    const identity = 'false.owner@example.com';
    await register(operator, identity);
    const { client } = await contactOf(operator, identity);
    const own = await generateKey();
    const authorization = { type: 'operator', reason: 'none' } as const;
    await operator.appendRecord(identity, {
      certificates: [await operator.certify(identity, own.spki)],
      authorization,
    });
    await operator.appendRecord(identity, { certificates: [], authorization });
    await request(identity, (await generateKey()).spki);
    await change(identity, own, [], []);
    return warning(client, identity);
  });

  attack('more-than-a-veto', async () => {
    const identity = 'more@example.com';
    const key = await generateKey();
    await (await operator.client()).register(identity, { token: operator.server.log.token, key });
    const { client } = await contactOf(operator, identity);
    await operator.appendRecord(identity, {
      certificates: [],
      authorization: { type: 'maintenance', kind: 'revocation', reason: 0 },
    });
    const { spki } = await generateKey();
    await request(identity, spki);
    await change(identity, key, [await operator.certify(identity, spki)], [spki]);
    return warning(client, identity);
  });
});

describe('a pending recovery', () => {
  attack('recovery-hidden-from-owner', async () => {
    const identity = 'hidden@example.com';
    const state = new MemoryState();
    const owner = await operator.client({ state });
    await owner.register(identity, { token: operator.server.log.token, key: await generateKey() });
    const { reasonableMonitoringWindowMs: windowMs } = operator.server.log.context.configuration;
    for (let i = 0; i < 3; i++) await wait(windowMs);
    await owner.monitor([identity]);
    await request(identity, (await generateKey()).spki);
    for (let i = 0; i < 3; i++) await wait(windowMs);
    const body = JSON.stringify({ code: 'search-not-found', title: 'none', status: 404, type: 'about:blank' });
    const headers = { 'content-type': 'application/problem+json' };
    const fetch = lie(PATHS.update, async () => new Response(body, { status: 404, headers }));
    const deceived = await failure((await operator.client({ state, fetch })).monitor([identity]));
    // Where it is not hidden, it is an alert of the first monitoring, long before it can come into effect.
    const [result] = await owner.monitor([identity]);
    const alerts = result?.role === 'owner' ? result.alerts : [];
    expect(alerts).toHaveLength(1);
    return [deceived, ...alerts.map(({ type }) => type)];
  });
});
