import { formatHex, parseHex } from '../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
  type MonitorMapEntry,
} from '../../src/core/keytrans/contact-monitor-messages.ts';
import { type KnownVersion, knownVersionCodec } from '../../src/core/keytrans/known-version.ts';
import { searchRequestCodec, type SearchResponse, searchResponseCodec } from '../../src/core/keytrans/messages.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitorRequestCodec, ownerMonitorResponseCodec } from '../../src/core/keytrans/owner-monitor-messages.ts';
import { type OwnerState, ownerStateCodec } from '../../src/core/keytrans/owner-state.ts';
import { type TreeView, treeViewCodec } from '../../src/core/keytrans/tree-view.ts';
import { verifyContactMonitor } from '../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyOwnerInit } from '../../src/core/keytrans/verify-owner-init.ts';
import { verifyOwnerMonitor } from '../../src/core/keytrans/verify-owner-monitor.ts';
import { type VerifiedSearch, type VerifyContext, verifySearch } from '../../src/core/keytrans/verify-search.ts';
import { labelBytes, type ReferenceLog } from './reference-log.ts';
import { answerContactMonitor, answerVersion } from './reference-operations.ts';
import { answerLookup } from './reference-prover.ts';

/**
 * One exchange as another implementation is told about it: everything that a verifier has, and what it should find. Byte
 * strings are hex; `configuration`, `request` and `response` are the draft's structures (KT §11.2, §13.1 to §13.4).
 */
export interface PeerCase {
  readonly operation: 'search' | 'contact-monitor' | 'owner-init' | 'owner-monitor';
  readonly configuration: string;
  readonly request: string;
  readonly response: string;
  readonly nowMs: number;
  /** What the client retained of the head that it advertises; null where it advertises none. */
  readonly view: PeerView | null;
  /** What a monitoring client retained of the label's versions. */
  readonly ladder: readonly PeerVersion[];
  /** What a monitoring owner retained besides; null for all others. */
  readonly owner: PeerOwner | null;
  readonly expect: PeerVerdict;
}

/** The head that a verifier arrives at, and for an owner the entry up to which it is settled what the label held. */
export interface PeerVerdict {
  readonly size: number;
  readonly logRoot: string;
  readonly owner: Pick<PeerOwner, 'start' | 'versionAtStart'> | null;
}

interface PeerOwner {
  readonly start: number;
  readonly versionAtStart: number | null;
  /** Later log entries that created versions, each with its greatest one. */
  readonly upcoming: readonly MonitorMapEntry[];
  readonly entries: readonly MonitorMapEntry[];
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

export const hexOf = <T>(codec: Codec<T>, value: T): string => formatHex(encode(codec, value));

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
      ladder: peerVersions(search.ladder),
    },
  ];
}

export function peerVersions(ladder: readonly KnownVersion[]): PeerVersion[] {
  return ladder.map(({ version, vrfOutput, commitment }) => {
    const shown = commitment === undefined ? null : formatHex(commitment);
    return { version, vrfOutput: formatHex(vrfOutput), commitment: shown };
  });
}

/** What cases of all operations begin with. */
export function caseFor({ log, last }: PeerHistory, operation: PeerCase['operation']) {
  return {
    operation,
    configuration: hexOf(configurationCodec, log.config),
    nowMs: log.timestamps.at(-1)!,
    view: last === undefined ? null : peerView(log.view(last)),
    ladder: [],
    owner: null,
    expect: { size: log.size, logRoot: formatHex(log.logRoot()), owner: null },
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

/** Verifies an untrusted case with the project's verifiers, from the case alone; gives what it arrives at. */
export function verifyPeerCase(peerCase: PeerCase): PeerVerdict {
  const config = decode(configurationCodec, parseHex(peerCase.configuration));
  const context: VerifyContext = { config, view: readView(peerCase.view), nowMs: peerCase.nowMs };
  const { view, logRoot, owner } = verifyWith(context, peerCase);
  const settled = owner && { start: owner.start, versionAtStart: owner.versionAtStart ?? null };
  return { size: view.size, logRoot: formatHex(logRoot), owner: settled ?? null };
}

interface Verified {
  readonly view: TreeView;
  readonly logRoot: Uint8Array;
  readonly owner?: OwnerState;
}

function verifyWith(context: VerifyContext, peerCase: PeerCase): Verified {
  const { config } = context;
  const response = parseHex(peerCase.response);
  const requested = parseHex(peerCase.request);
  switch (peerCase.operation) {
    case 'search': {
      const request = decode(searchRequestCodec, requested);
      return verifySearch(context, request, decode(searchResponseCodec(config, request), response));
    }
    case 'contact-monitor': {
      const request = decode(contactMonitorRequestCodec, requested);
      const ladder = peerCase.ladder.map(readVersion);
      return verifyContactMonitor(context, request, decode(contactMonitorResponseCodec(config), response), ladder);
    }
    case 'owner-init': {
      const request = decode(ownerInitRequestCodec, requested);
      return verifyOwnerInit(context, request, decode(ownerInitResponseCodec(config), response));
    }
    case 'owner-monitor': {
      const { label } = decode(ownerMonitorRequestCodec, requested);
      return verifyOwnerMonitor(
        context,
        decode(ownerMonitorResponseCodec(config), response),
        readOwner(peerCase, label),
      );
    }
  }
}

function readOwner({ owner, ladder }: PeerCase, label: Uint8Array): OwnerState {
  if (owner === null) throw new Error('a case of an owner without an owner');
  const versionAtStart = owner.versionAtStart ?? undefined;
  const read: OwnerState = { ...owner, label, versionAtStart, ladder: ladder.map(readVersion) };
  return decode(ownerStateCodec, encode(ownerStateCodec, read));
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
