import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import {
  type Credential,
  credentialCodec,
  credentialRequestCodec,
  credentialUpdateCodec,
  type CredentialUpdateRequest,
  credentialUpdateRequestCodec,
} from '../../../src/core/keytrans/credential.ts';
import {
  distinguishedRequestCodec,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import { type KnownHead, recentHeads } from '../../../src/core/keytrans/known-head.ts';
import {
  settleCredential,
  type UnsettledCredential,
  verifyCredentialUpdate,
} from '../../../src/core/keytrans/settle-credential.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { verifyCredential } from '../../../src/core/keytrans/verify-credential.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';

/** A client that walks the distinguished entries after each log entry, and receives credentials. */
interface Walker {
  view: TreeView | undefined;
  heads: readonly KnownHead[];
}

let log: HistoryLog;
const walker: Walker = { view: undefined, heads: [] };
const lazy: Walker = { view: undefined, heads: [] };
const counts = { standard: 0, provisional: 0, final: 0, updated: 0 };
const unsettled: UnsettledCredential[] = [];
let entries = 0;

async function walk(client: Walker): Promise<void> {
  const { configuration: config } = log.context;
  const request = { last: client.view?.size, stop: client.heads.at(-1)?.position };
  const bytes = await log.service.keytrans.distinguished(encode(distinguishedRequestCodec, request));
  const response = decode(distinguishedResponseCodec(config), bytes);
  const context = { config, view: client.view, nowMs: log.clock.nowMs };
  const verified = verifyDistinguished(context, request, response);
  client.view = verified.view;
  client.heads = recentHeads(client.heads, verified.heads);
}

async function credentialBy(name: string, position: number): Promise<Credential> {
  const request = encode(credentialRequestCodec, { label: identityOf(name).label, position });
  return decode(credentialCodec(log.context.configuration), await log.service.keytrans.credential(request));
}

async function updateFor(request: CredentialUpdateRequest) {
  const bytes = await log.service.keytrans.credentialUpdate(encode(credentialUpdateRequestCodec, request));
  return decode(credentialUpdateCodec, bytes);
}

/** Receives a credential by the newest head, and by the oldest; settles what can be settled. */
async function exchange(name: string): Promise<void> {
  const { configuration: config } = log.context;
  const context = { config, heads: walker.heads, nowMs: log.clock.nowMs };
  for (const head of [walker.heads.at(-1), walker.heads.at(0)]) {
    if (head === undefined) continue;
    const verified = verifyCredential(context, await credentialBy(name, head.position));
    if (verified.unsettled === undefined) counts.standard++;
    else {
      counts.provisional++;
      unsettled.push(verified.unsettled);
    }
  }
  for (const one of unsettled.splice(0)) {
    const state = settleCredential(one, walker.heads);
    if (state === 'waiting') unsettled.push(one);
    else if (state === 'final') counts.final++;
    else {
      verifyCredentialUpdate(config, one, walker.heads, await updateFor(state));
      counts.updated++;
    }
  }
}

beforeAll(async () => {
  log = await createHistoryLog({
    labels: 6,
    rounds: 10,
    configuration: { reasonableMonitoringWindowMs: 3 * 3_600_000 },
    onEntry: async (growing) => {
      log = growing;
      await walk(walker);
      if (entries++ % 13 === 12) await walk(lazy);
      await exchange(growing.names[5] ?? '');
    },
  });
}, 120_000);
afterAll(() => log.close());

describe('the prover', () => {
  it('has served walks and credentials that hold', async () => {
    expect(counts.standard).toBeGreaterThan(5);
    expect(counts.provisional).toBeGreaterThan(5);
    expect(counts.updated + counts.final).toBeGreaterThan(2);
    expect(log.events.filter((event) => event.type === 'self-verified' && event.error !== undefined)).toEqual([]);
  });

  it('shows the same heads to those who ask often, seldom or for the first time', async () => {
    const fresh: Walker = { view: undefined, heads: [] };
    for (const client of [walker, lazy, fresh]) await walk(client);
    expect(walker.heads.length).toBeGreaterThan(3);
    for (const client of [lazy, fresh]) {
      expect(client.heads.map(({ position }) => position)).toEqual(walker.heads.map(({ position }) => position));
      expect(client.heads.map(({ logRoot }) => logRoot)).toEqual(walker.heads.map(({ logRoot }) => logRoot));
    }
  });

  it('needs few round trips', async () => {
    const { service } = log;
    const label = identityOf(log.names[5] ?? '').label;
    const newest = walker.heads.at(-1)?.position ?? 0;
    log.trips = 0;
    await service.prover.distinguished({ last: undefined, stop: undefined });
    await service.prover.credential({ label, position: newest });
    // All are self-verified in tests, which reads the view too.
    expect(log.trips).toBeLessThan(10);
  });

  it('refuses what no client asks for', async () => {
    const [name = '', , , , , known = ''] = log.names;
    const { size } = (await log.service.progress.released()).released;
    await expect(credentialBy(name, walker.heads[0]?.position ?? 0)).rejects.toMatchObject({
      code: 'search-not-found',
    });
    await expect(credentialBy(known, size - 2)).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(credentialBy(known, 2 ** 50)).rejects.toMatchObject({ code: 'invalid-request' });
    const { label } = identityOf(known);
    const request = { label, version: 0, treeSize: 3, terminal: 2, distinguished: 2 ** 50 };
    await expect(updateFor(request)).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(updateFor({ ...request, distinguished: 7, version: 99 })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    const walked = log.service.prover.distinguished({ last: 2 ** 50, stop: undefined });
    await expect(walked).rejects.toMatchObject({ code: 'too-far-behind' });
    const beyond = await log.service.prover.distinguished({ last: undefined, stop: 2 ** 50 });
    expect(beyond.distinguished.prefixProofs).toEqual([]);
  });
});
