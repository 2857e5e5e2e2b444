import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import {
  distinguishedRequestCodec,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import { lookupRequestCodec, lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { createTestAuditor, type TestAuditor } from '../../support/auditor.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';

const MINUTE_MS = 60_000;
const LAG_MS = 60 * MINUTE_MS;

let auditor: TestAuditor;
let log: HistoryLog;
const views: (TreeView | undefined)[] = [undefined];
let entries = 0;

async function releasedSize(): Promise<number> {
  return (await log.service.progress.released()).released.size;
}

async function lookUp(name: string, view: TreeView | undefined) {
  const { configuration: config } = log.context;
  const request = { last: view?.size, label: identityOf(name).label };
  const bytes = await log.service.keytrans.lookup(encode(lookupRequestCodec, request));
  const answer = decode(lookupResponseCodec(config), bytes);
  return verifyLookup({ config, view, nowMs: log.clock.nowMs }, request, answer);
}

beforeAll(async () => {
  auditor = await createTestAuditor(LAG_MS);
  log = await createHistoryLog({
    labels: 4,
    rounds: 6,
    limits: { pollMs: 5 },
    configuration: { ...auditor.configuration, reasonableMonitoringWindowMs: 2 * 60 * MINUTE_MS },
    onCreated: async (created) => {
      log = created;
      await expect(lookUp('user3@example.com', undefined)).rejects.toMatchObject({ code: 'not-audited' });
      await created.service.auditor.accept(await auditor.sign(created.context, 1));
    },
    onEntry: async () => {
      // The auditor is up to two entries behind.
      const size = await releasedSize();
      if (entries++ % 3 === 0) await log.service.auditor.accept(await auditor.sign(log.context, size));
      for (const view of [views.at(-1), undefined]) views.push((await lookUp('user3@example.com', view)).view);
    },
  });
}, 120_000);
afterAll(() => log.close());

describe('a log with a third-party auditor', () => {
  it("shows the auditor's newest head with every new tree head", async () => {
    const audited = new Set(views.map((view) => view?.auditorTreeHead?.treeSize));
    expect(audited.size).toBeGreaterThan(4);
    for (const view of views.slice(1)) expect(view?.auditorTreeHead?.treeSize).toBeLessThanOrEqual(view?.size ?? 0);
    for (const view of views) {
      for (const name of log.names) {
        const verified = await lookUp(name, view);
        expect(verified.view.size).toBe(await releasedSize());
        // Nobody has to monitor what an auditor sees.
        if (verified.type === 'found') expect(verified.mustMonitor).toBe(false);
      }
    }
    const { configuration: config } = log.context;
    for (const view of views) {
      const request = { last: view?.size, stop: undefined };
      const bytes = await log.service.keytrans.distinguished(encode(distinguishedRequestCodec, request));
      const answer = decode(distinguishedResponseCodec(config), bytes);
      const verified = verifyDistinguished({ config, view, nowMs: log.clock.nowMs }, request, answer);
      expect(verified.heads.length).toBeGreaterThan(0);
    }
    expect(log.events.filter((event) => event.type === 'self-verified' && event.error !== undefined)).toEqual([]);
  });

  it('takes no head that the auditor did not sign over this log', async () => {
    const { service, context } = log;
    const size = await releasedSize();
    const good = await auditor.sign(context, size);
    const refuse = (head: Partial<typeof good>, code: string) =>
      expect(service.auditor.accept({ ...good, ...head })).rejects.toMatchObject({ code });
    await refuse({ signature: new Uint8Array(64) }, 'invalid-request');
    await refuse({ treeSize: size - 1 }, 'invalid-request');
    await refuse({ timestampMs: good.timestampMs + 1 }, 'invalid-request');
    await refuse({ treeSize: size + 1 }, 'too-far-behind');
    await refuse({ treeSize: 0 }, 'invalid-request');
    const stranger = await createTestAuditor(LAG_MS);
    await expect(service.auditor.accept(await stranger.sign(context, size))).rejects.toMatchObject({
      code: 'invalid-request',
    });
    await service.auditor.accept(good);
    await service.auditor.accept(await auditor.sign(context, size - 2));
    expect((await service.auditor.newestFor(size))?.treeSize).toBe(size);
  });

  it('says that it is not audited where the auditor is too far behind', async () => {
    for (let entry = 0; entry < 4; entry++) await log.step(17 * MINUTE_MS);
    await expect(lookUp('user3@example.com', undefined)).rejects.toMatchObject({ code: 'not-audited' });
    await log.service.auditor.accept(await auditor.sign(log.context, (await releasedSize()) - 1));
    await lookUp('user3@example.com', undefined);
  });
});

describe('a log without one', () => {
  it('takes no heads', async () => {
    const plain = await createHistoryLog({ labels: 1, rounds: 1 });
    const head = { treeSize: 1, timestampMs: 1, signature: new Uint8Array(64) };
    await expect(plain.service.auditor.accept(head)).rejects.toMatchObject({ code: 'unsupported-operation' });
    expect(await plain.service.auditor.newestFor(1)).toBeUndefined();
    await plain.close();
  });
});
