import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { createCsr } from '../../src/client/csr.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { formatBase64, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { seededRandom } from '../support/random.ts';
import { readState } from '../support/victims.ts';

const WINDOW_MS = 60_000;

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start({
    configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
  });
  // The entry that comes after 8 others is not distinguished before its window is over.
  for (let i = 1; i < 8; i++) {
    operator.server.log.clock.advance(WINDOW_MS);
    await operator.appendNothing();
  }
});
afterAll(() => operator.stop());

/** A client, and what it asks for: the last parts of the paths. */
async function observed(state = new MemoryState()) {
  const asked: string[] = [];
  const client = await operator.client({
    state,
    fetch: (url, init) => {
      asked.push(new URL(url).pathname.split('/').at(-1) ?? '');
      return fetch(url, init);
    },
  });
  asked.length = 0;
  return { client, state, asked: () => asked.splice(0) };
}

/** `fetch` that changes the proofs in answers to registrations. */
function forgeProof(change: (proof: Uint8Array) => Uint8Array): Fetch {
  return lie(PATHS.certificates, async (honest) => {
    const answer = (await (await honest()).json()) as { proof: string };
    const proof = formatBase64(change(parseBase64(answer.proof)));
    return Response.json({ ...answer, proof }, { status: 201 });
  });
}

describe('the answer to what an owner asks for', () => {
  it('proves what was made of it, and begins the ownership', async () => {
    const { client, state, asked } = await observed();
    const identity = 'alice@example.com';
    const { token } = operator.server.log;
    const key = await generateKey();
    const { binding } = await client.register(identity, { token, key });
    expect(asked()).toEqual(['distinguished', 'owner-init', 'certificates']);
    expect(binding).toMatchObject({ version: 0, change: { type: 'first-seen' }, alerts: [] });
    const { owners, view } = await readState(state);
    expect(owners.get(identity)?.state).toBeDefined();
    expect(owners.get(identity)?.versions).toMatchObject([{ version: 0, origin: 'made' }]);
    expect(view?.size).toBe(binding.treeSize);
    await client.monitor([identity]);
    expect(asked()).not.toContain('owner-init');
  });

  it('is completed by a lookup where it cannot prove all of it', async () => {
    const { client, state, asked } = await observed();
    const identity = 'bob@example.com';
    let key = await generateKey();
    await client.register(identity, { token: operator.server.log.token, key });
    asked();
    const seen = new Set<string>();
    // An entry at a power of two is distinguished from the start (KT §9.1 step 3).
    for (let i = 1; i <= 16; i++) {
      const next = await generateKey();
      const { binding } = await client.rotate(identity, key, next);
      expect(binding).toMatchObject({ version: i, change: { type: 'key' }, alerts: [] });
      key = next;
      seen.add(asked().join());
    }
    expect([...seen].toSorted()).toEqual(['lookup,certificates', 'lookup,certificates,lookup']);
    const { versions } = (await readState(state)).owners.get(identity) ?? { versions: [] };
    expect(versions.map(({ origin }) => origin)).toEqual(Array.from({ length: 17 }, () => 'made'));
    await expect(client.monitor([identity])).resolves.toMatchObject([{ alerts: [], added: [] }]);
  });

  it('may be asked for again, also after a monitoring that could not know whose doing it is', async () => {
    const identity = 'carol@example.com';
    const state = new MemoryState();
    const honest = await operator.client({ state });
    const [key, second] = await Promise.all([generateKey(), generateKey()]);
    await honest.register(identity, { token: operator.server.log.token, key });
    const fetch = lie(PATHS.certificates, async (answer) => {
      await answer();
      throw new TypeError('fetch failed');
    });
    const cut = await operator.client({ state, fetch });
    await expect(cut.register(identity, { credentials: key, key: second })).rejects.toMatchObject({
      code: 'network-failed',
    });
    await expect(honest.monitor([identity])).resolves.toMatchObject([{ alerts: [{ version: 1 }] }]);
    const { binding } = await honest.register(identity, { credentials: key, key: second });
    expect(binding).toMatchObject({ version: 1, alerts: [] });
    await expect(honest.monitor([identity])).resolves.toMatchObject([{ alerts: [] }]);
    expect((await readState(state)).owners.get(identity)?.versions).toMatchObject([
      { version: 0, origin: 'made' },
      { version: 1, origin: 'made' },
    ]);
  });

  it.each(['every certificate of the key that signs', 'named ones'])(
    'may be lost: a revocation of %s',
    async (what) => {
      const identity = `${what.split(' ')[0]}@example.com`;
      const state = new MemoryState();
      const honest = await operator.client({ state });
      const [key, second] = await Promise.all([generateKey(), generateKey()]);
      const { binding } = await honest.register(identity, { token: operator.server.log.token, key });
      await honest.register(identity, { credentials: key, key: second });
      const serials = what === 'named ones' ? binding.certificates.map(({ serial }) => serial) : undefined;
      const fetch = lie(PATHS.revocations, async (answer) => {
        await answer();
        throw new TypeError('fetch failed');
      });
      const cut = await operator.client({ state, fetch });
      const revoke = (client: typeof honest) => client.revoke(identity, key, { serials });
      await expect(revoke(cut)).rejects.toMatchObject({ code: 'network-failed' });
      const after = await revoke(honest);
      expect(after).toMatchObject({ version: 2, alerts: [], certificates: [{ spki: second.spki }] });
      expect(await revoke(honest)).toMatchObject({ version: 2 });
      await expect(honest.monitor([identity])).resolves.toMatchObject([{ alerts: [] }]);
      // What the record never held was not revoked.
      const never = honest.revoke(identity, second, { serials: ['7f'] });
      await expect(never).rejects.toMatchObject({ code: 'no-such-certificate' });
    },
  );

  it('is refused with any bit changed, and changes nothing', async () => {
    const identity = 'dave@example.com';
    const key = await generateKey();
    const state = new MemoryState();
    const csr = await createCsr((await operator.client()).identity(identity), key);
    const { token } = operator.server.log;
    const random = seededRandom(7);
    const accepted: string[] = [];
    await (await operator.client({ state })).lookup('nobody@example.com');
    for (let i = 0; i < 150; i++) {
      const fetch = forgeProof((proof) => {
        const damaged = proof.slice();
        const at = Math.floor(random() * damaged.length);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << (i % 8));
        return i === 0 ? proof.slice(0, -1) : i === 1 ? new Uint8Array([...proof, 0]) : damaged;
      });
      const client = await operator.client({ state, fetch });
      const before = await readState(state);
      await client.register(identity, { token, key, csr }).then(
        () => accepted.push(String(i)),
        (error: unknown) => isGlasskeyError(error) || accepted.push(String(error)),
      );
      expect(await readState(state)).toBe(before);
    }
    expect(accepted).toEqual([]);
    const client = await operator.client({ state, fetch: forgeProof(() => new Uint8Array(0)) });
    await expect(client.register(identity, { token, key, csr })).resolves.toMatchObject({ binding: { version: 0 } });
  });
});
