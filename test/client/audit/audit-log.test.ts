import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { auditEvidenceOf } from '../../../src/client/audit/audit-evidence.ts';
import { auditLog, type AuditProgress, type AuditReport } from '../../../src/client/audit/audit-log.ts';
import { decodeAuditState, encodeAuditState, type AuditState } from '../../../src/client/audit/audit-state.ts';
import { MAX_UPDATE_BUNDLE_BYTES } from '../../../src/core/audit/update-bundle.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { testCosigner } from '../../core/audit/test-cosigner.ts';
import { cosign } from '../../support/publishing.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';

const NOW = 1_800_000_000_000;
const code = (expected: ErrorCode): object => expect.objectContaining({ code: expected });

/** A log of `size` entries, each a second after the one before; some add nothing. */
async function makeLog(size: number, seed = 0): Promise<StaticLog> {
  const log = new StaticLog();
  grow(log, size, seed);
  await log.release();
  return log;
}

function grow(log: StaticLog, size: number, seed = 0): void {
  for (let i = log.entries.length; i < size; i++) {
    const leaves = Array.from({ length: i % 4 }, (_, n) => testLeaf(seed + i * 10 + n));
    log.append(leaves, NOW - 1_000_000 + i * 1000);
  }
}

async function audit(log: StaticLog, state?: AuditState): Promise<AuditReport> {
  return auditLog({ baseUrl: 'http://log.test/', bundle: log.bundle, state, fetch: log.fetch, now: () => NOW });
}

async function failure(run: Promise<unknown>): Promise<unknown> {
  try {
    await run;
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure');
}

describe('an honest log', () => {
  it.each([1, 2, 255, 256, 257, 600])('of %i entries is verified', async (size) => {
    const log = await makeLog(size);
    const report = await audit(log);
    const versions = Array.from({ length: size }, (_, i) => i % 4).reduce((sum, n) => sum + n, 0);
    expect(report).toMatchObject({ treeSize: size, entries: size, updates: versions });
    expect(report.rootHash).toBe(formatHex(log.rootHash));
  });

  it.each([
    [1, 2, 1],
    [100, 300, 44],
    [250, 256, 6],
    [256, 256, 0],
    [256, 512, 0],
    [300, 301, 1],
  ])('is followed from %i to %i entries, with %i updates read one by one', async (before, after, singles) => {
    const log = await makeLog(before);
    const { state } = await audit(log);
    log.requests.length = 0;
    grow(log, after);
    await log.release();
    const report = await audit(log, decodeAuditState(encodeAuditState(state)));
    expect(report).toMatchObject({ treeSize: after, entries: after - before });
    expect(log.requests.filter((path) => path.startsWith('updates/'))).toHaveLength(singles);
    expect(report.state).toEqual((await audit(log)).state);
  });

  const BROKEN: readonly (readonly [string, (bundle: Uint8Array) => Uint8Array | undefined])[] = [
    ['are not there, as of an earlier release', () => undefined],
    ['are empty', () => new Uint8Array()],
    ['are cut', (bundle) => bundle.slice(0, -1)],
    ['go on', (bundle) => Uint8Array.from([...bundle, 0, 0, 0, 0])],
    ['are too long', () => new Uint8Array(MAX_UPDATE_BUNDLE_BYTES + 1)],
    ['hold other updates', (bundle) => bundle.map((byte, i) => (i % 100 === 99 ? byte ^ 1 : byte))],
  ];
  it.each(BROKEN)('is verified by the updates’ own files if its update bundles %s', async (_, broken) => {
    const log = await makeLog(300);
    log.lie = (path, file) => {
      if (file === undefined || !path.startsWith('tile/updates/')) return file;
      const body = broken(new Uint8Array(gunzipSync(file.body)));
      return body && { body, gzip: false };
    };
    expect(await audit(log)).toMatchObject({ treeSize: 300, entries: 300 });
    expect(log.requests.filter((path) => path.startsWith('updates/')).length).toBeGreaterThan(44);
  });

  it('tells how far it is', async () => {
    const log = await makeLog(300);
    const seen: number[] = [];
    const { bundle, fetch } = log;
    const onProgress = ({ done, total, updates }: AuditProgress): void => {
      seen.push(done);
      expect([total, updates]).toEqual([300, Array.from({ length: done }, (_, i) => i % 4).reduce((a, b) => a + b, 0)]);
    };
    await auditLog({ baseUrl: 'http://log.test', bundle, fetch, now: () => NOW, onProgress });
    expect(seen.at(-1)).toBe(300);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen.length).toBeGreaterThan(10);
  });

  it('is verified from files that are compressed without saying so', async () => {
    const log = await makeLog(20);
    log.lie = (_path, file) => file && { ...file, gzip: false };
    expect((await audit(log)).treeSize).toBe(20);
  });
});

describe('a log that rewrites history', () => {
  it('is caught when it grows on', async () => {
    const { state } = await audit(await makeLog(30));
    const error = await failure(audit(await makeLog(40, 5), state));
    expect(error).toEqual(code('log-forked'));
    expect(auditEvidenceOf(error)).toMatchObject({ origin: 'log.example/test', previousCheckpoint: state.checkpoint });
    expect(auditEvidenceOf(error)?.checkpoint).not.toBe(state.checkpoint);
  });

  it('is caught at the same size', async () => {
    const { state } = await audit(await makeLog(30));
    await expect(audit(await makeLog(30, 5), state)).rejects.toThrow(code('log-forked'));
  });

  it('is caught when it becomes shorter', async () => {
    const { state } = await audit(await makeLog(30));
    await expect(audit(await makeLog(29), state)).rejects.toThrow(code('tree-rolled-back'));
  });

  it('is caught when only its entries are others', async () => {
    const log = await makeLog(30);
    const { state } = await audit(log);
    grow(log, 40);
    await log.release();
    const other = await makeLog(40, 5);
    log.lie = (path, file) =>
      path.startsWith('tile/entries') || path === 'tile/0/000.p/40' ? other.serve(path) : file;
    await expect(audit(log, state)).rejects.toThrow(code('log-forked'));
  });
});

describe('a log that lies', () => {
  const flip = (bytes: Uint8Array, at: number): Uint8Array => {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    return changed;
  };

  it.each([
    ['prefix root', 9, 'bad-audit-entry'],
    ['log root', 41, 'bad-audit-entry'],
    ['Configuration', 73, 'bad-audit-entry'],
    ['update hash', 105, 'bad-auditor-update'],
    ['timestamp', 8, 'bad-audit-entry'],
    ['format', 0, 'bad-audit-entry'],
  ] as const)('about the %s of an entry is caught', async (_, at, expected) => {
    const log = await makeLog(10);
    log.append([testLeaf(999)], NOW, { entry: (entry) => flip(entry, at) });
    grow(log, 14);
    await log.release();
    const error = await failure(audit(log));
    expect(error).toEqual(code(expected));
    if (expected !== 'bad-audit-entry' || at > 0) expect(auditEvidenceOf(error)?.position).toBe(10);
  });

  it('about what it added is caught', async () => {
    const log = await makeLog(10);
    log.append([testLeaf(999)], NOW, {
      update: (update) => ({ ...update, added: [{ ...update.added[0]!, commitment: new Uint8Array(32) }] }),
    });
    await log.release();
    await expect(audit(log)).rejects.toThrow(code('bad-audit-entry'));
  });

  it('by removing a leaf is caught', async () => {
    const log = await makeLog(10);
    log.append([testLeaf(999)], NOW, { update: (update) => ({ ...update, removed: [testLeaf(30)] }) });
    await log.release();
    await expect(audit(log)).rejects.toThrow(code('bad-auditor-update'));
  });

  it('by going back in time is caught', async () => {
    const log = await makeLog(10);
    log.append([], NOW - 2_000_000);
    await log.release();
    await expect(audit(log)).rejects.toThrow(code('bad-timestamp'));
  });

  it('by coming from the future is caught', async () => {
    const log = await makeLog(10);
    log.append([], NOW + 61_000);
    await log.release();
    await expect(audit(log)).rejects.toThrow(code('tree-head-too-new'));
  });

  it.each([
    ['checkpoint', 'bad-checkpoint'],
    ['tile/entries/001.p/44', 'bad-audit-entry'],
    ['tile/0/000', 'bad-audit-entry'],
    ['tile/1/000.p/1', 'bad-log-proof'],
  ] as const)('with a flipped bit in %s is caught', async (path, expected) => {
    const log = await makeLog(300);
    log.lie = (asked, file) => (asked === path && file ? { ...file, body: flip(file.body, 20) } : file);
    await expect(audit(log)).rejects.toThrow(code(expected));
  });

  it('with another AuditorUpdate is caught', async () => {
    const log = await makeLog(30);
    log.updates[7] = log.updates[3]!;
    await expect(audit(log)).rejects.toThrow(code('bad-auditor-update'));
  });

  it('with a tree head over another root is caught', async () => {
    const log = await makeLog(30);
    log.head = flip(log.head, 40);
    await expect(audit(log)).rejects.toThrow(code('bad-tree-head'));
  });

  it('with other entries than it signed is caught', async () => {
    const [log, other] = [await makeLog(30), await makeLog(30, 5)];
    other.checkpoint = log.checkpoint;
    await expect(audit(other)).rejects.toThrow(code('bad-checkpoint'));
  });

  it('under another key or name is caught', async () => {
    const log = await makeLog(3);
    const bundle = { ...log.bundle, auditLogVkeys: [new StaticLog('log.example/test', 8).vkey] };
    const options = { baseUrl: 'http://log.test', fetch: log.fetch, now: () => NOW };
    await expect(auditLog({ ...options, bundle })).rejects.toThrow(code('bad-checkpoint'));
    await expect(auditLog({ ...options, bundle: { ...log.bundle, origin: 'x' } })).rejects.toThrow(
      code('bad-checkpoint'),
    );
  });
});

describe('a server in trouble', () => {
  it.each(['checkpoint', 'head/300', 'updates/123', 'tile/0/000', 'tile/entries/001.p/44'])(
    'that lacks %s',
    async (path) => {
      const log = await makeLog(300);
      log.lie = (asked, file) => (asked === path || asked.startsWith('tile/updates/') ? undefined : file);
      const error = await failure(audit(log));
      expect(error).toEqual(code('bad-response'));
      expect(auditEvidenceOf(error)).toBeUndefined();
    },
  );

  it('that cannot be reached', async () => {
    const log = await makeLog(3);
    const fetch = (): Promise<Response> => Promise.reject(new TypeError('refused'));
    const run = auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, fetch, now: () => NOW });
    await expect(run).rejects.toThrow(code('network-failed'));
  });

  it('that answers with a bomb', async () => {
    const log = await makeLog(3);
    log.lie = (path, file) => (path === 'updates/001' ? { body: new Uint8Array(3 * 1024 * 1024), gzip: false } : file);
    await expect(audit(log)).rejects.toThrow(code('bad-response'));
  });
});

describe('the auditor', () => {
  it('does not ignore a witness policy', async () => {
    const log = await makeLog(3);
    const witness = testCosigner('witness.example', 5);
    const bundle = { ...log.bundle, witnessPolicy: `witness w ${formatVkey(witness.vkey)}\nquorum w\n` };
    const run = async () => auditLog({ baseUrl: 'http://log.test', bundle, fetch: log.fetch, now: () => NOW });
    await expect(run()).rejects.toThrow(code('not-witnessed'));
    log.checkpoint = await cosign(log.checkpoint, witness, NOW - 600_000);
    expect((await run()).cosignatures).toEqual([{ vkey: witness.vkey, timestampMs: NOW - 600_000 }]);
  });

  it('refuses a damaged state', async () => {
    const stored = encodeAuditState((await audit(await makeLog(3))).state);
    expect(() => decodeAuditState(stored.slice(1))).toThrow(code('state-corrupt'));
    expect(() => decodeAuditState(stored.with(0, 4))).toThrow(code('state-too-new'));
    expect(() => decodeAuditState(stored.slice(0, -1))).toThrow(code('state-corrupt'));
    expect(() => decodeAuditState(stored.with(1, stored[1]! ^ 1))).toThrow(code('state-corrupt'));
  });

  it('refuses the state of another log', async () => {
    const { state } = await audit(await makeLog(3));
    const other = new StaticLog('other.example');
    grow(other, 4);
    await other.release();
    await expect(audit(other, state)).rejects.toThrow(code('usage'));
  });
});
