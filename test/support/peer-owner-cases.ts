import { rightmostDistinguished, runOnTimestamps } from '../../src/core/keytrans/distinguished.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitorRequestCodec, ownerMonitorResponseCodec } from '../../src/core/keytrans/owner-monitor-messages.ts';
import { greatestKnown, type OwnerState } from '../../src/core/keytrans/owner-state.ts';
import { verifyOwnerInit } from '../../src/core/keytrans/verify-owner-init.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../src/core/keytrans/verify-owner-update.ts';
import type { VerifyContext } from '../../src/core/keytrans/verify-search.ts';
import { caseFor, hexOf, type PeerCase, type PeerHistory, peerVersions } from './peer-cases.ts';
import { labelBytes, type ReferenceLog } from './reference-log.ts';
import { answerOwnerInit, answerOwnerMonitor, answerOwnerUpdate } from './reference-operations.ts';

/** A verified answer as a case, and what the owner retained of it. */
interface OwnerStep {
  readonly peerCase: PeerCase;
  readonly state: OwnerState;
}

/**
 * All that the owner of a label is answered who begins at the rightmost distinguished entry of `early`, learns there of
 * newer versions, and comes back when the log has grown to `log`: ownership begun (KT §8.3) by first and returning clients,
 * monitoring before and after learning of the versions in between. None where `early` has no distinguished entry.
 */
export function ownerCases(early: ReferenceLog, log: ReferenceLog, label: string): PeerCase[] {
  const windowMs = early.config.reasonableMonitoringWindowMs;
  const distinguished = rightmostDistinguished(early.size, windowMs);
  const start = runOnTimestamps(distinguished, (position) => early.timestamps[position]!);
  if (start === undefined) return [];
  const first = initCase({ log: early, label, last: undefined }, start);
  const returning = initCase({ log, label, last: early.size }, start);
  const history = { log, label, last: early.size };
  const monitored = monitorCase(history, learn({ log: early, label, last: early.size }, first.state));
  const informed = { log, label, last: log.size };
  const settled = monitorCase(informed, learn(informed, monitored.state));
  return [first, returning, monitored, settled].map(({ peerCase }) => peerCase);
}

function contextOf({ log, last }: PeerHistory): VerifyContext {
  const view = last === undefined ? undefined : log.view(last);
  return { config: log.config, view, nowMs: log.timestamps.at(-1)! };
}

function initCase(history: PeerHistory, start: number): OwnerStep {
  const { log, label, last } = history;
  const request = { last, label: labelBytes(label), start };
  const response = answerOwnerInit(log, { label, last, start });
  const { owner } = verifyOwnerInit(contextOf(history), request, response);
  const base = caseFor(history, 'owner-init');
  const peerCase = {
    ...base,
    request: hexOf(ownerInitRequestCodec, request),
    response: hexOf(ownerInitResponseCodec(log.config), response),
    expect: { ...base.expect, owner: { start, versionAtStart: owner.versionAtStart ?? null } },
  };
  return { peerCase, state: owner };
}

function monitorCase(history: PeerHistory, before: OwnerState): OwnerStep {
  const { log, label, last } = history;
  const { start, upcoming, entries, ladder } = before;
  const request = ownerMonitorRequest(before, last);
  const response = answerOwnerMonitor(log, label, request);
  const { owner } = verifyOwnerMonitor(contextOf(history), response, before);
  const base = caseFor(history, 'owner-monitor');
  const peerCase = {
    ...base,
    request: hexOf(ownerMonitorRequestCodec, request),
    response: hexOf(ownerMonitorResponseCodec(log.config), response),
    ladder: peerVersions(ladder),
    owner: { start, versionAtStart: before.versionAtStart ?? null, upcoming, entries },
    expect: { ...base.expect, owner: { start: owner.start, versionAtStart: owner.versionAtStart ?? null } },
  };
  return { peerCase, state: owner };
}

/** The state of an owner who knows the log's head and asks for all versions that it does not know (KT §9). */
function learn(history: PeerHistory, before: OwnerState): OwnerState {
  const { log, label, last } = history;
  const count = log.versionPositions(label).length;
  let state = before;
  while ((greatestKnown(state) ?? -1) < count - 1) {
    const greatestVersion = greatestKnown(state);
    const request = { last, label: labelBytes(label), greatestVersion, values: [] };
    const response = answerOwnerUpdate(log, { label, last, greatestVersion });
    state = verifyOwnerUpdate(contextOf(history), request, response, state).owner;
  }
  return state;
}
