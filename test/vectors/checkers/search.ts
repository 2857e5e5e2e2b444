import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { searchResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { planGreatestVersionSearch } from '../../../src/core/keytrans/plan-proof.ts';
import { verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import type { Checker, VectorCase } from '../vector-file.ts';
import { readConfiguration } from './tree-head.ts';

/** Positions of the log entries that added each version of a label. */
function versionPositions(mutations: { add: { label: string }[] }[], label: string): number[] {
  return mutations.flatMap(({ add }, position) => add.filter((entry) => entry.label === label).map(() => position));
}

const checkSearch: Checker = ({ input, expect: expected }: VectorCase) => {
  if (input.version !== undefined) return { notApplicable: 'no fixed-version search here yet' };
  const config = readConfiguration(input);
  const request = { last: undefined, label: parseHex(input.label), version: undefined };
  const codec = searchResponseCodec(config, request);
  const response = decode(codec, parseHex(expected.response));
  expect(formatHex(encode(codec, response))).toBe(expected.response);

  const rightmostMs: number = input.entry_timestamps.at(-1);
  if (versionPositions(input.mutations, input.label).length === 0) {
    // A plain search never proves absence (KT §13.1): a negative answer is refused.
    expect(() => verifySearch({ config, view: undefined, nowMs: rightmostMs }, request, response)).toThrow(/ladder/);
    return;
  }
  const verified = verifySearch({ config, view: undefined, nowMs: rightmostMs }, request, response);
  const positions = versionPositions(input.mutations, input.label);
  expect(verified.version).toBe(positions.length - 1);
  expect(verified.view.size).toBe(expected.tree_size);

  // The prover's plan has the same timestamps, lookups and heads, in the same order.
  const planned = planGreatestVersionSearch({
    config,
    size: expected.tree_size,
    last: undefined,
    versionPositions: positions,
    source: { timestamp: (position) => input.entry_timestamps[position] },
  });
  if (!planned.done) throw new Error('the plan lacks timestamps');
  const { plan } = planned;
  expect(plan.timestamps).toEqual(response.search.timestamps);
  expect(plan.lookups.map(({ versions }) => versions.length)).toEqual(
    response.search.prefixProofs.map(({ results }) => results.length),
  );
  expect(plan.prefixRootPositions).toHaveLength(response.search.prefixRoots.length);
  expect(plan.logNodes).toHaveLength(response.search.inclusion.elements.length);
  expect(plan.committed).toEqual(plan.ladder.filter((_, i) => response.binaryLadder[i]?.commitment !== undefined));
};

export default checkSearch;
