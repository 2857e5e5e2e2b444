import { afterEach, beforeEach, describe, expect } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { credentialLifetimeMs } from '../../src/core/keytrans/verify-credential.ts';
import { encodeIdentityRecord } from '../../src/identity/identity-record.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { BY_OPERATOR, contactOf, failure, readState, register, warning } from '../support/victims.ts';
import { attack } from './attack.ts';

const WINDOW_MS = 60_000;
const BOB = 'bob@example.com';

let operator: LyingOperator;
beforeEach(async () => {
  operator = await LyingOperator.start({
    configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
  });
});
afterEach(() => operator.stop());

/** Registers Bob with a client of his own, whose monitoring has begun. */
async function owner() {
  const state = new MemoryState();
  const client = await operator.client({ state });
  await client.register(BOB, { token: operator.server.log.token, key: await generateKey() });
  await pass(2);
  await client.monitor();
  return { client, state };
}

/** Lets time pass, and entries come, that are distinguished. */
async function pass(windows: number): Promise<void> {
  for (let i = 0; i < windows; i++) {
    operator.server.log.clock.advance(WINDOW_MS);
    await operator.appendNothing();
  }
}

/** Fills the log up so that the next entries have others above them which are not distinguished. */
async function crowd(entries: number): Promise<void> {
  for (let i = 0; i < entries; i++) await operator.appendNothing();
}

async function appendFalse(identity: string): Promise<void> {
  const certificate = await operator.certify(identity, (await generateKey()).spki);
  await operator.appendRecord(identity, { certificates: [certificate], authorization: BY_OPERATOR });
}

/** The types of the alerts that an owner's monitoring shows. */
async function alerts(client: KeyDirectory): Promise<string[]> {
  const monitored = await client.monitor([BOB]);
  return monitored.flatMap((one) => (one.role === 'owner' ? one.alerts.map(({ type }) => type) : []));
}

const size = async (): Promise<number> => (await operator.server.log.context.store.readHead()).size;

describe('a version that its owner did not make', () => {
  attack('false-version-owned', async () => {
    const { client } = await owner();
    await appendFalse(BOB);
    return alerts(client);
  });

  attack('false-version-and-back', async () => {
    const { client } = await owner();
    const honest = (await operator.latest(BOB))!.record.certificates;
    await appendFalse(BOB);
    await operator.appendRecord(BOB, { certificates: honest, authorization: BY_OPERATOR });
    await pass(1);
    const told = await alerts(client);
    expect(told).toHaveLength(2);
    return told;
  });

  attack('hidden-from-its-owner', async () => {
    const { state } = await owner();
    const { client: alice } = await contactOf(operator, BOB);
    await appendFalse(BOB);
    await pass(2);
    expect(await warning(alice, BOB)).toBe('operator');
    const body = JSON.stringify({ code: 'search-not-found', title: 'none', status: 404, type: 'about:blank' });
    const headers = { 'content-type': 'application/problem+json' };
    const fetch = lie(PATHS.update, async () => new Response(body, { status: 404, headers }));
    const deceived = await operator.client({ state, fetch });
    const before = await readState(state);
    const error = await failure(deceived.monitor());
    expect(exitCodeOf(error)).toBe(2);
    expect(await readState(state)).toBe(before);
    return error;
  });

  attack('own-version-taken-back', async () => {
    const { client, state } = await owner();
    const { versions } = (await readState(state)).owners.get(BOB)!;
    expect(versions).toHaveLength(1);
    await operator.takeBack(0, { forget: false });
    await pass(1);
    return failure(client.monitor());
  });
});

describe('a version that a contact was shown', () => {
  attack('shown-and-taken-back', async () => {
    await register(operator, BOB);
    await pass(2);
    await crowd(8);
    const before = (await size()) - 1;
    await appendFalse(BOB);
    const { client, state } = await contactOf(operator, BOB);
    expect((await readState(state)).contacts.get(BOB)!.monitored.length).toBeGreaterThan(0);
    // Gone before the next distinguished entry, where the owner would have met it.
    await operator.takeBack(before, { forget: false });
    await crowd(32);
    await pass(3);
    const error = await failure(client.monitor());
    expect(exitCodeOf(error)).toBe(2);
    // Who looks again without monitoring sees that the log went back, too.
    return [error, await failure(client.lookup(BOB))];
  });

  attack('taken-back-and-audited', async () => {
    await register(operator, BOB);
    const before = (await size()) - 1;
    await appendFalse(BOB);
    await operator.takeBack(before, { forget: true });
    return failure((await operator.client()).audit());
  });

  attack('value-replaced', async () => {
    await register(operator, BOB);
    await pass(2);
    const before = (await size()) - 1;
    await appendFalse(BOB);
    const { version, record } = (await operator.latest(BOB))!;
    const { client } = await contactOf(operator, BOB);
    await operator.takeBack(before, { forget: true });
    const certificates = [await operator.certify(BOB, (await generateKey()).spki)];
    const value = encodeIdentityRecord({ ...record, certificates });
    await operator.appendVersions(BOB, [{ version, value }]);
    return failure(client.lookup(BOB));
  });

  attack('refused-to-be-shown', async () => {
    const { state: owners } = await owner();
    await crowd(8);
    await appendFalse(BOB);
    const { state: contacts } = await contactOf(operator, BOB);
    expect((await readState(contacts)).contacts.get(BOB)!.monitored.length).toBeGreaterThan(0);
    await pass(2);
    // No proof has to be made where the question is called wrong.
    const noticed: unknown[] = [];
    for (const [state, path] of [
      [contacts, PATHS.contactMonitor],
      [owners, PATHS.ownerMonitor],
    ] as const) {
      const client = await operator.client({ state, fetch: lie(path, () => refuse('invalid-request', 400)) });
      noticed.push(await failure(client.monitor()));
    }
    expect(noticed.map(exitCodeOf)).toEqual([2, 2]);
    return noticed;
  });

  attack('credential-never-settled', async () => {
    const { client: bob } = await owner();
    const state = new MemoryState();
    const reader = await operator.client({ state });
    await crowd(5);
    await reader.heads();
    await register(operator, 'carol@example.com');
    await reader.verifyCredential((await bob.credential('carol@example.com')).text);
    await crowd(4);
    await pass(2);
    const silent = await operator.client({
      state,
      fetch: lie(PATHS.credentialUpdate, () => refuse('overloaded', 503)),
    });
    await failure(silent.monitor());
    expect((await readState(state)).credentials).toHaveLength(1);
    operator.server.log.clock.advance(credentialLifetimeMs(operator.server.log.context.configuration));
    await pass(1);
    await failure(silent.monitor());
    expect((await readState(state)).credentials).toEqual([]);
    return (await silent.alerts()).map(({ type }) => type);
  });

  describe('in a log with a maximum lifetime', () => {
    beforeEach(async () => {
      await operator.stop();
      operator = await LyingOperator.start({
        configuration: {
          reasonableMonitoringWindowMs: WINDOW_MS,
          maximumLifetimeMs: 10 * WINDOW_MS,
          maxBehindMs: 5 * WINDOW_MS,
        },
      });
    });
    const expired = () => refuse('version-expired', 410);

    attack('said-to-have-expired', async () => {
      const { state: owners } = await owner();
      await crowd(8);
      await appendFalse(BOB);
      const { state: contacts } = await contactOf(operator, BOB);
      expect((await readState(contacts)).contacts.get(BOB)!.monitored.length).toBeGreaterThan(0);
      await pass(3);
      const noticed: unknown[] = [];
      for (const [state, path] of [
        [contacts, PATHS.contactMonitor],
        [owners, PATHS.ownerMonitor],
        [owners, PATHS.update],
      ] as const) {
        const client = await operator.client({ state, fetch: lie(path, expired) });
        const before = await readState(state);
        noticed.push(await failure(client.monitor()));
        expect(await readState(state)).toBe(before);
      }
      expect(noticed.map(exitCodeOf)).toEqual([2, 2, 2]);
      return noticed;
    });

    attack('one-version-said-to-have-expired', async () => {
      await owner();
      await crowd(8);
      await appendFalse(BOB);
      const { client, read } = await contactOf(operator, BOB, lie(PATHS.search, expired));
      const { version } = (await read()).contacts.get(BOB)!.monitored.at(-1)!;
      await pass(3);
      const noticed = await failure(client.lookupVersion(BOB, version));
      await pass(12);
      expect(await failure(client.lookupVersion(BOB, version))).toMatchObject({ code: 'version-expired' });
      return noticed;
    });

    attack('expired-while-away', async () => {
      const { state } = await owner();
      await pass(12);
      const lying = await operator.client({ state, fetch: lie(PATHS.ownerMonitor, expired) });
      await failure(lying.monitor());
      return alerts(await operator.client({ state, fetch: once(PATHS.ownerMonitor, expired) }));
    });
  });
});

/** The refusal of a server, with any code. */
function refuse(code: string, status: number): Promise<Response> {
  const headers = { 'content-type': 'application/problem+json' };
  return Promise.resolve(Response.json({ code, title: code, status }, { status, headers }));
}

/** `fetch` whose first answer to a path is replaced. */
function once(path: string, answer: () => Promise<Response>): Fetch {
  let asked = 0;
  return lie(path, (honest) => (asked++ === 0 ? answer() : honest()));
}
