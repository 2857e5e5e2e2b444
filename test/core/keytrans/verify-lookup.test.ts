import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { baseBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import { isDistinguished, rightmostDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import { type Algorithm, askSearchLadder, onTimestamps } from '../../../src/core/keytrans/evidence.ts';
import { frontier } from '../../../src/core/keytrans/implicit-search-tree.ts';
import { type LookupResponse, lookupResponseCodec, type SearchResponse } from '../../../src/core/keytrans/messages.ts';
import { planEvidence } from '../../../src/core/keytrans/plan-evidence.ts';
import { type TreeView, treeViewCodec } from '../../../src/core/keytrans/tree-view.ts';
import { updateView } from '../../../src/core/keytrans/update-view.ts';
import { type VerifiedLookup, verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { historyArbitrary, LABELS, WINDOW_MS } from '../../support/histories.ts';
import {
  labelBytes,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  managedConfiguration,
  referenceConfiguration,
} from '../../support/reference-log.ts';
import { answerLookup, openVersion, type ReferenceLookup } from '../../support/reference-prover.ts';

const config = referenceConfiguration(WINDOW_MS);
const history: readonly ReferenceEntry[] = [
  [100, 'alice'],
  [300, 'alice', 'bob'],
  [700],
  [1900, 'alice'],
  [2000, 'bob'],
  [2100],
  [2150, 'alice'],
].map(([timestampMs, ...labels]) => ({ timestampMs: timestampMs as number, labels: labels as string[] }));

const logOf = (entries: readonly ReferenceEntry[] = history, used: Configuration = config) =>
  new ReferenceLog(used, realVrf, entries);

interface Client {
  readonly view?: TreeView | undefined;
  readonly nowMs?: number;
  readonly config?: Configuration;
}

/** Verifies an answer as the client that asked for `label` and has seen `view`. */
function verify(log: ReferenceLog, label: string, answer: LookupResponse, client: Client = {}): VerifiedLookup {
  const { view, nowMs = log.timestamps.at(-1)! } = client;
  const request = { label: labelBytes(label), last: view?.size };
  return verifyLookup({ config: client.config ?? log.config, view, nowMs }, request, answer);
}

function ask(log: ReferenceLog, lookup: ReferenceLookup, client?: Client): VerifiedLookup {
  return verify(log, lookup.label, answerLookup(log, lookup), client);
}

/** An answer that was found, with changes. */
function found(log: ReferenceLog, label: string, change: (response: SearchResponse) => Partial<SearchResponse>) {
  const answer = answerLookup(log, { label, last: undefined });
  if (answer.type !== 'found') throw new Error('not found');
  return { type: 'found' as const, response: { ...answer.response, ...change(answer.response) } };
}

/** The walk of a greatest-version search, by somebody who does not mind what it finds. */
function* carelessSearch(size: number, target: number): Algorithm<void> {
  yield* updateView(size, undefined);
  const start = yield* onTimestamps(rightmostDistinguished(size, WINDOW_MS));
  for (const position of frontier(size).filter((inspected) => inspected >= start!)) {
    yield* askSearchLadder(position, target, true);
  }
}

/** An answer whose every proof is right, but which claims that `target` is the greatest version. */
function claim(log: ReferenceLog, label: string, target: number): LookupResponse {
  const planned = planEvidence({
    size: log.size,
    last: undefined,
    auditedSize: undefined,
    versionPositions: log.versionPositions(label),
    source: { timestamp: (position) => log.timestamps[position] },
    likely: [],
    algorithm: carelessSearch(log.size, target),
  });
  if (!planned.done) throw new Error('no timestamp is missing');
  const ladder = baseBinaryLadder(target);
  const committed = ladder.filter((version) => version !== target && planned.shown.showedInclusion(version));
  const fullTreeHead = { type: 'updated' as const, treeHead: log.treeHead(), auditorTreeHead: undefined };
  const search = log.prove(planned.evidence, label);
  return {
    type: 'found',
    response: openVersion(log, label, target, { fullTreeHead, plan: { ladder, committed }, search }),
  };
}

const refused = (...codes: string[]) =>
  expect.objectContaining({ name: 'GlasskeyError', code: expect.stringMatching(new RegExp(`^(${codes.join('|')})$`)) });

describe('verifyLookup', () => {
  it('follows a growing log from view to view', () => {
    fc.assert(
      fc.property(historyArbitrary(12), fc.infiniteStream(fc.nat()), (entries, choices) => {
        const log = logOf([]);
        let view: TreeView | undefined;
        for (const entry of entries) {
          log.append(entry);
          if (choices.next().value! % 3 > 0) continue;
          const label = [...LABELS, 'nobody'][choices.next().value! % 4]!;
          const result = ask(log, { label, last: view?.size }, { view });
          const versions = log.versions.get(label) ?? [];
          expect(result.type).toBe(versions.length === 0 ? 'absent' : 'found');
          expect(result.view).toEqual(log.view(log.size));
          expect(result.logRoot).toEqual(log.logRoot());
          expect(result.labelKey).toEqual(realVrf(label, 0).output);
          if (result.type === 'found') {
            expect(result.version).toBe(versions.length - 1);
            expect(result.value).toEqual(versions.at(-1)!.update.value);
            expect(result.commitment).toEqual(versions.at(-1)!.commitment);
          }
          view = decode(treeViewCodec, encode(treeViewCodec, result.view));
        }
      }),
      { numRuns: 12 },
    );
  });

  it('says what has to be retained for monitoring, and when', () => {
    const log = logOf();
    const result = ask(log, { label: 'alice', last: undefined });
    if (result.type !== 'found') throw new Error('not found');
    expect(result.ladder.map(({ version }) => version)).toEqual([0, 1, 3, 7, 5, 4]);
    for (const { version, vrfOutput, commitment } of result.ladder) {
      expect(vrfOutput).toEqual(realVrf('alice', version).output);
      expect(commitment).toEqual(log.versions.get('alice')![version]?.commitment);
    }
    expect(result).toMatchObject({ terminalPosition: 6, rightmostDistinguished: 3, mustMonitor: true });
    const distinguished = isDistinguished(3, log.size, WINDOW_MS);
    expect(runOnTimestamps(distinguished, (position) => log.timestamps[position]!)).toBe(true);
    // An old version of bob's is in the distinguished entry already.
    const old = logOf(history.toSpliced(4, 1));
    expect(ask(old, { label: 'bob', last: undefined })).toMatchObject({ terminalPosition: 3, mustMonitor: false });
  });

  it('accepts the same head again while it is fresh, and only for what was seen', () => {
    const log = logOf();
    const view = log.view(log.size);
    const lookup = { label: 'alice', last: log.size };
    expect(ask(log, lookup, { view })).toMatchObject({ type: 'found', view });
    expect(() => ask(log, lookup, { view, nowMs: 2150 + 2001 })).toThrow(refused('tree-head-too-old'));
    expect(() => ask(log, lookup, { view, nowMs: 2150 - 1001 })).toThrow(refused('tree-head-too-new'));
    const answer = answerLookup(log, lookup);
    expect(() => verify(log, 'alice', answer)).toThrow(refused('bad-tree-head'));
    const forked = { ...view, fullSubtrees: view.fullSubtrees.with(0, new Uint8Array(32)) };
    expect(() => verify(log, 'alice', answer, { view: forked })).toThrow(refused('bad-signature', 'bad-log-proof'));
  });

  it('refuses an answer for another label, size or time', () => {
    const log = logOf();
    const answer = answerLookup(log, { label: 'alice', last: undefined });
    expect(() => verify(log, 'bob', answer)).toThrow(refused('bad-vrf-proof'));
    const absent = answerLookup(log, { label: 'nobody', last: undefined });
    expect(() => verify(log, 'nobodi', absent)).toThrow(refused('bad-vrf-proof'));
    expect(() => verify(log, 'alice', answer, { view: logOf().view(log.size) })).toThrow(refused('tree-rolled-back'));
    expect(() => verify(log, 'alice', answer, { nowMs: 1_000_000 })).toThrow(refused('tree-head-too-old'));
    const other = { ...config, maxBehindMs: 2001 };
    expect(() => verify(log, 'alice', answer, { config: other })).toThrow(refused('bad-signature'));
  });
});

describe('a lying server', () => {
  it('cannot pass an older version off as the greatest', () => {
    const log = logOf();
    for (const target of [0, 1, 2]) {
      expect(() => verify(log, 'alice', claim(log, 'alice', target))).toThrow(refused('bad-ladder'));
    }
    expect(verify(log, 'alice', claim(log, 'alice', 3))).toMatchObject({ version: 3 });
  });

  it('cannot invent versions', () => {
    const log = logOf();
    const { opening, update, commitment } = log.versions.get('alice')![3]!;
    log.versions.get('alice')!.push({ position: log.size, opening, update, commitment });
    expect(() => verify(log, 'alice', claim(log, 'alice', 4))).toThrow(refused('bad-ladder'));
  });

  it('cannot deny a label', () => {
    const log = logOf();
    const lookup = { label: 'alice', last: undefined, versionPositions: [] };
    expect(() => ask(log, lookup)).toThrow(refused('unexpected-version'));
  });

  it('cannot change what a version opens to', () => {
    const log = logOf();
    const changes: ((response: SearchResponse) => Partial<SearchResponse>)[] = [
      () => ({ value: { value: labelBytes('mallory'), signature: undefined } }),
      () => ({ opening: new Uint8Array(16) }),
    ];
    for (const change of changes) {
      expect(() => verify(log, 'alice', found(log, 'alice', change))).toThrow(
        refused('bad-signature', 'bad-log-proof'),
      );
    }
    const signed = found(log, 'alice', ({ value }) => ({ value: { ...value, signature: new Uint8Array(64) } }));
    expect(() => verify(log, 'alice', signed)).toThrow(refused('bad-signature'));
  });

  it('gives commitments exactly for the versions that it shows', () => {
    const log = logOf();
    const withCommitment = (step: number, commitment: Uint8Array | undefined) =>
      found(log, 'alice', ({ binaryLadder }) => ({
        binaryLadder: binaryLadder.with(step, { ...binaryLadder[step]!, commitment }),
      }));
    // The ladder for version 3 is 0, 1, 3, 7, 5, 4.
    const commitment = log.versions.get('alice')![3]!.commitment;
    for (const step of [2, 3, 4, 5]) {
      expect(() => verify(log, 'alice', withCommitment(step, commitment))).toThrow(refused('bad-ladder'));
    }
    for (const step of [0, 1]) {
      expect(() => verify(log, 'alice', withCommitment(step, undefined))).toThrow(refused('bad-prefix-proof'));
    }
  });

  it('gives the whole ladder and nothing more', () => {
    const log = logOf();
    const ladders = [
      found(log, 'alice', ({ binaryLadder }) => ({ binaryLadder: binaryLadder.slice(0, -1) })),
      found(log, 'alice', ({ binaryLadder }) => ({ binaryLadder: [...binaryLadder, binaryLadder[0]!] })),
      found(log, 'alice', ({ binaryLadder }) => ({ binaryLadder: binaryLadder.toReversed() })),
      found(log, 'alice', () => ({ version: undefined })),
      found(log, 'alice', () => ({ version: 2 ** 32 - 1 })),
    ];
    for (const ladder of ladders) {
      expect(() => verify(log, 'alice', ladder)).toThrow(refused('bad-ladder', 'bad-vrf-proof', 'version-mismatch'));
    }
  });

  it('cannot answer a plain search with an absence', () => {
    const log = logOf();
    const answer = answerLookup(log, { label: 'nobody', last: undefined });
    if (answer.type !== 'absent') throw new Error('found');
    const binaryLadder = [0, 1].map((version) => ({ proof: realVrf('nobody', version).proof, commitment: undefined }));
    const response: SearchResponse = {
      fullTreeHead: answer.fullTreeHead,
      version: 0,
      opening: new Uint8Array(16),
      value: { value: new Uint8Array(), signature: undefined },
      binaryLadder,
      search: answer.proof,
    };
    const request = { label: labelBytes('nobody'), last: undefined, version: undefined };
    expect(() => verifySearch({ config, view: undefined, nowMs: 2150 }, request, response)).toThrow(
      refused('bad-ladder'),
    );
  });

  it('cannot let time run backwards, even between what was seen and what is new', () => {
    const back = logOf(history.with(5, { timestampMs: 1800, labels: [] }));
    expect(() => ask(back, { label: 'alice', last: undefined })).toThrow(refused('bad-timestamp'));
    const view = back.view(4);
    expect(() => ask(back, { label: 'alice', last: 4 }, { view })).toThrow(refused('bad-timestamp'));
  });

  it('cannot fork the log', () => {
    const log = logOf();
    const fork = logOf(history.with(1, { timestampMs: 300, labels: ['mallory'] }));
    for (let last = 2; last < history.length; last++) {
      const run = () => ask(fork, { label: 'alice', last }, { view: log.view(last) });
      expect(run).toThrow(refused('bad-log-proof', 'bad-prefix-proof', 'bad-signature'));
    }
  });

  it('cannot flip a bit of an answer', () => {
    const log = logOf();
    const codec = lookupResponseCodec(config);
    for (const label of ['bob', 'nobody']) {
      const encoded = encode(codec, answerLookup(log, { label, last: 3 }));
      const view = log.view(3);
      fc.assert(
        fc.property(fc.nat(encoded.length - 1), fc.nat(7), (at, bit) => {
          const changed = encoded.slice();
          changed[at]! ^= 1 << bit;
          let error: unknown;
          try {
            verify(log, label, decode(codec, changed), { view });
          } catch (thrown) {
            error = thrown;
          }
          expect(error).toBeInstanceOf(GlasskeyError);
          expect(['decode', 'verification']).toContain((error as GlasskeyError).fault);
        }),
        { numRuns: 120 },
      );
    }
  });
});

describe('third-party auditing', () => {
  const audited = referenceConfiguration(WINDOW_MS, { maxAuditorLagMs: 1500, auditorStartPosition: 2 });

  it('requires a head of the auditor that fits the log, however far behind the client it is', () => {
    const log = logOf(history, audited);
    const view = log.view(6, 4);
    for (const auditedSize of [3, 4, 5, 6, 7]) {
      const result = ask(log, { label: 'alice', last: 6, auditedSize }, { view });
      expect(result).toMatchObject({ view: { auditorTreeHead: { treeSize: auditedSize } } });
    }
  });

  it('refuses auditors that lag, that started too late or that saw another log', () => {
    const log = logOf(history, audited);
    const lookup = { label: 'alice', last: undefined, auditedSize: 2 };
    expect(() => ask(log, lookup)).toThrow(refused('bad-tree-head'));
    const view = log.view(4, 1);
    expect(() => ask(log, { ...lookup, last: 4, auditedSize: 6 }, { view })).toThrow(refused('bad-tree-head'));
    const fork = logOf(history.with(3, { timestampMs: 1900, labels: [] }), audited);
    const answer = found(log, 'alice', () => ({}));
    const { fullTreeHead } = answer.response;
    if (fullTreeHead.type === 'same') throw new Error('not new');
    const auditorTreeHead = fork.auditorTreeHead(log.size);
    const forked = {
      type: 'found' as const,
      response: { ...answer.response, fullTreeHead: { ...fullTreeHead, auditorTreeHead } },
    };
    expect(() => verify(log, 'alice', forked)).toThrow(refused('bad-signature', 'bad-log-proof'));
    expect(() => verify(log, 'alice', answer)).toThrow(refused('bad-tree-head'));
  });
});

describe('third-party management', () => {
  it('requires that the operator signed the value', () => {
    const lookup = { label: 'alice', last: undefined };
    expect(ask(logOf(history, managedConfiguration(WINDOW_MS)), lookup)).toMatchObject({
      version: 3,
      mustMonitor: false,
    });
    const expectingAnother = managedConfiguration(WINDOW_MS, new Uint8Array(32).fill(9));
    expect(() => ask(logOf(history, expectingAnother), lookup)).toThrow(refused('bad-signature'));
    const log = logOf(history, managedConfiguration(WINDOW_MS));
    const unsigned = found(log, 'alice', ({ value }) => ({ value: { ...value, signature: undefined } }));
    expect(() => verify(log, 'alice', unsigned)).toThrow(refused('bad-signature'));
  });
});
