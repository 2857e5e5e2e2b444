import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { equalBytes } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { baseBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import type { SearchEnd } from '../../../src/core/keytrans/greatest-version-search.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { type CombinedResult, verifyCombined } from '../../../src/core/keytrans/verify-combined.ts';
import { updateAndProveAbsence } from '../../../src/core/keytrans/verify-lookup.ts';
import { updateAndSearch } from '../../../src/core/keytrans/verify-search.ts';
import { historyArbitrary, LABELS, WINDOW_MS } from '../../support/histories.ts';
import { expectTrue, keysOf } from '../../support/reference-checks.ts';
import { fakeVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { planLookup } from '../../support/reference-prover.ts';

const config = referenceConfiguration(WINDOW_MS);

function verify(log: ReferenceLog, label: string, last: number | undefined, proof: CombinedTreeProof) {
  const greatest = log.versionPositions(label).length - 1;
  return verifyCombined<unknown>({
    proof,
    size: log.size,
    view: last === undefined ? undefined : log.view(last),
    auditedSize: undefined,
    keys: keysOf(log, label, baseBinaryLadder(Math.max(greatest, 0))),
    algorithm:
      greatest < 0 ? updateAndProveAbsence(config, log.size, last) : updateAndSearch(config, log.size, last, greatest),
  });
}

/** Whether a changed proof is refused: an error that blames the proof, or a root that nobody signed. */
function isRefused(log: ReferenceLog, run: () => CombinedResult<unknown>): boolean {
  try {
    return !equalBytes(run().root, log.logRoot());
  } catch (error) {
    if (!(error instanceof GlasskeyError)) throw error;
    expect(['decode', 'verification']).toContain(error.fault);
    return true;
  }
}

const cases = historyArbitrary(30).chain((history) =>
  fc.record({
    log: fc.constant(history).map((entries) => new ReferenceLog(config, fakeVrf, entries)),
    label: fc.constantFrom(...LABELS, 'nobody'),
    last: fc.option(fc.integer({ min: 1, max: history.length }), { nil: undefined }),
  }),
);

describe('combined tree proof', () => {
  it('convinces every client, whatever it has seen, about every label', () => {
    fc.assert(
      fc.property(historyArbitrary(20), (entries) => {
        const log = new ReferenceLog(config, fakeVrf, entries);
        for (const label of [...LABELS, 'nobody']) {
          for (const last of [undefined, ...entries.map((_, i) => i + 1)]) {
            const proof = log.prove(planLookup(log, { label, last }), label);
            expectTrue(log, verify(log, label, last, proof));
          }
        }
      }),
      { numRuns: 12 },
    );
  });

  it('ends where the plan says, at the leftmost inspected entry with the version', () => {
    fc.assert(
      fc.property(cases, ({ log, label, last }) => {
        const plan = planLookup(log, { label, last });
        const { result } = verify(log, label, last, log.prove(plan, label));
        const added = log.versionPositions(label).at(-1);
        const inspected = plan.lookups.map(({ position }) => position);
        const expected = added === undefined ? undefined : inspected.find((position) => position >= added);
        expect(plan.terminalPosition).toBe(expected);
        expect((result as SearchEnd | undefined)?.terminalPosition).toBe(expected);
      }),
    );
  });

  it('is refused with any bit flipped', () => {
    fc.assert(
      fc.property(cases, fc.infiniteStream(fc.nat(7)), ({ log, label, last }, bits) => {
        const encoded = encode(combinedTreeProofCodec, log.prove(planLookup(log, { label, last }), label));
        for (let i = 0; i < encoded.length; i += 3) {
          const changed = encoded.slice();
          changed[i]! ^= 1 << bits.next().value!;
          expect(isRefused(log, () => verify(log, label, last, decode(combinedTreeProofCodec, changed)))).toBe(true);
        }
      }),
      { numRuns: 8 },
    );
  });

  it('is refused with any element dropped, repeated or swapped', () => {
    fc.assert(
      fc.property(cases, ({ log, label, last }) => {
        const proof = log.prove(planLookup(log, { label, last }), label);
        const original = encode(combinedTreeProofCodec, proof);
        for (const changed of rearrangements(proof)) {
          if (equalBytes(encode(combinedTreeProofCodec, changed), original)) continue;
          expect(isRefused(log, () => verify(log, label, last, changed))).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['timestamps', 'proof-exhausted'],
    ['prefixProofs', 'proof-exhausted'],
    ['prefixRoots', 'proof-exhausted'],
  ] as const)('is refused with too few or too many %s', (list, tooFew) => {
    const { log, label, last, proof } = worked();
    const items: readonly unknown[] = proof[list];
    expect(items.length).toBeGreaterThan(0);
    const verifyWith = (changed: readonly unknown[]) => () => verify(log, label, last, { ...proof, [list]: changed });
    expect(verifyWith(items.slice(0, -1))).toThrow(expect.objectContaining({ code: tooFew }));
    expect(verifyWith([...items, items.at(-1)])).toThrow(expect.objectContaining({ code: 'proof-left-over' }));
  });

  it('is refused where the response has no search key for a version of the ladder', () => {
    const { log, label, last, proof } = worked();
    const run = () =>
      verifyCombined<unknown>({
        proof,
        size: log.size,
        view: log.view(last),
        auditedSize: undefined,
        keys: keysOf(log, label, [0, 1]),
        algorithm: updateAndSearch(config, log.size, last, 2),
      });
    expect(run).toThrow(expect.objectContaining({ code: 'bad-ladder' }));
  });

  it('is refused by a client that has seen another log', () => {
    fc.assert(
      fc.property(historyArbitrary(20), fc.nat(), (entries, at) => {
        const log = new ReferenceLog(config, fakeVrf, entries);
        const last = (at % entries.length) + 1;
        const forked = entries.map((entry, i) =>
          i === at % entries.length ? { ...entry, labels: ['mallory'] } : entry,
        );
        const fork = new ReferenceLog(config, fakeVrf, forked);
        const proof = fork.prove(planLookup(fork, { label: 'alice', last }), 'alice');
        const view = log.view(last);
        const greatest = fork.versionPositions('alice').length - 1;
        const run = () =>
          verifyCombined<unknown>({
            proof,
            size: fork.size,
            view,
            auditedSize: undefined,
            keys: keysOf(fork, 'alice', baseBinaryLadder(Math.max(greatest, 0))),
            algorithm:
              greatest < 0
                ? updateAndProveAbsence(config, fork.size, last)
                : updateAndSearch(config, fork.size, last, greatest),
          });
        expect(isRefused(fork, run)).toBe(true);
      }),
    );
  });

  it('has exactly the contents of the worked example of KT appendix C', () => {
    expect(worked().plan).toMatchObject({
      timestamps: [1000, 2500, 2600],
      ladder: [0, 1, 3, 2],
      lookups: [
        { position: 11, versions: [0, 1, 3, 2] },
        { position: 12, versions: [3] },
      ],
      prefixRootPositions: [7],
      logNodes: [
        { level: 1, index: 2 },
        { level: 0, index: 6 },
        { level: 1, index: 4 },
        { level: 0, index: 10 },
      ],
    });
  });
});

/** The log of KT appendix C, and what a client that knows four entries of it is shown about alice, who has three versions. */
function worked() {
  const timestamps = [1, 2, 3, 4, 5, 6, 7, 1000, 1001, 1002, 1003, 2500, 2600];
  const entries = timestamps.map((timestampMs, i) => ({ timestampMs, labels: i >= 4 && i < 7 ? ['alice'] : [] }));
  const log = new ReferenceLog(config, fakeVrf, entries);
  const [label, last] = ['alice', 4] as const;
  const plan = planLookup(log, { label, last });
  return { log, label, last, plan, proof: log.prove(plan, label) };
}

function* rearrangements(proof: CombinedTreeProof): Generator<CombinedTreeProof> {
  for (const timestamps of rearranged(proof.timestamps)) yield { ...proof, timestamps };
  for (const prefixProofs of rearranged(proof.prefixProofs)) yield { ...proof, prefixProofs };
  for (const prefixRoots of rearranged(proof.prefixRoots)) yield { ...proof, prefixRoots };
  for (const elements of rearranged(proof.inclusion.elements)) yield { ...proof, inclusion: { elements } };
  for (const [i, prefixProof] of proof.prefixProofs.entries()) {
    const withProof = (changed: Partial<typeof prefixProof>): CombinedTreeProof => ({
      ...proof,
      prefixProofs: proof.prefixProofs.with(i, { ...prefixProof, ...changed }),
    });
    for (const results of rearranged(prefixProof.results)) yield withProof({ results });
    for (const elements of rearranged(prefixProof.elements)) yield withProof({ elements });
  }
}

/** Every list with one item dropped, repeated, or swapped with its neighbour. */
function* rearranged<T>(items: readonly T[]): Generator<T[]> {
  for (const [i, item] of items.entries()) {
    yield items.toSpliced(i, 1);
    yield items.toSpliced(i, 0, item);
    if (i > 0) yield items.toSpliced(i - 1, 2, item, items[i - 1]!);
  }
}
