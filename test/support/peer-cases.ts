import { formatHex, parseHex } from '../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
} from '../../src/core/keytrans/contact-monitor-messages.ts';
import { type KnownVersion, knownVersionCodec } from '../../src/core/keytrans/known-version.ts';
import { searchRequestCodec, type SearchResponse, searchResponseCodec } from '../../src/core/keytrans/messages.ts';
import { type TreeView, treeViewCodec } from '../../src/core/keytrans/tree-view.ts';
import { verifyContactMonitor } from '../../src/core/keytrans/verify-contact-monitor.ts';
import { type VerifiedSearch, type VerifyContext, verifySearch } from '../../src/core/keytrans/verify-search.ts';
import { labelBytes, type ReferenceLog } from './reference-log.ts';
import { answerContactMonitor, answerVersion } from './reference-operations.ts';
import { answerLookup } from './reference-prover.ts';

/**
 * One exchange as another implementation is told about it: everything that a verifier has, and what it should find. Byte
 * strings are hex; `configuration`, `request` and `response` are the draft's structures (KT §11.2, §13.1, §13.2).
 */
export interface PeerCase {
  readonly operation: 'search' | 'contact-monitor';
  readonly configuration: string;
  readonly request: string;
  readonly response: string;
  readonly nowMs: number;
  /** What the client retained of the head that it advertises; null where it advertises none. */
  readonly view: PeerView | null;
  /** What a monitoring client retained of the label's versions. */
  readonly ladder: readonly PeerVersion[];
  /** The head that a verifier arrives at. */
  readonly expect: { readonly size: number; readonly logRoot: string };
}

interface PeerView {
  readonly size: number;
  readonly signature: string;
  readonly fullSubtrees: readonly string[];
  readonly frontier: readonly {
    readonly position: number;
    readonly timestampMs: number;
    readonly prefixRoot: string;
  }[];
}

interface PeerVersion {
  readonly version: number;
  readonly vrfOutput: string;
  readonly commitment: string | null;
}

/** What happened between a log and one client that looked a label up when the log had `last` entries. */
export interface PeerHistory {
  readonly log: ReferenceLog;
  readonly label: string;
  readonly last: number | undefined;
}

const hexOf = <T>(codec: Codec<T>, value: T): string => formatHex(encode(codec, value));

/** The search for the greatest version and, where it has one, for its first; none for a label without versions. */
export function searchCases(history: PeerHistory): PeerCase[] {
  const { log, label, last } = history;
  const newest = answerLookup(log, { label, last });
  if (newest.type === 'absent') return [];
  const first = answerVersion(log, { label, last, version: 0 });
  return [searchCase(history, undefined, newest.response), searchCase(history, 0, first)];
}

function searchCase(history: PeerHistory, version: number | undefined, response: SearchResponse): PeerCase {
  const { log, label, last } = history;
  return {
    ...caseFor(history, 'search'),
    request: hexOf(searchRequestCodec, { last, label: labelBytes(label), version }),
    response: hexOf(searchResponseCodec(log.config, { version }), response),
  };
}

/** Monitoring of what `search`, verified when the log had fewer entries, left to be monitored; none where it left nothing. */
export function contactMonitorCases(history: PeerHistory, search: VerifiedSearch): PeerCase[] {
  if (search.monitor === undefined) return [];
  const { log, label } = history;
  const last = search.view.size;
  const entries = [search.monitor];
  const request = { last, label: labelBytes(label), entries };
  const response = answerContactMonitor(log, { label, last, entries });
  return [
    {
      ...caseFor({ log, label, last }, 'contact-monitor'),
      request: hexOf(contactMonitorRequestCodec, request),
      response: hexOf(contactMonitorResponseCodec(log.config), response),
      ladder: search.ladder.map(({ version, vrfOutput, commitment }) => ({
        version,
        vrfOutput: formatHex(vrfOutput),
        commitment: commitment === undefined ? null : formatHex(commitment),
      })),
    },
  ];
}

function caseFor({ log, last }: PeerHistory, operation: PeerCase['operation']) {
  return {
    operation,
    configuration: hexOf(configurationCodec, log.config),
    nowMs: log.timestamps.at(-1)!,
    view: last === undefined ? null : peerView(log.view(last)),
    ladder: [],
    expect: { size: log.size, logRoot: formatHex(log.logRoot()) },
  };
}

function peerView(view: TreeView): PeerView {
  return {
    size: view.size,
    signature: formatHex(view.treeHead.signature),
    fullSubtrees: view.fullSubtrees.map(formatHex),
    frontier: view.frontier.map(({ position, timestampMs, prefixRoot }) => {
      return { position, timestampMs, prefixRoot: formatHex(prefixRoot) };
    }),
  };
}

/** Verifies an untrusted case with the project's verifiers, from the case alone; gives the root that it arrives at. */
export function verifyPeerCase(peerCase: PeerCase): { readonly size: number; readonly logRoot: string } {
  const config = decode(configurationCodec, parseHex(peerCase.configuration));
  const context: VerifyContext = { config, view: readView(peerCase.view), nowMs: peerCase.nowMs };
  const { view, logRoot } = verifyWith(context, peerCase);
  return { size: view.size, logRoot: formatHex(logRoot) };
}

function verifyWith(
  context: VerifyContext,
  peerCase: PeerCase,
): { readonly view: TreeView; readonly logRoot: Uint8Array } {
  const response = parseHex(peerCase.response);
  if (peerCase.operation === 'search') {
    const request = decode(searchRequestCodec, parseHex(peerCase.request));
    return verifySearch(context, request, decode(searchResponseCodec(context.config, request), response));
  }
  const request = decode(contactMonitorRequestCodec, parseHex(peerCase.request));
  const ladder = peerCase.ladder.map(readVersion);
  return verifyContactMonitor(context, request, decode(contactMonitorResponseCodec(context.config), response), ladder);
}

function readVersion({ version, vrfOutput, commitment }: PeerVersion): KnownVersion {
  const known = {
    version,
    vrfOutput: parseHex(vrfOutput),
    commitment: commitment === null ? undefined : parseHex(commitment),
  };
  return decode(knownVersionCodec, encode(knownVersionCodec, known));
}

function readView(view: PeerView | null): TreeView | undefined {
  if (view === null) return undefined;
  const { size, signature, fullSubtrees, frontier } = view;
  const read: TreeView = {
    size,
    fullSubtrees: fullSubtrees.map(parseHex),
    frontier: frontier.map(({ position, timestampMs, prefixRoot }) => {
      return { position, timestampMs, prefixRoot: parseHex(prefixRoot) };
    }),
    treeHead: { treeSize: size, signature: parseHex(signature) },
    auditorTreeHead: undefined,
  };
  return decode(treeViewCodec, encode(treeViewCodec, read));
}
