import { expect, test } from 'vitest';
import type { RecoveryRow, TrailRecord } from '../../src/store/ports.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, labelKey } from './samples.ts';

const recovery = (label: string, but: Partial<RecoveryRow> = {}): RecoveryRow => ({
  labelKey: labelKey(label),
  identity: `${label}@example.com`,
  csr: bytes(`csr of ${label}`, 100),
  spkiSha256: bytes(`key of ${label}`, 32),
  evidence: Uint8Array.of(3),
  state: 'waiting',
  requestedMs: 5,
  notifiedMs: undefined,
  reason: undefined,
  grantedVersion: undefined,
  grantedCommitment: undefined,
  ...but,
});
const GRANT = { reason: 'why', version: 3, commitment: bytes('commitment', 32) };
const record = (sequence: number): TrailRecord => ({ sequence, acts: '{}', hash: bytes(`record ${sequence}`, 32) });

describeEachStore('recoveries', ({ newLog }) => {
  test('are given as they were stored, one of a label, in the order of the labels', async () => {
    const log = await newLog();
    const [alice, bob] = [recovery('alice'), recovery('bob')];
    expect(await log.addRecovery(alice)).toBe(true);
    expect(await log.addRecovery(bob)).toBe(true);
    expect(await log.findRecovery(alice.labelKey)).toEqual(alice);
    expect(await log.findRecovery(labelKey('carol'))).toBeUndefined();
    expect(await (await newLog()).findRecovery(alice.labelKey)).toBeUndefined();
    const sorted = [alice, bob].sort((a, b) => Buffer.compare(a.labelKey, b.labelKey));
    expect(await log.listRecoveries(undefined, 9)).toEqual(sorted);
    expect(await log.listRecoveries(sorted[0]?.labelKey, 9)).toEqual(sorted.slice(1));
    expect(await log.listRecoveries(undefined, 1)).toEqual(sorted.slice(0, 1));
    const again = recovery('alice', { spkiSha256: bytes('another key', 32) });
    await log.noteRecoveryNotified(alice, 7);
    expect(await log.findRecovery(alice.labelKey)).toEqual({ ...alice, notifiedMs: 7 });
    expect(await log.addRecovery(again)).toBe(true);
    expect(await log.findRecovery(alice.labelKey)).toEqual(again);
  });

  test('are the operator’s to decide once they are undecided, and each decision is in the trail', async () => {
    const log = await newLog();
    const alice = recovery('alice', { state: 'undecided' });
    expect(await log.grantRecovery(alice, GRANT, record(0))).toBe(false);
    expect(await log.readTrailHead()).toBeUndefined();
    await log.addRecovery(alice);
    expect(await log.addRecovery(recovery('alice'))).toBe(false);
    const other = { ...alice, spkiSha256: bytes('another key', 32) };
    expect(await log.grantRecovery(other, GRANT, record(0))).toBe(false);
    expect(await log.grantRecovery(alice, GRANT, record(0))).toBe(true);
    expect(await log.grantRecovery(alice, GRANT, record(1))).toBe(false);
    expect(await log.findRecovery(alice.labelKey)).toEqual({
      ...alice,
      state: 'granted',
      reason: 'why',
      grantedVersion: 3,
      grantedCommitment: GRANT.commitment,
    });
    expect(await log.addRecovery(recovery('alice'))).toBe(false);
    expect(await log.dropRecovery(alice, record(1))).toBe(false);
    expect(await log.dropRecovery({ ...alice, state: 'granted' }, record(1))).toBe(true);
    expect(await log.readTrailHead()).toMatchObject({ size: 2 });
    expect(await log.findRecovery(alice.labelKey)).toBeUndefined();
  });

  test('of a key that is claimed for again are not those of before', async () => {
    const log = await newLog();
    const [before, since] = [recovery('alice'), recovery('alice', { requestedMs: 6 })];
    await log.addRecovery(before);
    await log.addRecovery(since);
    await log.noteRecoveryNotified(before, 7);
    expect(await log.dropRecovery(before)).toBe(false);
    expect(await log.findRecovery(since.labelKey)).toEqual(since);
    expect(await log.dropRecovery(since)).toBe(true);
  });

  test('go with the data of an erased identity', async () => {
    const log = await newLog();
    await log.addRecovery(recovery('alice'));
    await log.erase(labelKey('alice'), 1, record(0));
    expect(await log.listRecoveries(undefined, 9)).toEqual([]);
  });
});
