import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import { type Algorithm, askTimestamp } from '../../../src/core/keytrans/evidence.ts';
import { fixedVersionSearch } from '../../../src/core/keytrans/fixed-version-search.ts';
import { greatestVersionSearch } from '../../../src/core/keytrans/greatest-version-search.ts';
import { type SearchResponse, searchResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { type EvidencePlan, planEvidence } from '../../../src/core/keytrans/plan-evidence.ts';
import { planFixedVersionSearch, planGreatestVersionSearch } from '../../../src/core/keytrans/plan-proof.ts';
import { verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import type { Checker, VectorCase } from '../vector-file.ts';
import { readConfiguration } from './tree-head.ts';
import { olderReading } from './update-view.ts';

/** Positions of the log entries that added each version of a label. */
function versionPositions(mutations: { add: { label: string }[] }[], label: string): number[] {
  return mutations.flatMap(({ add }, position) => add.filter((entry) => entry.label === label).map(() => position));
}

/** The parts of a plan and of a recorded response that must agree. */
function expectPlan(plan: EvidencePlan, response: SearchResponse): void {
  const { search } = response;
  expect(plan.timestamps).toEqual(search.timestamps);
  expect(plan.lookups.map(({ versions }) => versions.length)).toEqual(
    search.prefixProofs.map(({ results }) => results.length),
  );
  expect(plan.prefixRootPositions).toHaveLength(search.prefixRoots.length);
  expect(plan.logNodes).toHaveLength(search.inclusion.elements.length);
}

/**
 * An answer to a client that has seen `last` entries, recorded under an older text of §4.2. The case does not say what
 * that client retained, so only what the answer asks for is compared. The search itself is the same.
 */
function checkWithView(config: Configuration, { input, expect: expected }: VectorCase, response: SearchResponse): void {
  const { tree_size: size } = expected;
  const positions = versionPositions(input.mutations, input.label);
  const algorithm = function* (): Algorithm<unknown> {
    for (const position of olderReading(size, input.last)) yield* askTimestamp(position);
    if (input.version !== undefined) return yield* fixedVersionSearch(config, size, input.version);
    return yield* greatestVersionSearch(size, config.reasonableMonitoringWindowMs, positions.length - 1);
  };
  const planned = planEvidence({
    size,
    last: input.last,
    auditedSize: undefined,
    versionPositions: positions,
    source: { timestamp: (position) => input.entry_timestamps[position] },
    likely: [],
    algorithm: algorithm(),
  });
  if (!planned.done) throw new Error('the plan lacks timestamps');
  expectPlan(planned.evidence, response);
}

const checkSearch: Checker = (vector, file) => {
  const { input, expect: expected } = vector;
  const config = readConfiguration(input, file);
  const request = { last: undefined, label: parseHex(input.label), version: input.version as number | undefined };
  const codec = searchResponseCodec(config, request);
  const response = decode(codec, parseHex(expected.response));
  expect(formatHex(encode(codec, response))).toBe(expected.response);
  if (input.last !== undefined) return checkWithView(config, vector, response);

  const context = { config, view: undefined, nowMs: input.entry_timestamps.at(-1) as number };
  const positions = versionPositions(input.mutations, input.label);
  if (positions.length === 0) {
    // A plain search never proves absence (KT §13.1): a negative answer is refused.
    expect(() => verifySearch(context, request, response)).toThrow(/ladder/);
    return;
  }
  const verified = verifySearch(context, request, response);
  expect(verified.version).toBe(request.version ?? positions.length - 1);
  expect(verified.view.size).toBe(expected.tree_size);

  // The prover's plan has the same timestamps, lookups and heads, in the same order.
  const options = {
    config,
    size: expected.tree_size as number,
    last: undefined,
    versionPositions: positions,
    source: { timestamp: (position: number) => input.entry_timestamps[position] as number },
  };
  const { version } = request;
  const planned =
    version === undefined ? planGreatestVersionSearch(options) : planFixedVersionSearch({ ...options, version });
  if (!planned.done) throw new Error('the plan lacks timestamps');
  const { plan } = planned;
  expectPlan(plan, response);
  expect(plan.committed).toEqual(plan.ladder.filter((_, i) => response.binaryLadder[i]?.commitment !== undefined));
};

export default checkSearch;
