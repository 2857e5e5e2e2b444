import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { contactMonitorResponseCodec } from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { frontier } from '../../../src/core/keytrans/implicit-search-tree.ts';
import { assertContactMonitorRequest, planContactMonitor } from '../../../src/core/keytrans/plan-contact-monitor.ts';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { RecordedLog } from '../recorded-log.ts';
import type { Checker } from '../vector-file.ts';
import checkOwnerMonitor from './owner-monitor.ts';
import { readConfiguration } from './tree-head.ts';

const checkContact: Checker = ({ input, expect: expected }, file) => {
  // The clock bounds, which the signature covers, are those of the other recordings.
  const config = readConfiguration({ ...input, max_ahead: 10_000, max_behind: 10_000 }, file);
  const log = new RecordedLog({ input, expect: expected });
  const { tree_size: size } = expected;
  const view = input.last === undefined ? undefined : log.view(input.last);
  const request = { last: view?.size, label: parseHex(input.label), entries: input.entries };
  const codec = contactMonitorResponseCodec(config);
  const response = decode(codec, parseHex(expected.response));

  const context = { config, view, nowMs: log.timestamps[size - 1]! };
  const verified = verifyContactMonitor(context, request, response, log.known);
  expect(verified.logRoot).toEqual(log.root(size));
  expect(verified.entries.every(({ position }) => frontier(size).includes(position))).toBe(true);

  // The prover makes the same bytes.
  const { versionPositions } = log;
  assertContactMonitorRequest({ size, versionPositions, request });
  const source = { timestamp: (position: number) => log.timestamps[position] };
  const options = { config, size, last: view?.size, entries: request.entries, versionPositions, source };
  const planned = planContactMonitor(options);
  if (!planned.done) throw new Error('the plan lacks timestamps');
  const made = { fullTreeHead: response.fullTreeHead, monitor: log.prove(planned.plan) };
  expect(formatHex(encode(codec, made))).toBe(expected.response);
};

const checkMonitor: Checker = (vector, file) => {
  const { operation } = vector.input;
  if (operation === 'contact') return checkContact(vector, file);
  if (operation === 'owner-monitor') return checkOwnerMonitor(vector, file);
  throw new Error(`no checker for the operation ${operation}`);
};

export default checkMonitor;
