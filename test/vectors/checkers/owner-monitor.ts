import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { ownerMonitorResponseCodec } from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { planOwnerMonitor } from '../../../src/core/keytrans/plan-owner.ts';
import { verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { RecordedLog } from '../recorded-log.ts';
import type { Checker } from '../vector-file.ts';
import { readConfiguration } from './tree-head.ts';

const checkOwnerMonitor: Checker = ({ input, expect: expected }, file) => {
  const config = readConfiguration({ ...input, max_ahead: 10_000, max_behind: 10_000 }, file);
  const log = new RecordedLog({ input, expect: expected });
  const { tree_size: size } = expected;
  const view = input.last === undefined ? undefined : log.view(input.last);
  const { versionPositions } = log;
  const { start, entries, greatest_version: greatestVersion } = input;
  const label = parseHex(input.label);
  const upcoming = versionPositions.flatMap((position, version) => (position > start ? [{ position, version }] : []));
  const versionAtStart = versionPositions.findLastIndex((position) => position <= start);
  const owner = { label, start, versionAtStart, upcoming, entries, ladder: log.known };
  const codec = ownerMonitorResponseCodec(config);
  const response = decode(codec, parseHex(expected.response));
  const verified = verifyOwnerMonitor({ config, view, nowMs: log.timestamps[size - 1]! }, response, owner);
  expect(verified.logRoot).toEqual(log.root(size));

  // The prover makes the same bytes.
  const source = { timestamp: (position: number) => log.timestamps[position] };
  const request = { last: view?.size, entries, start, greatestVersion };
  const planned = planOwnerMonitor({ config, size, versionPositions, source, request });
  if (!planned.done) throw new Error('the plan lacks timestamps');
  const made = { fullTreeHead: response.fullTreeHead, monitor: log.prove(planned.plan) };
  expect(formatHex(encode(codec, made))).toBe(expected.response);
};

export default checkOwnerMonitor;
