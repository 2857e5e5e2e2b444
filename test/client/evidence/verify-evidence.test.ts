import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditEvidenceOf } from '../../../src/client/audit/audit-evidence.ts';
import { auditLog, type AuditOptions } from '../../../src/client/audit/audit-log.ts';
import type { AuditState } from '../../../src/client/audit/audit-state.ts';
import type { EntryProof, EvidenceProof, ForkProof, HeadProof } from '../../../src/client/audit/evidence-proof.ts';
import { formatEvidence, parseEvidence } from '../../../src/client/evidence/evidence-text.ts';
import { proveMisbehaviour } from '../../../src/client/audit/prove-misbehaviour.ts';
import { type ProvenMisbehaviour, verifyEvidence } from '../../../src/client/evidence/verify-evidence.ts';
import { httpAuditFiles, type AuditFiles } from '../../../src/client/audit/audit-files.ts';
import { readInclusion, readPathToOldTree } from '../../../src/client/audit/read-tree.ts';
import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { verifyCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { formatVkey, parseVkey } from '../../../src/core/audit/vkey.ts';
import { parseBase64 } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { balancedNodes } from '../../../src/core/log/tree-node.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { logLeaf } from '../../../src/core/log/log-tree.ts';
import { appendLeaf, EMPTY_RANGE } from '../../../src/core/log/compact-range.ts';
import { keytransNodeHasher } from '../../../src/core/log/node-hasher.ts';
import { testCosigner } from '../../core/audit/test-cosigner.ts';
import { cosign } from '../../support/publishing.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';

const NOW = 1_800_000_000_000;
const code = (expected: ErrorCode): object => expect.objectContaining({ code: expected });

function grow(log: StaticLog, size: number, seed = 0): void {
  for (let i = log.entries.length; i < size; i++) {
    const leaves = Array.from({ length: i % 4 }, (_, n) => testLeaf(seed + i * 10 + n));
    log.append(leaves, NOW - 1_000_000 + i * 1000);
  }
}

async function makeLog(size: number, seed = 0, keys?: number): Promise<StaticLog> {
  const log = new StaticLog('log.example/test', keys);
  grow(log, size, seed);
  await log.release();
  return log;
}

type Extra = Partial<Pick<AuditOptions, 'state' | 'seen' | 'bundle' | 'held'>>;

/** The proof that an audit leaves, after a trip through its file. */
async function found(log: StaticLog, extra: Extra = {}): Promise<EvidenceProof | undefined> {
  const run = auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => NOW, ...extra });
  const error: unknown = await run.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  expect(error).toBeDefined();
  const proof = auditEvidenceOf(error)?.proof;
  if (proof === undefined) return undefined;
  const parsed = parseEvidence(formatEvidence(proof));
  expect(parsed).toEqual(proof);
  return parsed;
}

async function auditState(log: StaticLog): Promise<AuditState> {
  const report = await auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => NOW });
  return report.state;
}

function verdict(proof: EvidenceProof | undefined, { bundle }: Pick<StaticLog, 'bundle'>): ProvenMisbehaviour {
  if (proof === undefined) throw new Error('the audit left no proof');
  return verifyEvidence(proof, bundle);
}

describe('evidence of a fork', () => {
  it.each([
    [30, 30],
    [30, 31],
    [32, 64],
    [255, 300],
    [256, 300],
    [1, 2],
  ])('from %i to %i entries is proved', async (before, after) => {
    const state = await auditState(await makeLog(before));
    // Entry 0 of the others adds nothing, so that they begin alike.
    const other = before === 1 ? await anotherBeginning(after) : await makeLog(after, 5);
    const proven = verdict(await found(other, { state }), other);
    expect(proven).toMatchObject({ origin: 'log.example/test', code: 'log-forked', parties: ['log.example/test'] });
  });

  async function anotherBeginning(size: number): Promise<StaticLog> {
    const log = new StaticLog('log.example/test');
    log.append([testLeaf(4711)], NOW - 2_000_000);
    grow(log, size);
    await log.release();
    return log;
  }

  it('names the witnesses who cosigned both sides, even without the log', async () => {
    const witness = testCosigner('witness.example', 5);
    const careful = testCosigner('careful.example', 6);
    const lines = [witness, careful].map(({ vkey }, i) => `witness w${i} ${formatVkey(vkey)}\n`);
    const [log, fork] = [await makeLog(20), await makeLog(30, 5)];
    const bundle = { ...log.bundle, witnessPolicy: `${lines.join('')}group both 1 w0 w1\nquorum both\n` };
    log.checkpoint = await cosign(await cosign(log.checkpoint, witness, NOW), careful, NOW);
    fork.checkpoint = await cosign(fork.checkpoint, witness, NOW);
    const proof = (await found(fork, { bundle, held: [log.checkpoint] })) as ForkProof;
    expect(verifyEvidence(proof, bundle).parties).toEqual(['log.example/test', 'witness.example']);
    // A bundle with another key of the log: then only the witness has contradicted itself.
    const others = { ...bundle, auditLogVkeys: [new StaticLog('log.example/test', 8).vkey] };
    expect(verifyEvidence(proof, others).parties).toEqual(['witness.example']);
    const none = { ...others, witnessPolicy: 'quorum none\n' };
    expect(() => verifyEvidence(proof, none)).toThrow(code('not-proven'));
  });

  it('is not made of a log that was shortened, or of files that were altered', async () => {
    const state = await auditState(await makeLog(30));
    expect(await found(await makeLog(20), { state })).toBeUndefined();
    const longer = await makeLog(40);
    longer.lie = (path, file) =>
      path === 'tile/0/000.p/40' && file
        ? { ...file, body: file.body.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) }
        : file;
    expect(await found(longer, { state })).toBeUndefined();
  });
});

describe('evidence of an entry', () => {
  const flip = (at: number) => (entry: Uint8Array) => entry.with(at, entry[at]! ^ 1);

  it.each<[string, ErrorCode, Parameters<StaticLog['append']>[2]]>([
    ['with another prefix root', 'bad-audit-entry', { entry: flip(9) }],
    ['with another log root', 'bad-audit-entry', { entry: flip(41) }],
    ['of another Configuration', 'bad-audit-entry', { entry: flip(73) }],
    ['of another time than its update', 'bad-audit-entry', { entry: flip(8) }],
    ['of another format', 'bad-audit-entry', { entry: flip(0) }],
    ['of another length', 'bad-audit-entry', { entry: (entry) => entry.slice(1) }],
    ['that removes a leaf', 'bad-auditor-update', { update: (update) => ({ ...update, removed: [testLeaf(30)] }) }],
    [
      'that adds a leaf again',
      'bad-prefix-proof',
      { update: (update) => ({ ...update, added: [{ ...testLeaf(30), commitment: new Uint8Array(32) }] }) },
    ],
    [
      'that adds another leaf',
      'bad-audit-entry',
      { update: (update) => ({ ...update, added: [{ ...update.added[0]!, commitment: new Uint8Array(32) }] }) },
    ],
  ])('%s is proved', async (_, expected, change) => {
    for (const at of [0, 10, 256, 270]) {
      // Nothing is there yet that could be removed or added again.
      const log = new StaticLog('log.example/test');
      grow(log, at);
      log.append([testLeaf(999)], NOW - 500_000, change);
      grow(log, at + 4, 7);
      await log.release();
      const proof = await found(log);
      if (at === 0 && expected === 'bad-prefix-proof') continue;
      expect(verdict(proof, log)).toMatchObject({ code: expected, parties: ['log.example/test'] });
      expect(proof).toMatchObject({ type: 'entry', index: at });
    }
  });

  it('that goes back in time is proved', async () => {
    const log = await makeLog(10);
    log.append([], NOW - 2_000_000);
    await log.release();
    expect(verdict(await found(log), log)).toMatchObject({ code: 'bad-timestamp' });
  });

  it('is not made of what was altered on its way, and not of what is withheld', async () => {
    const log = await makeLog(30);
    log.updates[7] = log.updates[3]!;
    expect(await found(log)).toBeUndefined();
    const other = await makeLog(30);
    other.head = other.head.map((byte) => byte ^ 1);
    expect(await found(other)).toBeUndefined();
  });

  it('is the log’s alone: no other bundle convicts', async () => {
    const log = await makeLog(10);
    log.append([testLeaf(999)], NOW, { entry: flip(41) });
    await log.release();
    const proof = (await found(log))!;
    const strangers = new StaticLog('log.example/test', 8);
    expect(() => verifyEvidence(proof, strangers.bundle)).toThrow(code('not-proven'));
    expect(() => verifyEvidence(proof, { ...log.bundle, origin: 'other.example' })).toThrow(code('not-proven'));
  });
});

describe('evidence of a tree head', () => {
  it('that contradicts the audit log is proved', async () => {
    const [log, other] = [await makeLog(20), await makeLog(30, 5)];
    const seen = { size: 20, logRoot: log.logRoot, signature: log.head };
    const proof = await found(other, { seen });
    expect(proof).toMatchObject({ type: 'tree-head', size: 20 });
    expect(verdict(proof, other)).toMatchObject({ code: 'log-forked', parties: ['log.example/test'] });
    expect(await found(other, { seen: { ...seen, signature: undefined } })).toBeUndefined();
    expect(await found(other, { seen: { ...seen, signature: log.head.map((byte) => byte ^ 1) } })).toBeUndefined();
  });
});

describe('an honest log cannot be accused', () => {
  let log: StaticLog;
  let files: AuditFiles;
  let earlier: string;
  const SIZE = 20;
  beforeAll(async () => {
    log = await makeLog(13);
    earlier = log.checkpoint;
    grow(log, SIZE);
    await log.release();
    files = httpAuditFiles({ prefix: 'http://log.test/log/', fetch: log.fetch, timeoutMs: 1000 });
  });

  async function entryProof(index: number): Promise<EntryProof> {
    const included = async (at: number) => ({
      entry: log.entries[at]!,
      inclusion: await readInclusion(files, at, SIZE),
    });
    let range = EMPTY_RANGE;
    for (const bytes of log.entries.slice(0, index)) {
      const { timestampMs, prefixRoot } = decode(auditEntryCodec, bytes);
      range = appendLeaf(range, logLeaf(timestampMs, prefixRoot), keytransNodeHasher);
    }
    expect(range.heads.length).toBe(balancedNodes(0, index).length);
    return {
      type: 'entry',
      checkpoint: log.checkpoint,
      index,
      included: await included(index),
      previous: index === 0 ? undefined : await included(index - 1),
      fullSubtrees: range.heads,
      update: log.updates[index],
    };
  }

  async function forkProof(): Promise<ForkProof> {
    return {
      type: 'fork',
      first: earlier,
      second: log.checkpoint,
      consistency: await readPathToOldTree(files, 13, SIZE),
    };
  }

  async function headProof(): Promise<HeadProof> {
    return {
      type: 'tree-head',
      checkpoint: log.checkpoint,
      included: { entry: log.entries[SIZE - 1]!, inclusion: await readInclusion(files, SIZE - 1, SIZE) },
      configuration: parseBase64(log.bundle.keytransConfiguration),
      size: SIZE,
      signature: log.head,
      logRoot: log.logRoot,
    };
  }

  const refused = (proof: EvidenceProof): void => {
    expect(() => verifyEvidence(proof, log.bundle)).toThrow(code('not-proven'));
  };

  it('with what it signed', async () => {
    for (let index = 0; index < SIZE; index++) refused(await entryProof(index));
    refused(await forkProof());
    refused(await headProof());
    refused({ type: 'fork', first: log.checkpoint, second: log.checkpoint, consistency: [] });
  });

  it('with a proof that was changed in any place', async () => {
    const proofs = [
      await entryProof(0),
      await entryProof(7),
      await entryProof(16),
      await forkProof(),
      await headProof(),
    ];
    const change = fc.record({ which: fc.nat(), pick: fc.nat(), bit: fc.nat(), size: fc.constantFrom(-1, 0, 1) });
    fc.assert(
      fc.property(change, ({ which, pick, bit, size }) => {
        refused(tampered(proofs[which % proofs.length]!, pick, bit, size));
      }),
      { numRuns: 300 },
    );
  });

  it('with parts of different places', async () => {
    const [three, four, five] = [await entryProof(3), await entryProof(4), await entryProof(5)];
    refused({ ...five, previous: three.previous });
    refused({ ...five, previous: five.included });
    refused({ ...five, previous: undefined });
    refused({ ...five, fullSubtrees: four.fullSubtrees });
    refused({ ...five, update: four.update });
    refused({ ...five, index: 4 });
    refused({ ...five, included: four.included });
    refused({ ...five, checkpoint: earlier });
    refused({ ...(await forkProof()), first: log.checkpoint, second: earlier });
    refused({ ...(await headProof()), included: five.included });
    refused({ ...(await headProof()), size: 6, included: five.included });
  });

  it('by the auditor itself, however wrong its suspicion', async () => {
    const checkpoint = verifyCheckpoint(log.checkpoint, { origin: log.origin, vkeys: [parseVkey(log.vkey)] });
    const context = { files, checkpoint, bundle: log.bundle };
    expect(await proveMisbehaviour({ type: 'fork', held: earlier }, context)).toBeUndefined();
    const seen = { size: SIZE, logRoot: log.logRoot, signature: log.head };
    expect(await proveMisbehaviour({ type: 'tree-head', seen }, context)).toBeUndefined();
  });

  /** The proof with one bit, or a number, changed in one of its parts. */
  function tampered(proof: EvidenceProof, pick: number, bit: number, size: number): EvidenceProof {
    const copy = structuredClone(proof) as unknown as Record<string, unknown>;
    const places: { readonly at: Record<string | number, unknown>; readonly key: string | number }[] = [];
    const visit = (at: Record<string | number, unknown>): void => {
      for (const [key, value] of Object.entries(at)) {
        if (value instanceof Uint8Array || typeof value === 'string' || typeof value === 'number') {
          if (key !== 'type' && (typeof value !== 'number' || size !== 0)) places.push({ at, key });
        } else if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
      }
    };
    visit(copy);
    const { at, key } = places[pick % places.length]!;
    const value = at[key];
    if (typeof value === 'number') at[key] = value + size;
    else if (typeof value === 'string') {
      const i = bit % value.length;
      const changed = value[i] === 'A' ? 'B' : 'A';
      at[key] = value.slice(0, i) + changed + value.slice(i + 1);
    } else if (value instanceof Uint8Array && value.length > 0) {
      const i = (bit >> 3) % value.length;
      at[key] = value.with(i, value[i]! ^ (1 << (bit & 7)));
    }
    return copy as unknown as EvidenceProof;
  }
});
