import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { signChange } from '../../src/client/signed-change.ts';
import { readLabelState } from '../../src/service/log/label-state.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const DAY_MS = 86_400_000;
const DELAY_MS = 7 * DAY_MS;

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer({ limits: { maxClockAheadMs: 400 * DAY_MS } });
});
afterAll(() => server.close());

interface Owner {
  readonly directory: KeyDirectory;
  readonly key: ClientKey;
  /** Somebody who looked at version 0. */
  readonly contact: KeyDirectory;
}

async function owner(text: string): Promise<Owner> {
  const [directory, contact] = await Promise.all([server.client(), server.client()]);
  const key = await generateKey();
  await directory.register(text, { token: server.log.token, key });
  await contact.lookup(text);
  return { directory, key, contact };
}

/** Lets time pass, in the log too. */
async function pass(ms: number): Promise<void> {
  const { context, service, clock } = server.log;
  const { size } = await context.store.readHead();
  clock.advance(ms);
  await service.progress.waitForRelease(size + 1, 30_000);
}

/** A thief who has the application's token and no key. */
interface Thief {
  readonly key: ClientKey;
  readonly recover: () => Promise<string>;
  readonly revokeAll: () => Promise<unknown>;
}

async function thief(text: string): Promise<Thief> {
  const { token, service } = server.log;
  const [directory, key] = [await server.client(), await generateKey()];
  const csr = await createCsr(identityOf(text), key);
  const order = { identity: text, token, last: undefined, change: undefined, serials: 'all', reason: 0 } as const;
  return {
    key,
    recover: async () => (await directory.recover(text, { csr, token })).state,
    revokeAll: () => service.revoke(order),
  };
}

/** The keys (SHA-256, hex) of an identity as a client sees it, what it says of the change, and whether a recovery waits. */
async function seenBy(directory: KeyDirectory, text: string) {
  const result = await directory.lookup(text);
  if (!result.found) throw new Error('not found');
  const { certificates, change, pending } = result.binding;
  return {
    keys: certificates.map(({ spkiSha256 }) => spkiSha256),
    change: change.type,
    reason: change.reason,
    pending: pending !== undefined,
  };
}

const nameOf = (key: ClientKey): string => formatHex(sha256(key.spki));

describe('a stolen application token', () => {
  const orders: readonly [string, readonly (keyof Thief & ('recover' | 'revokeAll'))[]][] = [
    ['recovers, then revokes', ['recover', 'revokeAll']],
    ['revokes, then recovers', ['revokeAll', 'recover']],
    ['only recovers', ['recover']],
  ];

  it.each(orders)('takes no name where the thief %s', async (title, acts) => {
    const text = `${title.replaceAll(/\W+/g, '.')}@example.com`;
    const { directory, key, contact } = await owner(text);
    const { key: stolen, ...rest } = await thief(text);
    for (let round = 0; round < 2; round++) {
      // Everything is revoked already in the second round.
      for (const act of round === 0 ? acts : (['recover'] as const)) await rest[act]();
      expect(await seenBy(directory, text)).toMatchObject({ pending: true });
      const vetoed = await directory.veto(text, key);
      expect(vetoed.pending).toBeUndefined();
      expect(vetoed.change.type).not.toBe('unexplained');
      await pass(DELAY_MS + 120_000);
      await server.log.service.recoveries.tend();
      const seen = await seenBy(contact, text);
      expect(seen).toMatchObject({ pending: false, change: 'recovery', reason: undefined });
      expect(seen.keys).not.toContain(nameOf(stolen));
      const fresh = await seenBy(await server.client(), text);
      expect(fresh).toMatchObject({ pending: false, keys: seen.keys });
      expect(fresh.change).not.toBe('unexplained');
    }
  });

  it('takes no name that was erased and recovered before', async () => {
    const text = 'erased@example.com';
    await owner(text);
    const { token, service } = server.log;
    await service.erase({ identity: text, who: 'admin:test' });
    const [directory, key] = [await server.client(), await generateKey()];
    const csr = await createCsr(identityOf(text), key);
    await directory.recover(text, { csr, token });
    await pass(DELAY_MS + 120_000);
    expect(await directory.recover(text, { csr })).toMatchObject({ state: 'effective' });
    const contact = await server.client();
    await contact.lookup(text);
    const { recover, revokeAll } = await thief(text);
    await revokeAll();
    expect(await recover()).toBe('pending');
    expect((await directory.veto(text, key)).pending).toBeUndefined();
    expect(await seenBy(contact, text)).toMatchObject({ pending: false, change: 'recovery', keys: [] });
  });

  it('leaves it to the operator after as many vetoes as any key may make', async () => {
    const text = 'often@example.com';
    const { directory, key } = await owner(text);
    const { recover, revokeAll } = await thief(text);
    await revokeAll();
    for (let vetoes = 0; vetoes < 3; vetoes++) {
      expect(await recover()).toBe('pending');
      await directory.veto(text, key);
    }
    expect(await recover()).toBe('undecided');
  });
});

describe('the service', () => {
  /** Sends a change of an identity as a veto, past the client's own checks. */
  async function veto(text: string, signer: ClientKey, keysAfter: readonly Uint8Array[] = []) {
    const { context, service } = server.log;
    const { label } = identityOf(text);
    const previous = (await readLabelState(context, await context.vrf.labelKey(label)))!;
    const change = await signChange({ origin: context.origin, label, previous }, keysAfter, signer);
    return service.veto({ identity: text, change, last: undefined });
  }

  it('takes a veto from no stranger, and nothing but a veto from a removed key', async () => {
    const text = 'frank@example.com';
    const { key } = await owner(text);
    const { key: stolen, recover, revokeAll } = await thief(text);
    await revokeAll();
    await expect(veto(text, key)).rejects.toMatchObject({ code: 'bad-change-signature' });
    await recover();
    await expect(veto(text, await generateKey())).rejects.toMatchObject({ code: 'bad-change-signature' });
    await expect(veto(text, stolen)).rejects.toMatchObject({ code: 'bad-change-signature' });
    await expect(veto(text, key, [sha256(key.spki)])).rejects.toMatchObject({ code: 'change-rejected' });
    expect(await veto(text, key)).toMatchObject({ version: 3 });
  });

  it('takes no veto from a key that its owner replaced', async () => {
    const text = 'heidi@example.com';
    const { directory, key } = await owner(text);
    const newKey = await generateKey();
    await directory.rotate(text, key, newKey);
    const { recover, revokeAll } = await thief(text);
    await recover();
    await revokeAll();
    await expect(veto(text, key)).rejects.toMatchObject({ code: 'bad-change-signature' });
    await expect(directory.veto(text, key)).rejects.toMatchObject({ code: 'change-rejected' });
    expect((await directory.veto(text, newKey)).pending).toBeUndefined();
  });
});
