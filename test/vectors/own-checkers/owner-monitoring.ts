import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import {
  ownerMonitorRequestCodec,
  ownerMonitorResponseCodec,
} from '../../../src/core/keytrans/owner-monitor-messages.ts';
import type { OwnerState } from '../../../src/core/keytrans/owner-state.ts';
import { updateRequestCodec, updateResponseCodec } from '../../../src/core/keytrans/update-messages.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import type { VerifyContext } from '../../../src/core/keytrans/verify-search.ts';
import { viewJson } from '../make/retained.ts';
import type { OwnChecker } from './checker.ts';
import { type KnownJson, knownOf, knownToJson, viewOf } from './retained.ts';

interface OwnerJson {
  readonly start: number;
  readonly versionAtStart: number | null;
  readonly upcoming: OwnerState['upcoming'];
  readonly entries: OwnerState['entries'];
  readonly ladder: readonly KnownJson[];
}

function ownerOf(label: Uint8Array, { versionAtStart, ladder, ...rest }: OwnerJson): OwnerState {
  return { label, ...rest, versionAtStart: versionAtStart ?? undefined, ladder: knownOf(ladder) };
}

function ownerToJson({ start, versionAtStart, upcoming, entries, ladder }: OwnerState): OwnerJson {
  return { start, versionAtStart: versionAtStart ?? null, upcoming, entries, ladder: knownToJson(ladder) };
}

function step(operation: string, context: VerifyContext, owner: OwnerState | undefined, bytes: readonly Uint8Array[]) {
  const { config } = context;
  const [request, response] = bytes as [Uint8Array, Uint8Array];
  if (operation === 'owner-init') {
    const answer = decode(ownerInitResponseCodec(config), response);
    return { ...verifyOwnerInit(context, decode(ownerInitRequestCodec, request), answer), shown: {} };
  }
  if (owner === undefined) throw new Error(`${operation} before the ownership begins`);
  if (operation === 'update') {
    const answer = decode(updateResponseCodec(config), response);
    const result = verifyOwnerUpdate(context, decode(updateRequestCodec, request), answer, owner);
    const created = result.created.map(({ version, value, commitment }) => {
      return { version, value: formatHex(value), commitment: formatHex(commitment) };
    });
    return { ...result, shown: { position: result.position, proved: result.proved, created } };
  }
  if (operation !== 'owner-monitor') throw new Error(`no such operation: ${operation}`);
  const asked = ownerMonitorRequest(owner, context.view?.size);
  if (JSON.stringify(asked) !== JSON.stringify(decode(ownerMonitorRequestCodec, request))) {
    throw new Error('the request does not follow from the state');
  }
  const result = verifyOwnerMonitor(context, decode(ownerMonitorResponseCodec(config), response), owner);
  return { ...result, shown: { complete: result.complete } };
}

/** Cases of `owner-monitoring.json`. */
export const checkOwnerMonitoring: OwnChecker = (input) => {
  const { operation, configuration, label, nowMs, state, request, response } = input;
  const config = decode(configurationCodec, parseHex(configuration));
  const view = state.view === null ? undefined : viewOf(state.view);
  const before = state.owner === null ? undefined : ownerOf(parseHex(label), state.owner);
  const after = step(operation, { config, view, nowMs }, before, [parseHex(request), parseHex(response)]);
  return {
    size: after.view.size,
    logRoot: formatHex(after.logRoot),
    ...after.shown,
    state: { view: viewJson(after.view), owner: ownerToJson(after.owner) },
  };
};
