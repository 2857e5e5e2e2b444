import { describe, expect, it } from 'vitest';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import type { AuditorTreeHead, FullTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { assertRecent, claimedSizes, verifyFullTreeHead } from '../../../src/core/keytrans/verify-full-tree-head.ts';
import { realVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';

const CONFIG = referenceConfiguration(1000);
const AUDITED = referenceConfiguration(1000, { maxAuditorLagMs: 400, auditorStartPosition: 3 });
const refused = (code: string) => expect.objectContaining({ name: 'GlasskeyError', code });

/** Entries 100 ms apart, from 100 ms on. */
const logOf = (config: Configuration, size = 8) =>
  new ReferenceLog(
    config,
    realVrf,
    Array.from({ length: size }, (_, i) => ({ timestampMs: 100 * (i + 1), labels: [] })),
  );

function updated(log: ReferenceLog, auditorTreeHead?: AuditorTreeHead): FullTreeHead {
  return { type: 'updated', treeHead: log.treeHead(), auditorTreeHead };
}

describe('the sizes that a tree head claims', () => {
  const log = logOf(CONFIG);
  const head = updated(log);

  it('are those of a log that has grown, or of the one that is known', () => {
    expect(claimedSizes(CONFIG, head, undefined)).toEqual({ size: 8, auditedSize: undefined });
    expect(claimedSizes(CONFIG, head, log.view(7))).toEqual({ size: 8, auditedSize: undefined });
    expect(claimedSizes(CONFIG, { type: 'same' }, log.view(7))).toEqual({ size: 7, auditedSize: undefined });
    expect(() => claimedSizes(CONFIG, { type: 'same' }, undefined)).toThrow(refused('bad-tree-head'));
    expect(() => claimedSizes(CONFIG, head, log.view(8))).toThrow(refused('tree-rolled-back'));
    const empty = { ...log.treeHead(), treeSize: 0 };
    const ofNothing: FullTreeHead = { type: 'updated', treeHead: empty, auditorTreeHead: undefined };
    expect(() => claimedSizes(CONFIG, ofNothing, undefined)).toThrow(refused('bad-tree-head'));
  });

  it('leave nothing out that an auditor could not have seen', () => {
    const audited = logOf(AUDITED);
    const sizes = (treeSize: number) => () =>
      claimedSizes(AUDITED, updated(audited, { ...audited.auditorTreeHead(8), treeSize }), undefined);
    // The auditor starts at entry 3, so its first head covers four entries.
    expect(sizes(4)()).toEqual({ size: 8, auditedSize: 4 });
    for (const size of [1, 3]) expect(sizes(size)).toThrow(refused('bad-tree-head'));
    expect(sizes(8)()).toEqual({ size: 8, auditedSize: 8 });
    expect(sizes(0)).toThrow(refused('bad-tree-head'));
    expect(sizes(9)).toThrow(refused('bad-tree-head'));
    expect(() => claimedSizes(AUDITED, updated(audited), undefined)).toThrow(refused('bad-tree-head'));
  });

  it('join what was audited before to where the auditor started', () => {
    const audited = logOf(AUDITED);
    const sizes = (before: number) => () =>
      claimedSizes(AUDITED, updated(audited, audited.auditorTreeHead(8)), audited.view(5, before));
    expect(sizes(3)()).toEqual({ size: 8, auditedSize: 8 });
    expect(sizes(2)).toThrow(refused('bad-tree-head'));
  });

  it('join what a client checked itself to where the first auditor started', () => {
    const audited = logOf(AUDITED);
    const sizes = (seen: number) => () =>
      claimedSizes(AUDITED, updated(audited, audited.auditorTreeHead(8)), audited.view(seen));
    expect(sizes(3)()).toEqual({ size: 8, auditedSize: 8 });
    expect(sizes(2)).toThrow(refused('bad-tree-head'));
  });
});

describe('a log is recent', () => {
  it('to the millisecond', () => {
    const at = (timestampMs: number) => () => assertRecent(CONFIG, timestampMs, 10_000);
    at(8000)();
    expect(at(7999)).toThrow(refused('tree-head-too-old'));
    at(11_000)();
    expect(at(11_001)).toThrow(refused('tree-head-too-new'));
  });
});

describe('a full tree head', () => {
  function verify(log: ReferenceLog, head: FullTreeHead, view?: TreeView, audited = log.size): TreeView {
    const { fullSubtrees, frontier } = log.view(log.size);
    const proof = { root: log.logRoot(), fullSubtrees, auditedRoot: log.logRoot(audited), fullSubtreesOf: () => [] };
    const { config, size } = log;
    return verifyFullTreeHead({ config, head, view, size, proof, frontier, nowMs: log.timestamps.at(-1)! });
  }

  it('has an auditor who is neither ahead nor too far behind', () => {
    const log = logOf(AUDITED);
    const behind = (size: number) => () => verify(log, updated(log, log.auditorTreeHead(size)), undefined, size);
    expect(behind(8)().auditorTreeHead).toEqual(log.auditorTreeHead(8));
    expect(behind(4)().auditorTreeHead).toEqual(log.auditorTreeHead(4));
    expect(behind(3)).toThrow(refused('bad-tree-head'));
    const longer = logOf(AUDITED, 9);
    const ahead = updated(log, { ...longer.auditorTreeHead(9), treeSize: 8 });
    expect(() => verify(log, ahead)).toThrow(refused('bad-tree-head'));
  });

  it('that is the same as before keeps the auditor of before', () => {
    const log = logOf(AUDITED);
    const view = log.view(8, 6);
    expect(verify(log, { type: 'same' }, view)).toEqual(view);
  });

  it('has no auditor where the Configuration names none', () => {
    const log = logOf(CONFIG);
    const head = updated(log, logOf(AUDITED).auditorTreeHead(8));
    expect(verify(log, head).auditorTreeHead).toBeUndefined();
    expect(verify(log, updated(log)).auditorTreeHead).toBeUndefined();
  });
});
