import { verifyCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import type { Cosignature } from '../../core/audit/cosignature.ts';
import { type LogEnd, signedLogEndCodec } from '../../core/audit/log-end.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { assertWitnessed } from '../../core/audit/policy.ts';
import { decodeLossyUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { type Fetch, platformFetch } from '../../core/net/bounded-fetch.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import { assertContinues, assertNotShorter, type HeldCheckpoint, treeOf } from './assert-continues.ts';
import { assertSeen, type SeenHead } from './assert-seen.ts';
import { isMisbehaviour, withEvidence } from './audit-evidence.ts';
import { httpAuditFiles, withCheckpoint } from './audit-files.ts';
import type { AuditState } from './audit-state.ts';
import { type AuditTrust, readAuditTrust } from './audit-trust.ts';
import { blamed, damagedCopy, type FileServer, mayBeDamage } from './damaged-copy.ts';
import type { EvidenceProof } from './evidence-proof.ts';
import { followCopy, type FollowEntriesOptions } from './follow-log.ts';
import { type ProofContext, proveMisbehaviour, type Suspicion } from './prove-misbehaviour.ts';
import type { Replay } from './replay-entries.ts';
import { earlierBundleMissing, type FailedAudit, isOfEarlierBundle, isSignedFault } from './signed-fault.ts';
import { withJson } from '../json-result.ts';
import { notReleasedYet } from '../trust.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';

export type { AuditProgress, KeepCopy } from './follow-log.ts';

/** Options of {@link auditLog}. */
export interface AuditOptions extends FollowEntriesOptions {
  /** The URL of the server, up to `/log/`. */
  readonly baseUrl: string;
  /** Encoded Configurations of earlier bundles: older entries may name them. */
  readonly earlierConfigurations?: readonly Uint8Array[] | undefined;
  /** The bundle that `bundle` succeeded: a checkpoint that only that one accepts is `release-stalled`. */
  readonly previousBundle?: TrustBundle | undefined;
  /** Other checkpoints that this log has shown; it must continue each of them. */
  readonly held?: readonly HeldCheckpoint[] | undefined;
  /** A tree head that lookups have shown; it must be one of this log. */
  readonly seen?: SeenHead | undefined;
  /** Default: the platform's. */
  readonly fetch?: Fetch;
  /** Longest time for one file, in ms. Default one minute. */
  readonly timeoutMs?: number;
  /** Ends the audit's requests, as `network-failed`. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
  /** Finds out whether the log itself serves the files, or a copy. Asked after a failure. Default: the log does. */
  readonly fileServer?: (() => Promise<FileServer>) | undefined;
}

/** The report of an audit that found no fault. */
export interface AuditReport {
  /** Size of the log; all of it is verified, by this run and earlier ones. */
  readonly treeSize: number;
  /** RFC 6962 root of the audit log at that size, lower-case hex. */
  readonly rootHash: string;
  /** Log entries that this run verified. */
  readonly entries: number;
  /** Label versions that those entries added. */
  readonly updates: number;
  /** Label versions in the whole log; undefined if an earlier run did not count them. */
  readonly allUpdates: number | undefined;
  /** Duration of this run. */
  readonly seconds: number;
  /** Timestamp of the first log entry, ms since the epoch; undefined if an earlier run did not keep it. */
  readonly firstEntryMs: number | undefined;
  /** Timestamp of the last log entry, ms since the epoch. */
  readonly lastEntryMs: number;
  /** The verified end of the log, and its successor; undefined if the log has not ended. */
  readonly end: LogEnd | undefined;
  /** The cosignatures of the bundle's witnesses on the checkpoint; they meet the quorum of the policy. */
  readonly cosignatures: readonly Cosignature[];
  /** The state that the next run continues from. */
  readonly state: AuditState;
}

/**
 * Audits a log from its static files (docs/spec.md#the-audit). It verifies the checkpoint's signature and the quorum of
 * its witnesses, and that the checkpoint continues what the state holds. It verifies every entry and hash tile, every
 * AuditorUpdate by the auditor's steps (KT §15.2), every prefix root and log root, and the KEYTRANS tree head of the
 * same size. Memory is bounded, whatever the size of the log. All answers of the server are untrusted.
 *
 * Throws `tree-rolled-back` for a log that became shorter, `log-forked` for one that does not continue what was
 * verified or `seen`, `too-far-behind` for one shorter than `seen`, `not-witnessed`, and, for other misbehaviour,
 * `bad-checkpoint`, `bad-audit-entry`, `bad-auditor-update`, `bad-prefix-proof`, `bad-log-proof`, `bad-timestamp`,
 * `tree-head-too-new`, `bad-tree-head`, `bad-log-end` and `continued-after-end`. All of these carry evidence (see
 * `auditEvidenceOf`). Two errors accuse nobody: `release-stalled` (a checkpoint of the previous bundle) and `usage` (an
 * entry of an unknown bundle). For a copy, a fault that the log has not signed is `copy-damaged`, and an older
 * checkpoint is `too-far-behind`. Also throws `network-failed` and `bad-response` if the files cannot be fetched, and
 * what `keepCopy` throws.
 */
export async function auditLog(options: AuditOptions): Promise<AuditReport> {
  const startMs = options.now();
  const trust = readAuditTrust(options.bundle, earlierBy(options));
  const { fetch = platformFetch, timeoutMs = 60_000, signal } = options;
  const prefix = options.baseUrl.replace(/\/+$/, '') + LOG_PREFIX;
  const http = httpAuditFiles({ prefix, fetch, timeoutMs, signal });
  const replay: Replay = {
    done: options.state?.auditor.size ?? 0,
    updates: 0,
    firstEntryMs: undefined,
    failed: undefined,
    endLeaf: undefined,
    copy: undefined,
  };
  let served: Uint8Array | undefined;
  let context: ProofContext | undefined;
  let suspicion: Suspicion | undefined;
  try {
    served = await http.read('checkpoint', MAX_NOTE_BYTES);
    const files = withCheckpoint(http, served);
    const { checkpoint, cosignatures } = openCheckpoint(served, trust, options);
    context = { files, checkpoint, bundle: options.bundle };
    for (const held of heldBy(options)) {
      suspicion = { type: 'fork', held };
      await assertContinues(files, checkpoint, held);
    }
    if (options.seen !== undefined) {
      suspicion = { type: 'tree-head', seen: options.seen };
      await assertSeen(files, checkpoint, options.seen);
    }
    suspicion = undefined;
    assertEnded(options.state, checkpoint);
    const state = await followCopy(files, checkpoint, trust, options, replay);
    return withJson(reportOf(checkpoint, options, { replay, state, cosignatures, startMs }));
  } catch (error) {
    if (replay.failed !== undefined) suspicion = { type: 'entry', ...replay.failed };
    throw await judge(error, { trust, served, context, suspicion, replay }, options);
  } finally {
    http.close();
  }
}

/** A checkpoint that a key of the log signed and the quorum of its witnesses cosigned. */
interface OpenedCheckpoint {
  readonly checkpoint: VerifiedCheckpoint;
  readonly cosignatures: readonly Cosignature[];
}

/** Opens a checkpoint. One that only the previous bundle accepts is `release-stalled`. */
function openCheckpoint(served: Uint8Array, trust: AuditTrust, options: AuditOptions): OpenedCheckpoint {
  // The age of a checkpoint matters to lookups; an audit judges whatever there is.
  const witnessed = { nowMs: options.now(), maxAgeMs: Infinity };
  const open = (by: AuditTrust): OpenedCheckpoint => {
    const checkpoint = verifyCheckpoint(served, by);
    ensure(checkpoint.size > 0, 'bad-checkpoint', 'the log has no entries');
    return { checkpoint, cosignatures: assertWitnessed(by.policy, checkpoint.note, witnessed) };
  };
  try {
    return open(trust);
  } catch (error) {
    if (!isGlasskeyError(error) || options.previousBundle === undefined) throw error;
    let before: OpenedCheckpoint;
    try {
      before = open(readAuditTrust(options.previousBundle));
    } catch {
      throw error;
    }
    // A log that has shown more is not waiting for its next entry.
    for (const held of heldBy(options)) assertNotShorter(before.checkpoint, treeOf(held));
    throw notReleasedYet(error);
  }
}

interface Failed extends FailedAudit {
  /** The checkpoint that was served. */
  readonly served: Uint8Array | undefined;
  readonly replay: Replay;
}

/**
 * Returns the error to throw: with evidence if the log misbehaved, `copy-damaged` if it has neither signed nor served
 * what is wrong.
 */
async function judge(error: unknown, failed: Failed, options: AuditOptions): Promise<unknown> {
  const { trust, served, replay, context } = failed;
  const read = { ...failed, context: context && { ...context, files: replay.copy ?? context.files } };
  if (isMisbehaviour(error) && (await isOfEarlierBundle(error, read))) return earlierBundleMissing(error, read);
  const proof = isMisbehaviour(error) ? await proofOf(failed) : undefined;
  const isDamage = mayBeDamage(error) && proof === undefined && !(await isSignedFault(error, read));
  if (isDamage && replay.copy !== undefined) return damagedCopy(error, 'the mirror');
  const by = isDamage && options.fileServer !== undefined ? await options.fileServer() : 'log';
  return withEvidence(blamed(error, by, options.baseUrl), {
    origin: trust.origin,
    checkpoint: served === undefined ? undefined : decodeLossyUtf8(served),
    previousCheckpoint: options.state?.checkpoint,
    position: replay.failed?.before.size,
    proof,
  });
}

/** Makes a proof from the files of the log, or of the mirror, which the log can no longer withhold. */
async function proofOf({ suspicion, context, replay }: Failed): Promise<EvidenceProof | undefined> {
  if (suspicion === undefined || context === undefined) return undefined;
  const proof = await proveMisbehaviour(suspicion, context);
  if (proof !== undefined || replay.copy === undefined) return proof;
  return proveMisbehaviour(suspicion, { ...context, files: replay.copy });
}

function earlierBy({ state, earlierConfigurations = [] }: AuditOptions): readonly Uint8Array[] {
  return [...earlierConfigurations, ...(state?.configurations ?? [])];
}

function heldBy({ state, held = [] }: AuditOptions): readonly HeldCheckpoint[] {
  return state === undefined ? held : [state.checkpoint, ...held];
}

/** Throws `continued-after-end` if a log whose end was verified has further entries. */
function assertEnded(state: AuditState | undefined, { size }: VerifiedCheckpoint): void {
  const goesOn = state?.logEnd !== undefined && size > state.auditor.size;
  ensure(!goesOn, 'continued-after-end', `the log ended at ${state?.auditor.size} entries, and has ${size} now`);
}

/** The findings of an audit that found no fault. */
interface Findings extends Pick<AuditReport, 'cosignatures' | 'state'> {
  readonly replay: Replay;
  readonly startMs: number;
}

function reportOf(
  { size, rootHash }: VerifiedCheckpoint,
  options: AuditOptions,
  { replay, state, cosignatures, startMs }: Findings,
): AuditReport {
  return {
    treeSize: size,
    rootHash: formatHex(rootHash),
    entries: size - (options.state?.auditor.size ?? 0),
    updates: replay.updates,
    allUpdates: state.recorded?.updates,
    seconds: (options.now() - startMs) / 1000,
    firstEntryMs: state.recorded?.firstEntryMs,
    lastEntryMs: state.auditor.timestampMs,
    end: state.logEnd && decode(signedLogEndCodec, state.logEnd).end,
    cosignatures,
    state,
  };
}
