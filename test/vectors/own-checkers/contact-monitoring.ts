import { type Monitoring, monitorOnly, monitorSearched } from '../../../src/client/binding/monitored-versions.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import {
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  searchResponseCodec,
} from '../../../src/core/keytrans/messages.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { type VerifiedSearch, type VerifyContext, verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { viewJson } from '../make/retained.ts';
import type { OwnChecker } from './checker.ts';
import { knownOf, knownToJson, viewOf } from './retained.ts';

interface Step {
  readonly view: TreeView;
  readonly logRoot: Uint8Array;
  readonly shown: object;
  readonly monitoring: Monitoring;
}

function searched(search: VerifiedSearch, before: Monitoring): Step {
  const { view, logRoot, version, value, commitment } = search;
  const shown = { version, value: formatHex(value), commitment: formatHex(commitment) };
  return { view, logRoot, shown, monitoring: monitorSearched(before, search) };
}

function step(operation: string, context: VerifyContext, before: Monitoring, bytes: readonly Uint8Array[]): Step {
  const { config } = context;
  const [request, response] = bytes as [Uint8Array, Uint8Array];
  switch (operation) {
    case 'lookup': {
      const answer = decode(lookupResponseCodec(config), response);
      const result = verifyLookup(context, decode(lookupRequestCodec, request), answer);
      if (result.type === 'found') return searched(result, before);
      return { ...result, shown: { version: null }, monitoring: before };
    }
    case 'search': {
      const asked = decode(searchRequestCodec, request);
      return searched(verifySearch(context, asked, decode(searchResponseCodec(config, asked), response)), before);
    }
    case 'contact-monitor': {
      const asked = decode(contactMonitorRequestCodec, request);
      const answer = decode(contactMonitorResponseCodec(config), response);
      const result = verifyContactMonitor(context, asked, answer, before.ladder);
      return { ...result, shown: {}, monitoring: monitorOnly(result.entries, before.ladder) };
    }
    default:
      throw new Error(`no such operation: ${operation}`);
  }
}

/** Cases of `contact-monitoring.json`. */
export const checkContactMonitoring: OwnChecker = ({ operation, configuration, nowMs, state, request, response }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const view = state.view === null ? undefined : viewOf(state.view);
  const before = { monitored: state.entries, ladder: knownOf(state.ladder) };
  const after = step(operation, { config, view, nowMs }, before, [parseHex(request), parseHex(response)]);
  const { monitored, ladder } = after.monitoring;
  return {
    size: after.view.size,
    logRoot: formatHex(after.logRoot),
    ...after.shown,
    state: { view: viewJson(after.view), entries: monitored, ladder: knownToJson(ladder) },
  };
};
