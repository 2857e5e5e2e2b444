import fc from 'fast-check';
import { KT_128_SHA256_P256 } from '../../../src/core/crypto/cipher-suite.ts';
import { auditorUpdateCodec } from '../../../src/core/keytrans/auditor-update.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
  monitorMapCodec,
  monitorMapEntryCodec,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import {
  type Credential,
  credentialCodec,
  credentialRequestCodec,
  credentialUpdateCodec,
  credentialUpdateRequestCodec,
} from '../../../src/core/keytrans/credential.ts';
import {
  distinguishedRequestCodec,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import { distinguishedHeadCodec, knownHeadCodec } from '../../../src/core/keytrans/known-head.ts';
import { knownVersionCodec } from '../../../src/core/keytrans/known-version.ts';
import {
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
  lookupBatchOutcomeCodec,
} from '../../../src/core/keytrans/lookup-batch-messages.ts';
import {
  binaryLadderStepCodec,
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  searchResponseCodec,
  updateValueCodec,
} from '../../../src/core/keytrans/messages.ts';
import {
  combinedTreeProofCodec,
  hashValueCodec,
  inclusionProofCodec,
  prefixLeafCodec,
  prefixProofCodec,
  prefixSearchResultCodec,
} from '../../../src/core/keytrans/proofs.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import {
  ownerMonitorRequestCodec,
  ownerMonitorResponseCodec,
} from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { ownerStateCodec } from '../../../src/core/keytrans/owner-state.ts';
import {
  labelValueCodec,
  updateRequestCodec,
  type UpdateResponse,
  updateResponseCodec,
  updateResponsesCodec,
} from '../../../src/core/keytrans/update-messages.ts';
import { standingRequestCodec, standingResponseCodec } from '../../../src/core/keytrans/standing-messages.ts';
import { unsettledCredentialCodec } from '../../../src/core/keytrans/settle-credential.ts';
import { auditorTreeHeadCodec, fullTreeHeadCodec, treeHeadCodec } from '../../../src/core/keytrans/tree-head.ts';
import { treeViewCodec } from '../../../src/core/keytrans/tree-view.ts';
import { labelCodec, vrfInputCodec } from '../../../src/core/keytrans/vrf-input.ts';
import * as message from '../../core/keytrans/message-arbitraries.ts';
import { managedConfiguration, p256Configuration, referenceConfiguration } from '../reference-log.ts';
import {
  fixed,
  hashes,
  knownHeads,
  knownVersions,
  maybe,
  monitorMaps,
  ownerStates,
  treeViews,
  unsettledCredentials,
} from './arbitraries.ts';
import { type Decoder, ofCodec } from './decoder.ts';

const { labels, positions, versions } = message;
const values = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 });

/** Messages that look the same in every log. */
const COMMON: readonly Decoder[] = [
  ofCodec('configurationCodec', configurationCodec, message.configurations),
  ofCodec('labelCodec', labelCodec, labels),
  ofCodec('labelValueCodec', labelValueCodec, labels),
  ofCodec('vrfInputCodec', vrfInputCodec, fc.record({ label: labels, version: versions })),
  ofCodec('treeHeadCodec', treeHeadCodec, message.treeHeads),
  ofCodec('auditorTreeHeadCodec', auditorTreeHeadCodec, message.auditorTreeHeads),
  ofCodec('hashValueCodec', hashValueCodec, hashes),
  ofCodec('inclusionProofCodec', inclusionProofCodec, message.inclusionProofs),
  ofCodec('prefixLeafCodec', prefixLeafCodec, message.prefixLeaves),
  ofCodec('prefixSearchResultCodec', prefixSearchResultCodec, message.prefixSearchResults),
  ofCodec('prefixProofCodec', prefixProofCodec, message.prefixProofs),
  ofCodec('combinedTreeProofCodec', combinedTreeProofCodec, message.combinedTreeProofs),
  ofCodec('searchRequestCodec', searchRequestCodec, message.searchRequests),
  ofCodec('lookupRequestCodec', lookupRequestCodec, message.lookupRequests),
  ofCodec('chainRequestCodec', chainRequestCodec, message.chainRequests),
  ofCodec('lookupBatchRequestCodec', lookupBatchRequestCodec, message.lookupBatchRequests),
  ofCodec('lookupBatchOutcomeCodec', lookupBatchOutcomeCodec, message.lookupOutcomes),
  ofCodec('lookupBatchResponseCodec', lookupBatchResponseCodec, message.lookupBatchResponses),
  ofCodec('monitorMapEntryCodec', monitorMapEntryCodec, fc.record({ position: positions, version: versions })),
  ofCodec('monitorMapCodec', monitorMapCodec, monitorMaps),
  ofCodec(
    'contactMonitorRequestCodec',
    contactMonitorRequestCodec,
    fc.record({ last: maybe(positions), label: labels, entries: monitorMaps }),
  ),
  ofCodec(
    'distinguishedRequestCodec',
    distinguishedRequestCodec,
    fc.record({ last: maybe(positions), stop: maybe(positions) }),
  ),
  ofCodec(
    'ownerInitRequestCodec',
    ownerInitRequestCodec,
    fc.record({ last: maybe(positions), label: labels, start: positions }),
  ),
  ofCodec(
    'ownerMonitorRequestCodec',
    ownerMonitorRequestCodec,
    fc.record({
      last: maybe(positions),
      label: labels,
      entries: monitorMaps,
      start: positions,
      greatestVersion: maybe(versions),
    }),
  ),
  ofCodec('ownerStateCodec', ownerStateCodec, ownerStates),
  ofCodec(
    'standingRequestCodec',
    standingRequestCodec,
    fc.record({ last: maybe(positions), label: labels, version: versions, first: positions, second: positions }),
  ),
  ofCodec(
    'updateRequestCodec',
    updateRequestCodec,
    fc.record({ last: maybe(positions), label: labels, greatestVersion: maybe(versions), values }),
  ),
  ofCodec('credentialRequestCodec', credentialRequestCodec, fc.record({ label: labels, position: positions })),
  ofCodec('credentialUpdateCodec', credentialUpdateCodec, fc.record({ monitor: message.combinedTreeProofs })),
  ofCodec(
    'credentialUpdateRequestCodec',
    credentialUpdateRequestCodec,
    fc.record({
      label: labels,
      version: versions,
      treeSize: positions,
      terminal: positions,
      distinguished: positions,
    }),
  ),
  ofCodec(
    'auditorUpdateCodec',
    auditorUpdateCodec,
    fc.record({
      timestampMs: positions,
      added: fc.array(message.prefixLeaves, { maxLength: 4 }),
      removed: fc.array(message.prefixLeaves, { maxLength: 2 }),
      proof: message.prefixProofs,
    }),
  ),
  ofCodec('knownVersionCodec', knownVersionCodec, knownVersions),
  ofCodec('treeViewCodec', treeViewCodec, treeViews),
  ofCodec('knownHeadCodec', knownHeadCodec, knownHeads),
  ofCodec('distinguishedHeadCodec', distinguishedHeadCodec, fc.record({ heads: fc.array(hashes, { maxLength: 10 }) })),
  ofCodec('unsettledCredentialCodec', unsettledCredentialCodec, unsettledCredentials),
];

/** Messages that depend on the Configuration. */
function ofConfiguration(config: Configuration, variant: string): Decoder[] {
  const { mode } = config;
  const proofLength = config.cipherSuite === KT_128_SHA256_P256 ? 81 : 80;
  const head = message.fullTreeHeads(mode);
  const proof = message.combinedTreeProofs;
  const binaryLadder = fc.array(message.ladderSteps(proofLength), { maxLength: 4 });
  const common = fc.record({
    label: labels,
    version: versions,
    opening: fixed(16),
    value: message.updateValues(mode),
    binaryLadder,
    position: positions,
  });
  const standard = fc.record({ type: fc.constant('standard' as const), distinguished: message.prefixProofs });
  const provisional = fc.record({
    type: fc.constant('provisional' as const),
    treeHead: message.treeHeads,
    search: proof,
  });
  const credentials: fc.Arbitrary<Credential> = fc
    .tuple(common, fc.oneof(standard, provisional))
    .map(([fields, kind]) => Object.assign({}, fields, kind));
  const { searchResponses, lookupResponses } = message;
  const managed = <T>(field: fc.Arbitrary<T>) => (mode === 'thirdPartyManagement' ? field : fc.constant(undefined));
  const updates: fc.Arbitrary<UpdateResponse> = fc.record({
    fullTreeHead: head,
    position: positions,
    skippedVersions: managed(versions),
    values,
    info: fc.array(fc.record({ opening: fixed(16), signature: managed(fc.uint8Array({ maxLength: 70 })) }), {
      maxLength: 3,
    }),
    binaryLadder,
    update: proof,
  });
  return [
    ofCodec('fullTreeHeadCodec', fullTreeHeadCodec(config), head, variant),
    ofCodec('updateValueCodec', updateValueCodec(mode), message.updateValues(mode), variant),
    ofCodec(
      'standingResponseCodec',
      standingResponseCodec(config),
      fc.record({ fullTreeHead: head, binaryLadder, standing: proof }),
      variant,
    ),
    ofCodec('binaryLadderStepCodec', binaryLadderStepCodec(config), message.ladderSteps(proofLength), variant),
    ofCodec(
      'searchResponseCodec',
      searchResponseCodec(config, { version: undefined }),
      searchResponses(mode, false, proofLength),
      `${variant}, greatest`,
    ),
    ofCodec(
      'searchResponseCodec',
      searchResponseCodec(config, { version: 5 }),
      searchResponses(mode, true, proofLength),
      `${variant}, fixed`,
    ),
    ofCodec('lookupResponseCodec', lookupResponseCodec(config), lookupResponses(mode, proofLength), variant),
    ofCodec('chainResponseCodec', chainResponseCodec(config), message.chainResponses(mode), variant),
    ofCodec(
      'contactMonitorResponseCodec',
      contactMonitorResponseCodec(config),
      fc.record({ fullTreeHead: head, monitor: proof }),
      variant,
    ),
    ofCodec(
      'distinguishedResponseCodec',
      distinguishedResponseCodec(config),
      fc.record({ fullTreeHead: head, distinguished: proof }),
      variant,
    ),
    ofCodec(
      'ownerInitResponseCodec',
      ownerInitResponseCodec(config),
      fc.record({
        fullTreeHead: head,
        greatestVersions: fc.array(versions, { maxLength: 4 }),
        binaryLadder,
        init: proof,
      }),
      variant,
    ),
    ofCodec(
      'ownerMonitorResponseCodec',
      ownerMonitorResponseCodec(config),
      fc.record({ fullTreeHead: head, monitor: proof }),
      variant,
    ),
    ofCodec('updateResponseCodec', updateResponseCodec(config), updates, variant),
    ofCodec(
      'updateResponsesCodec',
      updateResponsesCodec(config),
      fc.array(updates, { minLength: 1, maxLength: 2 }),
      variant,
    ),
    ofCodec('credentialCodec', credentialCodec(config), credentials, variant),
  ];
}

const plain = referenceConfiguration(1000);
const audited = referenceConfiguration(1000, { maxAuditorLagMs: 1000, auditorStartPosition: 0 });

/** What reads the messages of KEYTRANS, and what clients keep of them. */
export const KEYTRANS_DECODERS: readonly Decoder[] = [
  ...COMMON,
  ...ofConfiguration(plain, 'contact monitoring'),
  ...ofConfiguration(p256Configuration(plain), 'contact monitoring, P-256'),
  ...ofConfiguration(audited, 'third-party auditing'),
  ...ofConfiguration(managedConfiguration(1000), 'third-party management'),
];
