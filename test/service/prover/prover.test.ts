import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
  type MonitorMapEntry,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import type { KnownVersion } from '../../../src/core/keytrans/known-version.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  type SearchResponse,
  searchResponseCodec,
} from '../../../src/core/keytrans/messages.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';

let log: HistoryLog;
let names: readonly string[];
/** What a contact has to monitor. */
const monitored: {
  readonly view: TreeView;
  readonly label: Uint8Array;
  readonly ladder: readonly KnownVersion[];
  readonly entries: readonly MonitorMapEntry[];
}[] = [];
const views = new Map<number, TreeView>();

/** Looks up as a client with the view of size `last` would, verifies, and keeps the new view. */
async function lookUp(name: string, last?: number) {
  const { label } = identityOf(name);
  const request = { last, label };
  const bytes = await log.service.keytrans.lookup(encode(lookupRequestCodec, request));
  const { configuration: config } = log.context;
  const answer = decode(lookupResponseCodec(config), bytes);
  const view = last === undefined ? undefined : views.get(last);
  const nowMs = log.clock.nowMs;
  const verified = verifyLookup({ config, view, nowMs }, request, answer);
  views.set(verified.view.size, verified.view);
  if (verified.type === 'found' && verified.mustMonitor) {
    const { view: seen, ladder, terminalPosition: position, version } = verified;
    monitored.push({ view: seen, label, ladder, entries: [{ position, version }] });
  }
  return { verified, bytes };
}

beforeAll(async () => {
  log = await createHistoryLog({
    onEntry: async (growing) => {
      log = growing;
      await lookUp(growing.names[11] ?? '');
    },
  });
  names = log.names;
}, 120_000);

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
    log.trips = 0;
    const { bytes } = await lookUp(names[5] ?? '');
    // The label, and the versions of its ladder.
    expect(log.trips).toBeLessThanOrEqual(2);
    expect(bytes.length).toBeLessThan(8 * 1024);
  });

  it('refuses a client that has seen more', async () => {
    const request = encode(lookupRequestCodec, { last: 1_000, label: identityOf('a@example.com').label });
    await expect(log.service.keytrans.lookup(request)).rejects.toMatchObject({ code: 'too-far-behind' });
    const zero = encode(lookupRequestCodec, { last: 0, label: identityOf('a@example.com').label });
    await expect(log.service.keytrans.lookup(zero)).rejects.toMatchObject({ code: 'invalid-request' });
  });

  it('answers for every version of every label, whatever the client has seen', async () => {
    const { configuration: config } = log.context;
    const lasts = [undefined, ...views.keys()];
    for (const name of names) {
      const { label } = identityOf(name);
      const greatest = (await log.service.prover.lookup({ last: undefined, label })) as { response?: SearchResponse };
      const count = (greatest.response?.version ?? -1) + 1;
      for (let version = 0; version < count; version++) {
        const last = lasts[(version * 7 + count) % lasts.length];
        const request = { last, label, version };
        const bytes = await log.service.keytrans.search(encode(searchRequestCodec, request));
        const answer = decode(searchResponseCodec(config, request), bytes);
        const view = last === undefined ? undefined : views.get(last);
        const verified = verifySearch({ config, view, nowMs: log.clock.nowMs }, request, answer);
        expect(verified.version).toBe(version);
      }
      for (const version of [count, count + 1, 2 ** 31, 2 ** 32 - 1]) {
        const refused = log.service.prover.search({ last: undefined, label, version });
        await expect(refused).rejects.toMatchObject({ code: 'search-not-found' });
      }
    }
  });

  it('answers contacts that monitor, from every size that they can have seen', async () => {
    const { configuration: config } = log.context;
    const nowMs = log.clock.nowMs;
    let inspected = 0;
    for (const seen of monitored) {
      const request = { last: seen.view.size, label: seen.label, entries: seen.entries };
      const bytes = await log.service.keytrans.contactMonitor(encode(contactMonitorRequestCodec, request));
      const answer = decode(contactMonitorResponseCodec(config), bytes);
      const verified = verifyContactMonitor({ config, view: seen.view, nowMs }, request, answer, seen.ladder);
      inspected += answer.monitor.prefixProofs.length;
      expect(verified.view.size).toBe((await log.service.progress.released()).released.size);
    }
    expect(monitored.length).toBeGreaterThan(10);
    expect(inspected).toBeGreaterThan(0);
  });

  it('refuses monitoring maps that no search leads to', async () => {
    const [seen] = monitored;
    const { label } = identityOf(names[11] ?? '');
    const ask = (entries: { position: number; version: number }[]) =>
      log.service.keytrans.contactMonitor(encode(contactMonitorRequestCodec, { last: 1, label, entries }));
    const entry = seen?.entries[0] ?? { position: 0, version: 0 };
    for (const entries of [
      [{ ...entry, version: 1_000 }],
      [{ ...entry, position: 1_000 }],
      [{ position: 0, version: 3 }],
      [entry, entry],
    ]) {
      await expect(ask(entries)).rejects.toMatchObject({ code: 'invalid-request' });
    }
  });

  it('opens chains', async () => {
    const label = identityOf(names[11] ?? '').label;
    const chain = async (first: number, last: number) => {
      const bytes = await log.service.keytrans.chain(encode(chainRequestCodec, { label, first, last }));
      return decode(chainResponseCodec(log.context.configuration), bytes).links;
    };
    expect(await chain(0, 3)).toHaveLength(4);
    await expect(chain(3, 2)).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(chain(0, 64)).rejects.toMatchObject({ code: 'invalid-request' });
    const all = await chain(0, 40);
    expect(all.length).toBeGreaterThanOrEqual(4);
    expect(await chain(all.length - 1, 40)).toEqual(all.slice(-1));
    await expect(chain(all.length, 40)).rejects.toMatchObject({ code: 'search-not-found' });
  });

  it('never answers a plain search with absence', async () => {
    const label = identityOf(names[0] ?? '').label;
    const search = log.service.prover.search({ last: undefined, label, version: undefined });
    await expect(search).rejects.toMatchObject({ code: 'search-not-found' });
    const fixed = log.service.prover.search({ last: undefined, label, version: 0 });
    await expect(fixed).rejects.toMatchObject({ code: 'search-not-found' });
  });
});
