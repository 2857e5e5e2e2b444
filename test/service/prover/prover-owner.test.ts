import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import {
  ownerMonitorRequestCodec,
  ownerMonitorResponseCodec,
} from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { greatestKnown, type OwnerState } from '../../../src/core/keytrans/owner-state.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { updateRequestCodec, updateResponsesCodec } from '../../../src/core/keytrans/update-messages.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import { MAX_UPDATE_RESPONSES } from '../../../src/service/prover/update.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';

/** An owner as a client is: a view, and what it retains of its label. */
interface Owner {
  readonly label: Uint8Array;
  view: TreeView | undefined;
  state: OwnerState;
  /** Versions that it was told of. */
  told: number;
}

let log: HistoryLog;
const owners: Owner[] = [];
const counts = { inits: 0, rounds: 0, incomplete: 0 };
let entries = 0;

const context = (view: TreeView | undefined) => ({
  config: log.context.configuration,
  view,
  nowMs: log.clock.nowMs,
});

/** Takes ownership from the rightmost distinguished entry, or from the `back`th to its left. */
async function begin(name: string, back = 0): Promise<Owner> {
  const { label } = identityOf(name);
  const walked = await log.service.prover.distinguished({ last: undefined, stop: undefined });
  const { view, heads } = verifyDistinguished(context(undefined), { last: undefined, stop: undefined }, walked);
  const start = (heads.at(-1 - back) ?? heads[0])?.position ?? 0;
  const request = { last: view.size, label, start };
  const bytes = await log.service.keytrans.ownerInit(encode(ownerInitRequestCodec, request));
  const response = decode(ownerInitResponseCodec(log.context.configuration), bytes);
  const verified = verifyOwnerInit(context(view), request, response);
  counts.inits++;
  return { label, view: verified.view, state: verified.owner, told: 0 };
}

/** Asks what was created, until there is nothing more; one request may have several responses. */
async function learn(owner: Owner): Promise<number> {
  const { configuration } = log.context;
  for (let requests = 0; ; requests++) {
    const { label } = owner;
    const request = { last: owner.view?.size, label, greatestVersion: greatestKnown(owner.state), values: [] };
    let bytes: Uint8Array;
    try {
      bytes = await log.service.keytrans.update(encode(updateRequestCodec, request));
    } catch (error) {
      if (isGlasskeyError(error, 'search-not-found')) return requests;
      throw error;
    }
    for (const response of decode(updateResponsesCodec(configuration), bytes)) {
      const asIf = { ...request, last: owner.view?.size, greatestVersion: greatestKnown(owner.state) };
      const verified = verifyOwnerUpdate(context(owner.view), asIf, response, owner.state);
      owner.view = verified.view;
      owner.state = verified.owner;
      owner.told += verified.created.length;
    }
  }
}

async function monitor(owner: Owner): Promise<void> {
  const { configuration } = log.context;
  for (let rounds = 0; rounds < 20; rounds++) {
    const request = ownerMonitorRequest(owner.state, owner.view?.size);
    const bytes = await log.service.keytrans.ownerMonitor(encode(ownerMonitorRequestCodec, request));
    const response = decode(ownerMonitorResponseCodec(configuration), bytes);
    const verified = verifyOwnerMonitor(context(owner.view), response, owner.state);
    owner.view = verified.view;
    owner.state = verified.owner;
    counts.rounds++;
    if (verified.complete) return;
    counts.incomplete++;
  }
  throw new Error('the monitoring never comes to an end');
}

beforeAll(async () => {
  log = await createHistoryLog({
    labels: 7,
    rounds: 8,
    configuration: { reasonableMonitoringWindowMs: 2 * 3_600_000 },
    onEntry: async (growing) => {
      log = growing;
      const at = entries++;
      // One owner from the start, others that begin in the middle; each comes at its own times.
      if (at === 0) for (const name of log.names) owners.push(await begin(name));
      if (at % 7 === 6) owners.push(await begin(log.names[at % log.names.length] ?? '', at % 3));
      for (const [i, owner] of owners.entries()) {
        if (at % (1 + (i % 5)) !== 0) continue;
        await learn(owner);
        await monitor(owner);
      }
    },
  });
}, 200_000);
afterAll(() => log.close());

describe('the prover', () => {
  it('has told owners everything, and each step of it held', async () => {
    for (const owner of owners) {
      await learn(owner);
      await monitor(owner);
      const found = await log.service.prover.lookup({ last: undefined, label: owner.label });
      const greatest = found.type === 'found' ? found.response.version : undefined;
      expect(greatestKnown(owner.state)).toBe(greatest);
    }
    expect(owners.reduce((sum, { told }) => sum + told, 0)).toBeGreaterThan(15);
    expect(counts.rounds).toBeGreaterThan(50);
    expect(log.events.filter((event) => event.type === 'self-verified' && event.error !== undefined)).toEqual([]);
  });

  it('tells an owner who was away everything in few requests', async () => {
    const name = log.names[6] ?? '';
    const late = await begin(name, 4);
    const before = greatestKnown(late.state) ?? -1;
    const requests = await learn(late);
    await monitor(late);
    const missed = (greatestKnown(late.state) ?? -1) - before;
    expect(missed).toBeGreaterThan(1);
    expect(requests).toBe(Math.ceil(missed / MAX_UPDATE_RESPONSES));
  });

  it('makes no versions on request', async () => {
    const { label } = identityOf(log.names[1] ?? '');
    const request = { last: undefined, label, greatestVersion: undefined, values: [new Uint8Array(4)] };
    await expect(log.service.prover.update(request)).rejects.toMatchObject({ code: 'unsupported-operation' });
  });

  it('refuses what no owner asks for', async () => {
    const { prover } = log.service;
    const { label } = identityOf(log.names[6] ?? '');
    const { size } = (await log.service.progress.released()).released;
    const base = { last: undefined, label };
    for (const start of [size - 1, size, 2 ** 50]) {
      await expect(prover.ownerInit({ ...base, start })).rejects.toMatchObject({ code: 'invalid-request' });
    }
    const owned = { ...base, entries: [], start: 0, greatestVersion: undefined };
    const refused = [
      { ...owned, start: size },
      { ...owned, greatestVersion: 1_000 },
      { ...owned, start: size - 1 },
      { ...owned, greatestVersion: 0, entries: [{ position: 0, version: 0 }] },
      { ...owned, greatestVersion: 0, entries: [{ position: size, version: 0 }] },
    ];
    for (const request of refused) {
      await expect(prover.ownerMonitor(request)).rejects.toMatchObject({ code: 'invalid-request' });
    }
    const updated = { ...base, values: [] };
    await expect(prover.update({ ...updated, greatestVersion: 2 ** 32 - 1 })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    const absent = { last: undefined, label: identityOf(log.names[0] ?? '').label, values: [] };
    await expect(prover.update({ ...absent, greatestVersion: undefined })).rejects.toMatchObject({
      code: 'search-not-found',
    });
    await expect(prover.ownerInit({ ...base, last: 2 ** 50, start: 0 })).rejects.toMatchObject({
      code: 'too-far-behind',
    });
  });
});
