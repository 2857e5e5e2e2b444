import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { addressesHash, formatMandate, mandateMessage, parseMandate } from '../../src/client/mandate-text.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import type { ErrorCode } from '../../src/core/error-codes.ts';
import { takeMandate } from '../../src/watch/mandates.ts';
import { confirmWatched } from '../../src/watch/upkeep.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { BY_OPERATOR, register } from '../support/victims.ts';
import { startWatcher, type TestWatcher } from '../support/watching.ts';

const DAY_MS = 86_400_000;
const code = (expected: ErrorCode): object => expect.objectContaining({ code: expected });

let operator: LyingOperator;
let watcher: TestWatcher;
let owner: KeyDirectory;
let key: ClientKey;
let identity: string;
let people = 0;
beforeAll(async () => {
  operator = await LyingOperator.start({
    configuration: { maxBehindMs: 1000 * DAY_MS },
    limits: { maxClockAheadMs: Infinity },
  });
});
afterAll(() => operator.stop());
beforeEach(async () => {
  identity = `bob${people++}@example.com`;
  owner = await operator.client();
  key = await generateKey();
  await owner.register(identity, { token: operator.server.log.token, key });
  watcher = await start();
  await watcher.watcher.step();
});
afterEach(() => watcher.close());

const start = (more: Partial<Parameters<typeof startWatcher>[0]> = {}): Promise<TestWatcher> =>
  startWatcher({ server: operator.server.url, now: operator.server.log.clock.now, ...more });

/** Signs a mandate with other terms than an honest client would. */
async function signed(
  terms: Partial<Parameters<typeof mandateMessage>[0]>,
  by: ClientKey = key,
  addresses: readonly string[] = ['feed'],
): Promise<{ identity: string; mandate: string; addresses: readonly string[] }> {
  const order = { watcher: watcher.context.publicKey, addresses, lifetimeMs: DAY_MS };
  const honest = parseMandate(await owner.watchMandate(identity, by, order));
  const mandate = { ...honest, ...terms };
  const signature = await by.sign(mandateMessage(mandate));
  return { identity, mandate: formatMandate({ ...mandate, signature }), addresses };
}

const subjects = (): readonly string[] => watcher.told(identity).map(({ subject }) => subject);
const later = (ms: number): void => operator.server.log.clock.advance(ms);

describe('a mandate', () => {
  it('changes only the wording: a claimed version, a later one of a key, and one of the operator are all told', async () => {
    await watcher.watch(owner, identity, key);
    const next = await generateKey();
    await owner.rotate(identity, key, next);
    later(1);
    // Sent before the watcher has seen the version: it is told as the owner's own.
    await watcher.watch(owner, identity, next);
    const last = await generateKey();
    await owner.rotate(identity, next, last);
    await watcher.watcher.step();
    const certificates = [await operator.certify(identity, (await generateKey()).spki)];
    await operator.appendRecord(identity, { certificates, authorization: BY_OPERATOR });
    await watcher.watcher.step();
    expect(subjects()).toHaveLength(4);
    expect(new Set(subjects().slice(0, 2))).toEqual(
      new Set([`${identity}: your version 1 is in the log`, `${identity}: the mandate of this watcher was replaced`]),
    );
    expect(subjects().slice(2)).toEqual([
      `${identity}: version 2 is new`,
      `ALARM: ${identity} has a version 3 that you may not have made`,
    ]);
  });

  it('cannot silence a false version, though a stolen key signs that its owner made it', async () => {
    await watcher.watch(owner, identity, key);
    const certificates = [
      await operator.certify(identity, key.spki),
      await operator.certify(identity, (await generateKey()).spki),
    ];
    await operator.appendRecord(identity, { certificates, authorization: BY_OPERATOR });
    const { version, commitment } = (await operator.latest(identity))!;
    later(1);
    const { versions } = parseMandate((await signed({})).mandate);
    const thief = await signed({ versions: [...versions, { version, commitment }] }, key, []);
    const taken = await takeMandate(watcher.context, { ...thief, addresses: [] });
    expect(taken.change).toBe('withdrawn');
    await watcher.watcher.step();
    expect(subjects()).toContain(`${identity}: the mandate of this watcher was withdrawn`);
    // The mandate came after the version, which no key of the name signed: it excuses nothing.
    expect(subjects().some((subject) => /^ALARM: .* version 1 /.test(subject))).toBe(true);
    await operator.appendRecord(identity, { certificates: certificates.slice(1), authorization: BY_OPERATOR });
    await watcher.watcher.step();
    // The former address is told for a time, whatever the thief says.
    expect(subjects().at(-1)).toMatch(/^ALARM: .* version 2 /);
    later(watcher.context.limits.formerMs);
    await watcher.watcher.step();
    expect(watcher.context.store.name(identity)).toBeUndefined();
  });

  it.each<[string, ErrorCode, () => Promise<{ identity: string; mandate: string; addresses: readonly string[] }>]>([
    ['for another log', 'usage', () => signed({ origin: 'other.example' })],
    ['for another watcher', 'usage', () => signed({ watcher: new Uint8Array(32) })],
    ['for another name', 'usage', async () => ({ ...(await signed({})), identity: 'eve@example.com' })],
    ['that has expired', 'invalid-request', () => signed({ expiresMs: operator.server.log.clock.now() })],
    ['that never ends', 'invalid-request', () => signed({ expiresMs: Number.MAX_SAFE_INTEGER })],
    ['that no later one could replace', 'invalid-request', () => signed({ number: Number.MAX_SAFE_INTEGER })],
    [
      'with the addresses of somebody else',
      'invalid-request',
      async () => ({ ...(await signed({})), addresses: ['mailto:eve@example.com'] }),
    ],
    [
      'with an address that is none',
      'invalid-request',
      () => signed({ addressesHash: addressesHash(['gopher:x']) }, key, ['gopher:x']),
    ],
    [
      'signed by a key that the name never had',
      'certificate-not-in-record',
      async () => {
        const by = await generateKey();
        const { mandate } = await signed({});
        const terms = { ...parseMandate(mandate), signer: by.spki };
        const signature = await by.sign(mandateMessage(terms));
        return { identity, mandate: formatMandate({ ...terms, signature }), addresses: ['feed'] };
      },
    ],
    [
      'whose signature is of other terms',
      'bad-signature',
      async () => {
        const { mandate } = await signed({});
        return { identity, mandate: formatMandate({ ...parseMandate(mandate), number: 1 }), addresses: ['feed'] };
      },
    ],
    [
      'that claims a value which the log does not have',
      'change-rejected',
      () => signed({ versions: [{ version: 0, commitment: new Uint8Array(32) }] }),
    ],
    [
      'that claims a version which the log does not have',
      'change-rejected',
      () => signed({ versions: [{ version: 9, commitment: new Uint8Array(32) }] }),
    ],
    [
      'that is no mandate',
      'malformed-encoding',
      () => Promise.resolve({ identity, mandate: 'glasskey-mandate:AAAA', addresses: [] }),
    ],
  ])('%s is refused, and nothing is stored', async (_, expected, make) => {
    await expect(takeMandate(watcher.context, await make())).rejects.toEqual(code(expected));
    expect(watcher.context.store.nameCount).toBe(0);
  });

  it('is not replaced by an older one, nor by a key that a claimed version removed', async () => {
    const old = await signed({});
    later(1);
    await takeMandate(watcher.context, await signed({}));
    await expect(takeMandate(watcher.context, old)).rejects.toEqual(code('version-conflict'));
    const { versions } = parseMandate(old.mandate);
    const next = await generateKey();
    await owner.rotate(identity, key, next);
    later(1);
    await watcher.watch(owner, identity, next);
    later(1);
    const stale = signed({ versions }, key);
    await expect(takeMandate(watcher.context, await stale)).rejects.toEqual(code('version-conflict'));
  });

  it('says to a stranger nothing about who is watched', async () => {
    const asked = async (): Promise<unknown> => {
      const by = await generateKey();
      const terms = { ...parseMandate((await signed({})).mandate), number: 1, signer: by.spki };
      const mandate = formatMandate({ ...terms, signature: await by.sign(mandateMessage(terms)) });
      return takeMandate(watcher.context, { identity, mandate, addresses: ['feed'] }).catch((error: unknown) => error);
    };
    const before = await asked();
    await watcher.watch(owner, identity, key);
    const after = await asked();
    expect(before).toEqual(code('certificate-not-in-record'));
    expect(String(after)).toBe(String(before));
  });

  it('costs no request until the name gets a version', async () => {
    const asked: string[] = [];
    await watcher.close();
    watcher = await start({
      fetch: (url, init) => {
        asked.push(new URL(url).pathname);
        return fetch(url, init);
      },
    });
    await watcher.watcher.step();
    await watcher.watch(owner, identity, key);
    const lookups = (): readonly string[] => asked.filter((path) => path.startsWith('/keytrans/'));
    const before = lookups().length;
    await register(operator, `other${people}@example.com`);
    for (let i = 0; i < 3; i++) await watcher.watcher.step();
    expect(watcher.events).toContainEqual(expect.objectContaining({ type: 'verified', updates: 1 }));
    expect(lookups()).toHaveLength(before);
    await owner.rotate(identity, key, await generateKey());
    await watcher.watcher.step();
    expect(lookups().length).toBeGreaterThan(before);
    expect(subjects()).toEqual([`${identity}: version 1 is new`]);
  });

  it('ends, after its owner was told', async () => {
    await watcher.watch(owner, identity, key);
    later(294 * DAY_MS);
    await watcher.watcher.step();
    expect(subjects()).toEqual([`${identity}: the watcher's mandate ends soon`]);
    later(7 * DAY_MS);
    await watcher.watcher.step();
    expect(watcher.context.store.nameCount).toBe(0);
  });
});

describe('an address', () => {
  it('is told only once it was confirmed, and then of what happened before', async () => {
    const address = 'mailto:bob@example.com';
    const { secrets } = await watcher.watch(owner, identity, key, [address]);
    await owner.rotate(identity, key, await generateKey());
    await watcher.watcher.step();
    const { store, now } = watcher.context;
    const due = () => [...store.queue()].filter(([, { nextMs }]) => nextMs <= now());
    expect(store.queueLength).toBe(1);
    expect(due()).toEqual([]);
    const secret = secrets[0]?.secret ?? '';
    const other = `${secret.slice(0, 25)}${randomBytes(32).toString('hex')}`;
    for (const wrong of ['', 'x', secret.slice(0, -1), other]) {
      expect(await confirmWatched(watcher.context, wrong)).toBeUndefined();
    }
    expect(await confirmWatched(watcher.context, secret)).toBe(identity);
    expect(due()).toHaveLength(1);
    // The journal has the code's hash alone.
    expect(JSON.stringify([...store.names()])).not.toContain(secret.slice(25));
  });
});

describe('a watcher that was killed', () => {
  it('goes on where it was, and tells of what came meanwhile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glasskey-killed-'));
    try {
      const state = new MemoryState();
      const publicKey = watcher.context.publicKey;
      const first = await start({ folder, state, publicKey });
      await first.watcher.step();
      await first.watch(owner, identity, key);
      await owner.rotate(identity, key, await generateKey());
      await watcher.close();
      watcher = await start({ folder, state, publicKey });
      await watcher.watcher.step();
      expect(subjects()).toEqual([`${identity}: version 1 is new`]);
      await first.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
