import type { EvidenceProof } from '../../../src/client/audit/evidence-proof.ts';
import { formatEvidence, parseEvidence } from '../../../src/client/evidence/evidence-text.ts';
import fc from 'fast-check';
import { decodeAuditState, encodeAuditState } from '../../../src/client/audit/audit-state.ts';
import type { ClientState } from '../../../src/client/state/client-state.ts';
import { formatClientState, parseClientState } from '../../../src/client/state/client-state-json.ts';
import { formatMandate, MAX_CLAIMED_VERSIONS, parseMandate } from '../../../src/client/mandate-text.ts';
import { formatDeviceNote, parseDeviceNote } from '../../../src/client/device-note-text.ts';
import { formatHeads, parseHeads } from '../../../src/client/heads-text.ts';
import {
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  type CallMessageKind,
  formatCallMessage,
  parseCallMessage,
} from '../../../src/client/calls/call-messages.ts';
import { decodeSframeHeader, encodeSframeHeader } from '../../../src/client/calls/sframe-header.ts';
import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { parseHolder } from '../../../src/host/lock-holder.ts';
import { fullSubtrees } from '../../../src/core/log/log-tree.ts';
import { positions, versions } from '../../core/keytrans/message-arbitraries.ts';
import { fixed, hashes, knownHeads, maybe, treeViews, unsettledCredentials } from './arbitraries.ts';
import { type Decoder, ofText, present, reading } from './decoder.ts';

const bytes = fc.uint8Array({ maxLength: 60 });
const texts = fc.string({ unit: 'grapheme', maxLength: 12 });
const contacts = fc.record({
  version: versions,
  commitment: hashes,
  value: bytes,
  monitored: fc.constant([
    { position: 3, version: 1 },
    { position: 5, version: 2 },
  ]),
  ladder: fc.tuple(hashes, maybe(hashes)).map(([vrfOutput, commitment]) => [{ version: 1, vrfOutput, commitment }]),
  monitoredAtMs: maybe(positions),
});
const owners = fc.record({
  state: maybe(bytes),
  versions: fc.tuple(hashes, maybe(fc.array(hashes, { maxLength: 2 }))).map(([commitment, spkis]) => {
    return [{ version: 0, commitment, origin: 'made' as const, spkis }];
  }),
  monitoredAtMs: maybe(positions),
});
const marks = fc.record(
  {
    version: versions,
    commitment: hashes,
    keys: fc.array(hashes, { maxLength: 2 }),
    markedAtMs: positions,
    lostAt: versions,
  },
  { requiredKeys: ['version', 'commitment', 'keys', 'markedAtMs'] },
);
const origins = fc.stringMatching(/^[a-z.]{1,20}$/);
const labelVersions = fc.record({
  label: fc.uint8Array({ minLength: 1, maxLength: 255 }),
  version: versions,
  commitment: hashes,
});
const fingerprints = fc.array(hashes, { minLength: 1, maxLength: 4 });
const uint64s = fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n));

/** A message of a call. */
function ofCall<T>(
  variant: string,
  kind: CallMessageKind<T>,
  fields: { readonly [K in keyof T]: fc.Arbitrary<T[K]> },
): Decoder {
  const signature = fc.uint8Array({ minLength: 1, maxLength: 200 });
  const decoder = ofText({
    name: 'parseCallMessage',
    texts: fc.record({ body: fc.record(fields), signature }).map((message) => formatCallMessage(kind, message)),
    read: (text) => parseCallMessage(kind, text),
    write: (message) => formatCallMessage(kind, message),
    refusals: ['malformed-encoding'],
    canonical: true,
  });
  return { ...decoder, variant };
}

const states: fc.Arbitrary<ClientState> = fc.record({
  bundle: maybe(texts),
  pinned: maybe(
    fc.record(
      { server: texts, fingerprint: maybe(texts), previous: texts },
      { requiredKeys: ['server', 'fingerprint'] },
    ),
  ),
  logServers: fc.array(texts, { maxLength: 2 }),
  view: maybe(treeViews),
  contacts: fc.array(fc.tuple(texts, contacts), { maxLength: 3 }).map((entries) => new Map(entries)),
  owners: fc.array(fc.tuple(texts, owners), { maxLength: 2 }).map((entries) => new Map(entries)),
  alerts: fc.array(
    fc.record({
      identity: texts,
      type: fc.constantFrom('operator' as const, 'recovery' as const, 'unexplained' as const),
      version: versions,
      reason: texts,
      value: maybe(bytes),
      seenAtMs: positions,
    }),
    { maxLength: 2 },
  ),
  distinguished: fc.array(knownHeads, { maxLength: 1 }),
  credentials: fc.array(fc.record({ identity: texts, unsettled: unsettledCredentials, receivedAtMs: positions }), {
    maxLength: 2,
  }),
  audit: maybe(texts),
  verified: fc.array(fc.tuple(texts, marks), { maxLength: 2 }).map((entries) => new Map(entries)),
});
const auditStates = fc.integer({ min: 1, max: 70_000 }).chain((size) => {
  const partials: Uint8Array[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) partials.push(new Uint8Array(32 * (rest % 256)));
  const count = fullSubtrees(size).length;
  return fc.record({
    auditor: fc.record({
      size: fc.constant(size),
      timestampMs: positions,
      prefixRoot: fixed(32),
      fullSubtrees: fc.array(hashes, { minLength: count, maxLength: count }),
    }),
    edge: fc.constant({ size, partials }),
    checkpoint: texts,
    recorded: fc.option(fc.record({ firstEntryMs: positions, updates: positions }), { nil: undefined }),
    configurations: fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { maxLength: 3 }),
    logEnd: fc.option(fc.uint8Array({ minLength: 1, maxLength: 80 }), { nil: undefined }),
  });
});

const included = fc.record({ entry: fc.uint8Array({ maxLength: 200 }), inclusion: fc.array(hashes, { maxLength: 5 }) });
const notes = fc.string({ minLength: 1, maxLength: 200 });

const proofs: fc.Arbitrary<EvidenceProof> = fc.oneof(
  fc.record({
    type: fc.constant('fork' as const),
    first: notes,
    second: notes,
    consistency: fc.array(hashes, { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('entry' as const),
    checkpoint: notes,
    index: positions,
    included,
    previous: fc.option(included, { nil: undefined }),
    fullSubtrees: fc.array(hashes, { maxLength: 5 }),
    update: fc.option(fc.uint8Array({ maxLength: 200 }), { nil: undefined }),
  }),
  fc.record({
    type: fc.constant('tree-head' as const),
    checkpoint: notes,
    included,
    configuration: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    size: positions,
    signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    logRoot: hashes,
  }),
);

/** What reads what a client has stored. */
export const CLIENT_DECODERS: readonly Decoder[] = [
  ofText({
    name: 'parseClientState',
    texts: states.map(formatClientState),
    read: parseClientState,
    write: formatClientState,
    refusals: ['state-corrupt', 'state-too-new'],
    canonical: false,
  }),
  {
    name: 'decodeAuditState',
    inputs: auditStates.map(encodeAuditState),
    read: reading(decodeAuditState, encodeAuditState),
    refusals: ['state-corrupt', 'state-too-new'],
    canonical: true,
    selfDelimiting: true,
  },
  ofText({
    name: 'parseEvidence',
    texts: proofs.map(formatEvidence),
    read: parseEvidence,
    write: formatEvidence,
    refusals: ['bad-evidence', 'not-proven'],
    canonical: false,
  }),
  ofText({
    name: 'parseDeviceNote',
    texts: fc
      .record({
        origin: fc.stringMatching(/^[a-z.]{1,20}$/),
        label: fc.uint8Array({ minLength: 1, maxLength: 255 }),
        version: fc.nat(),
        commitment: hashes,
        signer: fc.uint8Array({ minLength: 1, maxLength: 200 }),
        signature: fc.uint8Array({ minLength: 1, maxLength: 200 }),
      })
      .map(formatDeviceNote),
    read: parseDeviceNote,
    write: formatDeviceNote,
    refusals: ['malformed-encoding'],
    canonical: false,
  }),
  ofText({
    name: 'parseMandate',
    texts: fc
      .record({
        origin: fc.stringMatching(/^[a-z.]{1,20}$/),
        label: fc.uint8Array({ minLength: 1, maxLength: 255 }),
        watcher: hashes,
        number: fc.nat(),
        expiresMs: fc.nat(),
        addressesHash: hashes,
        versions: fc
          .uniqueArray(fc.nat(), { minLength: 1, maxLength: MAX_CLAIMED_VERSIONS })
          .map((all) => all.toSorted((a, b) => a - b).map((version) => ({ version, commitment: new Uint8Array(32) }))),
        signer: fc.uint8Array({ minLength: 1, maxLength: 200 }),
        signature: fc.uint8Array({ minLength: 1, maxLength: 200 }),
      })
      .map(formatMandate),
    read: parseMandate,
    write: formatMandate,
    refusals: ['malformed-encoding'],
    canonical: false,
  }),
  ofCall('offer', CALL_OFFER, {
    origin: origins,
    callId: hashes,
    timeMs: positions,
    caller: labelVersions,
    callerKey: hashes,
    callee: labelVersions,
    fingerprints,
  }),
  ofCall('answer', CALL_ANSWER, {
    origin: origins,
    offerSha256: hashes,
    nonce: hashes,
    calleeKey: hashes,
    fingerprints,
  }),
  ofCall('confirmation', CALL_CONFIRM, { origin: origins, answerSha256: hashes }),
  {
    name: 'decodeSframeHeader',
    inputs: fc.tuple(uint64s, uint64s).map(([kid, ctr]) => encodeSframeHeader(kid, ctr)),
    read: reading(
      (input) => ({ ...decodeSframeHeader(input), input }),
      ({ kid, ctr, length, input }) => concatBytes(encodeSframeHeader(kid, ctr), input.subarray(length)),
    ),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: false,
  },
  ofText({
    name: 'parseHeads',
    texts: fc.tuple(fc.stringMatching(/^[a-z.]{1,20}$/), hashes, positions).map(([origin, logRoot, position]) => {
      return formatHeads(origin, [{ position, logRoot }]);
    }),
    read: parseHeads,
    write: ({ origin, heads }) => formatHeads(origin, heads),
    refusals: ['malformed-encoding'],
    canonical: false,
  }),
  ofText({
    name: 'parseHolder',
    texts: fc
      .record({ nonce: texts, pid: fc.nat(), startTime: texts, machine: texts })
      .map((one) => JSON.stringify(one)),
    read: (text) => present(parseHolder(text)),
    write: (holder) => JSON.stringify(holder),
    refusals: ['Refused'],
    canonical: false,
  }),
];
