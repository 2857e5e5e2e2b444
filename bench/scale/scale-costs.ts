import { AUDIT_ENTRY_LENGTH } from '../../src/core/audit/audit-entry.ts';
import { formatAddCheckpoint } from '../../src/core/audit/add-checkpoint.ts';
import { nodesOfPlan, planConsistency } from '../../src/core/audit/rfc6962-prove.ts';
import type { EvidencePlan } from '../../src/core/keytrans/plan-evidence.ts';
import type { SearchPlan } from '../../src/core/keytrans/plan-proof.ts';
import { encodeIdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { ASSUMPTIONS, DAYS_PER_YEAR, SECONDS_PER_DAY } from './assumptions.ts';
import { type LargePrefixTree, largePrefixTree } from './prefix-tree-cost.ts';
import { SimulatedLog } from './simulated-log.ts';

/** What one log of so many labels costs. Sizes in bytes. */
export interface ScaleCosts {
  readonly labels: number;
  readonly log: SimulatedLog;
  /** Stored for one binding: its share of the prefix tree, of entry and log tiles, and its row. */
  readonly stored: {
    readonly prefixTree: number;
    readonly entry: number;
    readonly row: number;
    readonly total: number;
  };
  /** One binding's share of the AuditorUpdate of its entry, which is derived for whoever reads it. */
  readonly update: number;
  /** One answer. */
  readonly answers: {
    /** To a client that has never looked, and to one that looked the day before. */
    readonly firstLookup: LookupBytes;
    readonly nextLookup: LookupBytes;
    readonly ownerRound: number;
    readonly contactRound: number;
  };
  /** For one user and a day of monitoring: the rounds of an owner. */
  readonly monitoringDay: number;
  /** What one auditor reads in a day, and in an audit from entry 0. */
  readonly auditDay: number;
  readonly auditWhole: number;
  /** Signed checkpoints in a day, and what passes between the log and one witness. */
  readonly checkpointsPerDay: number;
  readonly witnessRequest: number;
  readonly witnessDay: number;
}

/** The bytes of a lookup's answer. */
interface LookupBytes {
  /** In the newest size, as encoded. */
  readonly newest: number;
  /** In the released size with the shortest proof, as encoded and as compressed. */
  readonly chosen: number;
  readonly compressed: number;
  /** Log entries inspected in the newest size, and in the chosen one. */
  readonly inspected: number;
  readonly inspectedChosen: number;
}

/** Lengths of the encodings (docs/spec.md). */
export const LENGTHS = {
  hash: 32,
  timestamp: 8,
  signature: 64,
  vrfProof: 80,
  opening: 16,
  treeHead: 1 + 8 + 2 + 64,
  auditEntry: AUDIT_ENTRY_LENGTH,
  record: encodeIdentityRecord({
    previousCommitment: NO_COMMITMENT,
    certificates: [new Uint8Array(ASSUMPTIONS.certificateBytes)],
    pending: undefined,
    authorization: { type: 'initial', evidence: { type: 'application' } },
  }).length,
  /** A line of a signed note: em dash, name, and base64 of key ID and signature. */
  ed25519Line: noteLine(4 + 64),
  ed25519Cosignature: noteLine(4 + 8 + 64),
  mlDsaCosignature: noteLine(4 + 8 + 2420),
} as const;

/** Header, trailer and last block of gzip, and what ends a part. */
const GZIP_FRAME = 10 + 8 + 2 + 5;
/** Each full tile of 256 hashes has one hash in the layer above. */
const TILE_SHARE = 256 / 255;
const REQUEST_BYTES = 64;

function noteLine(bytes: number): number {
  return 4 + ASSUMPTIONS.nameCharacters + 1 + 4 * Math.ceil(bytes / 3) + 1;
}

/** What a log of so many labels costs after a year. */
export function scaleCosts(labels: number): ScaleCosts {
  const log = new SimulatedLog(labels);
  const tree = largePrefixTree(log.leaves);
  const stored = storedPerBinding(log, tree);
  const answers = answerBytes(labels, tree);
  const perEntry = LENGTHS.auditEntry + 2 + LENGTHS.hash * TILE_SHARE;
  const update = updateBytes(log.changesPerEntry, tree) / log.changesPerEntry;
  const auditDay = log.entriesPerDay * perEntry + log.changesPerDay * update;
  const checkpointsPerDay = Math.min(log.entriesPerDay, (SECONDS_PER_DAY * 1000) / ASSUMPTIONS.checkpointIntervalMs);
  const witnessRequest = addCheckpointBytes(log, checkpointsPerDay);
  const witnessAnswer = LENGTHS.ed25519Cosignature + LENGTHS.mlDsaCosignature;
  return {
    labels,
    log,
    stored,
    update,
    answers,
    monitoringDay: ((SECONDS_PER_DAY * 1000) / ASSUMPTIONS.windowMs) * (answers.ownerRound + REQUEST_BYTES),
    auditDay,
    auditWhole: auditDay * DAYS_PER_YEAR * ASSUMPTIONS.years,
    checkpointsPerDay,
    witnessRequest,
    witnessDay: checkpointsPerDay * (witnessRequest + witnessAnswer),
  };
}

function storedPerBinding(log: SimulatedLog, tree: LargePrefixTree): ScaleCosts['stored'] {
  const added = log.changesPerEntry;
  const { hash, vrfProof, opening, auditEntry } = LENGTHS;
  const prefixTree = tree.tileBytes(added) / added;
  const entry = (auditEntry + 2 * hash * TILE_SHARE) / added;
  // The row has label key, VRF output and proof, commitment, opening and packed record. The certificate's hash is
  // stored by its serial number.
  const row = 3 * hash + vrfProof + opening + ASSUMPTIONS.packedRecordBytes + 2 * hash;
  return { prefixTree, entry, row, total: prefixTree + entry + row };
}

/** The AuditorUpdate of an entry that adds so many leaves (KT §15.2). */
function updateBytes(added: number, tree: LargePrefixTree): number {
  return LENGTHS.timestamp + 2 + added * 2 * LENGTHS.hash + 2 + tree.proofBytes(0, added);
}

/** Moments of the year's second half: how large an answer is depends on the binary form of the log's size. */
export const MOMENTS = 32;

function answerBytes(labels: number, tree: LargePrefixTree): ScaleCosts['answers'] {
  const all = Array.from({ length: MOMENTS }, (_, i) =>
    answersOf(new SimulatedLog(labels, 1 - i / (2 * MOMENTS)), tree),
  );
  const mean = (of: (one: ScaleCosts['answers']) => number): number =>
    all.reduce((sum, one) => sum + of(one), 0) / MOMENTS;
  const meanOf = (which: 'firstLookup' | 'nextLookup'): LookupBytes => ({
    newest: mean((one) => one[which].newest),
    chosen: mean((one) => one[which].chosen),
    compressed: mean((one) => one[which].compressed),
    inspected: mean((one) => one[which].inspected),
    inspectedChosen: mean((one) => one[which].inspectedChosen),
  });
  return {
    firstLookup: meanOf('firstLookup'),
    nextLookup: meanOf('nextLookup'),
    ownerRound: mean((one) => one.ownerRound),
    contactRound: mean((one) => one.contactRound),
  };
}

function answersOf(log: SimulatedLog, tree: LargePrefixTree): ScaleCosts['answers'] {
  const old = log.versionPositions(60 * SECONDS_PER_DAY * 1000);
  const found = (plan: SearchPlan): number => {
    const { hash, vrfProof, opening, record, treeHead } = LENGTHS;
    const ladder = 1 + plan.ladder.length * (vrfProof + 1) + plan.committed.length * hash;
    return 1 + treeHead + 4 + opening + 4 + record + ladder + evidenceBytes(plan, old, tree);
  };
  const lookUp = (lastMs: number | undefined): LookupBytes => {
    const newest = log.lookup(old, lastMs);
    const chosen = log.lookup(old, lastMs, log.cheapestSize(lastMs));
    return {
      newest: found(newest),
      chosen: found(chosen),
      compressed: found(chosen) + GZIP_FRAME - savedBytes(chosen, old, tree, log.changesPerEntry),
      inspected: newest.lookups.length,
      inspectedChosen: chosen.lookups.length,
    };
  };
  const monitored = log.versionPositions(ASSUMPTIONS.windowMs + 3_600_000);
  return {
    firstLookup: lookUp(undefined),
    nextLookup: lookUp(SECONDS_PER_DAY * 1000),
    ownerRound: LENGTHS.treeHead + evidenceBytes(log.ownerMonitoring(old), old, tree),
    contactRound: LENGTHS.treeHead + evidenceBytes(log.contactMonitoring(), monitored, tree),
  };
}

/** A CombinedTreeProof of that plan (KT §12.3). */
function evidenceBytes(plan: EvidencePlan, versionPositions: readonly number[], tree: LargePrefixTree): number {
  const { timestamps, lookups, prefixRootPositions, logNodes } = plan;
  let bytes = 1 + timestamps.length * LENGTHS.timestamp + 1 + 1 + prefixRootPositions.length * LENGTHS.hash;
  for (const { position, versions } of lookups) {
    const found = versions.filter((version) => (versionPositions[version] ?? Number.MAX_SAFE_INTEGER) <= position);
    bytes += tree.proofBytes(found.length, versions.length - found.length);
  }
  return bytes + 2 + logNodes.length * LENGTHS.hash;
}

/** What compression saves in the prefix proofs of a plan, each of which has most hashes of the one before it. */
function savedBytes(
  { lookups }: EvidencePlan,
  versionPositions: readonly number[],
  tree: LargePrefixTree,
  changesPerEntry: number,
): number {
  let saved = 0;
  for (const [i, { position, versions }] of lookups.entries()) {
    const before = lookups[i - 1];
    if (before === undefined) continue;
    const again = versions.filter((version) => before.versions.includes(version));
    const isThere = (version: number): boolean => (versionPositions[version] ?? Number.MAX_SAFE_INTEGER) <= position;
    const found = again.filter(isThere).length;
    saved += tree.savedBytes(found, again.length - found, (position - before.position) * changesPerEntry);
  }
  return saved;
}

/** An average `add-checkpoint` request (c2sp.org/tlog-witness): of the last 64 checkpoints. */
function addCheckpointBytes(log: SimulatedLog, checkpointsPerDay: number): number {
  const step = Math.max(1, Math.round(log.entriesPerDay / checkpointsPerDay));
  const samples = 64;
  let bytes = 0;
  for (let i = 0; i < samples; i++) {
    const newSize = log.size - i * step;
    const oldSize = newSize - step;
    const proof = nodesOfPlan(planConsistency(oldSize, newSize)).map(() => new Uint8Array(32));
    const text = `${'o'.repeat(ASSUMPTIONS.nameCharacters)}\n${newSize}\n${'A'.repeat(43)}=\n\n`;
    const checkpoint = text + '-'.repeat(LENGTHS.ed25519Line + LENGTHS.mlDsaCosignature);
    bytes += formatAddCheckpoint({ oldSize, proof, checkpoint }).length / samples;
  }
  return bytes;
}
