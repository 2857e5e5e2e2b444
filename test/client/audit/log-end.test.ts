import { describe, expect, it } from 'vitest';
import { auditEvidenceOf } from '../../../src/client/audit/audit-evidence.ts';
import { auditLog, type AuditReport } from '../../../src/client/audit/audit-log.ts';
import { type AuditState, decodeAuditState, encodeAuditState } from '../../../src/client/audit/audit-state.ts';
import { verifyEvidence } from '../../../src/client/evidence/verify-evidence.ts';
import { publishLog } from '../../../src/service/publish/publish-log.ts';
import { auditCopy, MemoryTarget, sourceOf, trustOf } from '../../support/publishing.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';

const NOW = 1_000_000;

/** A log of `size` entries whose last one ends it. */
async function endedLog(size: number): Promise<StaticLog> {
  const log = new StaticLog();
  for (let i = 0; i < size - 1; i++) log.append([testLeaf(i)], NOW + i);
  await log.end(NOW + size);
  await log.release();
  return log;
}

const audit = (log: StaticLog, state?: AuditState): Promise<AuditReport> =>
  auditLog({ baseUrl: 'http://log.test/', bundle: log.bundle, state, fetch: log.fetch, now: () => NOW + 10_000 });
const failure = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => Promise.reject(new Error('expected a failure')),
    (error: unknown) => error,
  );

describe('the audit of a log that has ended', () => {
  it.each([1, 2, 17, 257])('tells of the end at %i entries, also when it looks again', async (size) => {
    const log = await endedLog(size);
    const first = await audit(log);
    expect(first).toMatchObject({ treeSize: size, updates: size - 1 });
    expect(first.end).toEqual({
      format: 1,
      origin: log.origin,
      position: size - 1,
      reason: 'moved',
      successor: undefined,
    });
    const again = await audit(log, decodeAuditState(encodeAuditState(first.state)));
    expect(again).toMatchObject({ entries: 0, end: first.end });
  });

  it('is of an ordinary leaf for whoever does not know it: the log without an end has none', async () => {
    const log = new StaticLog();
    log.append([testLeaf(1)], NOW);
    await log.release();
    expect((await audit(log)).end).toBeUndefined();
    expect(log.requests).not.toContain('end');
  });

  it.each([0, 40])('finds entries after the end, %i of them before it, and proves them', async (before) => {
    const log = await endedLog(before + 1);
    log.append([testLeaf(1000)], NOW + 1000);
    await log.release();
    const error = await failure(audit(log));
    expect(error).toMatchObject({ code: 'continued-after-end' });
    const proof = auditEvidenceOf(error)?.proof;
    expect(proof).toMatchObject({ type: 'entry', index: before });
    if (proof === undefined) throw new Error('no proof');
    expect(verifyEvidence(proof, log.bundle)).toMatchObject({ code: 'continued-after-end', parties: [log.origin] });
  });

  it('finds that a log which it saw end goes on', async () => {
    const log = await endedLog(30);
    const { state } = await audit(log);
    log.append([], NOW + 1000);
    await log.release();
    const error = await failure(audit(log, state));
    expect(error).toMatchObject({ code: 'continued-after-end' });
    expect(auditEvidenceOf(error)).toMatchObject({ previousCheckpoint: state.checkpoint, checkpoint: log.checkpoint });
  });

  it('does not take an end that its bundle key has not signed, or that names another entry', async () => {
    for (const change of [{ position: 7 }, { origin: 'log.example/other' }, { reason: 'something else' }]) {
      const log = new StaticLog();
      log.append([testLeaf(1)], NOW);
      await log.end(NOW + 1, change);
      await log.release();
      expect(await failure(audit(log))).toMatchObject({ code: 'bad-log-end' });
    }
    const unsigned = await endedLog(3);
    const signature = unsigned.logEnd?.length ?? 0;
    unsigned.logEnd = unsigned.logEnd?.with(signature - 1, 1);
    expect(await failure(audit(unsigned))).toMatchObject({ code: 'bad-log-end' });
    unsigned.logEnd = undefined;
    expect(await failure(audit(unsigned))).toMatchObject({ code: 'bad-response' });
  });

  it('is the same of a published copy', async () => {
    const log = await endedLog(20);
    const target = new MemoryTarget();
    await publishLog({ source: sourceOf(log), target, trust: trustOf(log), now: () => NOW + 10_000 });
    const read = async (path: string): Promise<Uint8Array | undefined> => (await target.read(path))?.bytes;
    expect(await read('log/end')).toEqual(log.logEnd);
    expect(await auditCopy(log, read)).toBe(20);
    const other = await endedLog(20);
    other.logEnd = other.logEnd?.with(-1 + (other.logEnd.length ?? 0), 1);
    const publish = publishLog({
      source: sourceOf(other),
      target: new MemoryTarget(),
      trust: trustOf(other),
      now: () => NOW + 10_000,
    });
    await expect(publish).rejects.toMatchObject({ code: 'bad-log-end' });
  });
});
