import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogService } from '../../../src/service/log-service.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { checkLog } from '../../../src/service/sequencing/self-check.ts';
import type { EntryRow, HeadRow, LogStore, ReleasedHead } from '../../../src/store/ports.ts';
import { csrFor, identityOf, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

let log: TestLog;
let head: HeadRow;
let released: ReleasedHead;

beforeEach(async () => {
  log = await createTestLog({ loop: true, limits: { heartbeatMs: 1 } });
  const csr = await csrFor(await newDeviceKey(), 'alice@example.com');
  await log.service.issue({ identity: 'alice@example.com', csr, token: log.token, change: undefined, last: undefined });
  await log.service.sequencer.stop();
  head = await log.context.store.readHead();
  const found = await log.context.store.readReleased();
  if (found === undefined) throw new Error('nothing released');
  released = found;
});
afterEach(async () => {
  await log.close();
});

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

function changedEntry(row: EntryRow | undefined): EntryRow {
  if (row === undefined) throw new Error('no such entry');
  return { ...row, auditEntry: flipped(row.auditEntry) };
}

/** The store, with some methods answering something else. */
function lying(methods: Partial<LogStore>): LogStore {
  return Object.assign(Object.create(log.context.store) as LogStore, methods);
}

describe('the self-check', () => {
  it('accepts what the sequencer wrote', async () => {
    await checkLog(log.context, head, released);
    await checkLog(log.context, head, undefined);
  });

  it.each(['prefixRoot', 'logRoot', 'auditRoot', 'logEdge', 'auditEdge'] as const)(
    'sees a changed %s',
    async (field) => {
      const changed = { ...head, [field]: flipped(head[field]) };
      await expect(checkLog(log.context, changed, released)).rejects.toMatchObject({ code: 'storage-corrupt' });
    },
  );

  it('sees a changed timestamp, size and prefix tile', async () => {
    for (const change of [{ timestampMs: head.timestampMs + 1 }, { size: head.size - 1 }, { prefixTile: undefined }]) {
      await expect(checkLog(log.context, { ...head, ...change }, released)).rejects.toMatchObject({
        code: 'storage-corrupt',
      });
    }
  });

  it('sees a changed signature or checkpoint', async () => {
    const signature = flipped(released.signature);
    await expect(checkLog(log.context, head, { ...released, signature })).rejects.toMatchObject({
      code: 'storage-corrupt',
    });
    const checkpoint = released.checkpoint.replace(/\n\d+\n/, '\n1\n');
    await expect(checkLog(log.context, head, { ...released, checkpoint })).rejects.toMatchObject({
      code: 'storage-corrupt',
    });
    const size = released.size + 1;
    await expect(checkLog(log.context, head, { ...released, size })).rejects.toMatchObject({ code: 'storage-corrupt' });
  });

  it('sees a changed entry, a missing update and a missing tile', async () => {
    const { store } = log.context;
    const entries = lying({
      readEntryRange: async (start, end) => {
        const rows = await store.readEntryRange(start, end);
        return rows.with(1, changedEntry(rows[1]));
      },
    });
    const noUpdate = lying({ readUpdate: async () => new Uint8Array(3) });
    for (const changed of [entries, noUpdate]) {
      const context = { ...log.context, store: changed };
      await expect(checkLog(context, head, released)).rejects.toMatchObject({ code: 'storage-corrupt' });
    }
    const noTile = {
      ...log.options,
      store: {
        ...log.options.store,
        findLog: async () => log.options.store.findLog(log.options.origin),
        log: () => lying({ readPrefixTiles: async (names) => names.map(() => undefined) }),
      },
    };
    const context = await openLog(noTile);
    await expect(checkLog(context, head, released)).rejects.toMatchObject({ code: 'storage-corrupt' });
  });

  it('keeps a log that contradicts itself from being signed, while reads go on', async () => {
    const wrong = { ...head, logRoot: flipped(head.logRoot) };
    const store = {
      ...log.options.store,
      findLog: async () => log.options.store.findLog(log.options.origin),
      log: () => lying({ readHead: async () => wrong }),
    };
    const context = await openLog({ ...log.options, store });
    const service = new LogService(context, { sequence: false });
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'storage-corrupt' });
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'storage-corrupt' });
    const csr = await csrFor(await newDeviceKey(), 'bob@example.com');
    const order = { identity: 'bob@example.com', csr, token: log.token, change: undefined, last: undefined };
    await expect(service.issue(order)).rejects.toMatchObject({ code: 'storage-corrupt' });
    const answer = await service.prover.lookup({ last: undefined, label: identityOf('alice@example.com').label });
    expect(answer.type).toBe('found');
    expect(log.events.some(({ type }) => type === 'signed')).toBe(true);
  });
});
