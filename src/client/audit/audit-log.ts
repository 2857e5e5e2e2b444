import { verifyCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import type { Cosignature } from '../../core/audit/cosignature.ts';
import {
  LOG_END_FILE,
  type LogEnd,
  MAX_LOG_END_BYTES,
  signedLogEndCodec,
  verifyLogEnd,
} from '../../core/audit/log-end.ts';
import { formatNote, MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { assertWitnessed } from '../../core/audit/policy.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { equalBytes, formatHex, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { auditorLogRoot } from '../../core/keytrans/auditor-update.ts';
import { type TreeHead, verifyTreeHead } from '../../core/keytrans/tree-head.ts';
import { edgeRoot } from '../../core/log/tiled-tree.ts';
import { JsonFields, parseJson } from '../../contract/json-fields.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { assertContinues, type HeldCheckpoint } from './assert-continues.ts';
import { assertSeen, type SeenHead } from './assert-seen.ts';
import { isMisbehaviour, withEvidence } from './audit-evidence.ts';
import { type ProofContext, proveMisbehaviour, type Suspicion } from './prove-misbehaviour.ts';
import type { AuditState } from './audit-state.ts';
import { type AuditTrust, readAuditTrust } from './audit-trust.ts';
import { type AuditFetch, httpAuditFiles, type AuditFiles, withCheckpoint } from './audit-files.ts';
import { type Replay, replayEntries } from './replay-entries.ts';
import { type VerifyUpdates, verifyUpdates } from './verify-updates.ts';

/** The progress of an audit. */
export interface AuditProgress {
  /** Log entries that are verified, by this run and earlier ones. */
  readonly done: number;
  readonly total: number;
  /** Label versions that this run has verified so far. */
  readonly updates: number;
}

/**
 * Keeps a copy of the audited log: brings the copy up to the checkpoint of `source`, and shows that checkpoint to
 * readers of the copy only after `inspect`, given the files of the copy, has resolved.
 */
export type KeepCopy = (source: AuditFiles, inspect: (copy: AuditFiles) => Promise<void>) => Promise<void>;

/** Options of {@link auditLog}. */
export interface AuditOptions {
  /** The URL of the server, up to `/log/`. */
  readonly baseUrl: string;
  /** The trust bundle of the log: pinned or given, and already verified. */
  readonly bundle: TrustBundle;
  /** Encoded Configurations of earlier bundles: older entries may name them. */
  readonly earlierConfigurations?: readonly Uint8Array[] | undefined;
  /** The state of the last run; undefined for an audit from entry 0 on. */
  readonly state?: AuditState | undefined;
  /** Other checkpoints that this log has shown; it must continue each of them. */
  readonly held?: readonly HeldCheckpoint[] | undefined;
  /** A tree head that lookups have shown; it must be one of this log. */
  readonly seen?: SeenHead | undefined;
  /** Default: the platform's. */
  readonly fetch?: AuditFetch;
  /** Clock, ms since the epoch. */
  readonly now: () => number;
  /** Called from time to time. */
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** Keeps a copy of the log. */
  readonly keepCopy?: KeepCopy | undefined;
  /** Verifies AuditorUpdates elsewhere, such as in threads. Default: in this thread. */
  readonly verifyUpdates?: VerifyUpdates | undefined;
  /** Jobs for {@link verifyUpdates} under way at a time. Default 4. */
  readonly jobs?: number | undefined;
  /** Longest time for one file, in ms. Default one minute. */
  readonly timeoutMs?: number;
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

/** AuditorUpdates that a job in this thread reads at a time. */
const UPDATES_AHEAD = 8;

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
 * `auditEvidenceOf`). Also throws `network-failed` and `bad-response` if the files cannot be fetched, and what
 * `keepCopy` throws.
 */
export async function auditLog(options: AuditOptions): Promise<AuditReport> {
  const startMs = options.now();
  const trust = readAuditTrust(options.bundle, earlierBy(options));
  const { fetch: send = (url, init) => fetch(url, init), timeoutMs = 60_000 } = options;
  const prefix = options.baseUrl.replace(/\/+$/, '') + LOG_PREFIX;
  const http = httpAuditFiles({ prefix, fetch: send, timeoutMs });
  const replay: Replay = {
    done: options.state?.auditor.size ?? 0,
    updates: 0,
    firstEntryMs: undefined,
    failed: undefined,
    endLeaf: undefined,
  };
  let served: Uint8Array | undefined;
  let context: ProofContext | undefined;
  let suspicion: Suspicion | undefined;
  try {
    served = await http.read('checkpoint', MAX_NOTE_BYTES);
    const files = withCheckpoint(http, served);
    const checkpoint = verifyCheckpoint(served, trust);
    ensure(checkpoint.size > 0, 'bad-checkpoint', 'the log has no entries');
    // The age of a checkpoint matters to lookups; an audit judges whatever there is.
    const witnessed = { nowMs: options.now(), maxAgeMs: Infinity };
    const cosignatures = assertWitnessed(trust.policy, checkpoint.note, witnessed);
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
    return {
      treeSize: checkpoint.size,
      rootHash: formatHex(checkpoint.rootHash),
      entries: checkpoint.size - (options.state?.auditor.size ?? 0),
      updates: replay.updates,
      allUpdates: state.recorded?.updates,
      seconds: (options.now() - startMs) / 1000,
      firstEntryMs: state.recorded?.firstEntryMs,
      lastEntryMs: state.auditor.timestampMs,
      end: state.logEnd && decode(signedLogEndCodec, state.logEnd).end,
      cosignatures,
      state,
    };
  } catch (error) {
    if (replay.failed !== undefined) suspicion = { type: 'entry', ...replay.failed };
    const proof =
      isMisbehaviour(error) && suspicion && context ? await proveMisbehaviour(suspicion, context) : undefined;
    throw withEvidence(error, {
      origin: trust.origin,
      checkpoint: served === undefined ? undefined : new TextDecoder().decode(served),
      previousCheckpoint: options.state?.checkpoint,
      position: replay.failed?.before.size,
      proof,
    });
  } finally {
    http.close();
  }
}

function earlierBy({ state, earlierConfigurations = [] }: AuditOptions): readonly Uint8Array[] {
  return [...earlierConfigurations, ...(state?.configurations ?? [])];
}

function heldBy({ state, held = [] }: AuditOptions): readonly HeldCheckpoint[] {
  return state === undefined ? held : [state.checkpoint, ...held];
}

/** Follows the log from the server's files, or from a copy that is made first. */
async function followCopy(
  files: AuditFiles,
  checkpoint: VerifiedCheckpoint,
  trust: AuditTrust,
  options: AuditOptions,
  replay: Replay,
): Promise<AuditState> {
  const { keepCopy } = options;
  if (keepCopy === undefined) return followLog(files, checkpoint, trust, options, replay);
  let state: AuditState | undefined;
  await keepCopy(files, async (copy) => {
    state = await followLog(copy, checkpoint, trust, options, replay);
  });
  ensure(state !== undefined, 'internal', 'the copy was not inspected');
  return state;
}

/** Replays the entries and checks that they are those of the signed checkpoint and of the signed tree head. */
async function followLog(
  files: AuditFiles,
  checkpoint: VerifiedCheckpoint,
  trust: AuditTrust,
  options: AuditOptions,
  replay: Replay,
): Promise<AuditState> {
  const { size, rootHash } = checkpoint;
  const head = await readHead(files, size);
  const { auditor, edge } = await replayEntries({
    files,
    size,
    configHashes: trust.configHashes,
    state: options.state,
    verifyUpdates: options.verifyUpdates ?? ((job) => verifyUpdates(files, job, UPDATES_AHEAD)),
    jobs: options.jobs ?? 4,
    replay,
    onProgress: () => options.onProgress?.({ done: replay.done, total: size, updates: replay.updates }),
  });
  const root = edgeRoot(edge, rfc6962NodeHasher);
  const isSigned = root !== undefined && equalBytes(root, rootHash);
  ensure(isSigned, 'bad-checkpoint', 'the root of the checkpoint is not that of the entries that the log serves');
  assertHead(trust, { treeSize: size, signature: head }, auditorLogRoot(auditor));
  const [config] = trust.configs;
  const limitMs = options.now() + (config?.maxAheadMs ?? 0);
  ensure(auditor.timestampMs <= limitMs, 'tree-head-too-new', 'the last entry of the log is from the future');
  const recorded = recordedBy(options.state, replay);
  const logEnd = options.state?.logEnd ?? (await readLogEnd(files, options.bundle, size, replay));
  const configurations = trust.encodedConfigs;
  return { auditor, edge, checkpoint: formatNote(checkpoint.note), recorded, configurations, logEnd };
}

/** Throws `continued-after-end` if a log whose end was verified has further entries. */
function assertEnded(state: AuditState | undefined, { size }: VerifiedCheckpoint): void {
  const goesOn = state?.logEnd !== undefined && size > state.auditor.size;
  ensure(!goesOn, 'continued-after-end', `the log ended at ${state?.auditor.size} entries, and has ${size} now`);
}

/** Reads and verifies the signed end if the last entry ends the log. */
async function readLogEnd(
  files: AuditFiles,
  { origin, bundleKey }: TrustBundle,
  size: number,
  { endLeaf }: Replay,
): Promise<Uint8Array | undefined> {
  if (endLeaf === undefined) return undefined;
  const encoded = await files.read(LOG_END_FILE, MAX_LOG_END_BYTES);
  const trusted = { origin, bundleKey: parseBase64(bundleKey) };
  verifyLogEnd(encoded, trusted, { position: size - 1, leaf: endLeaf });
  return encoded;
}

/** Asserts that the tree head is signed under one of the log's Configurations; its newest entry decided under which. */
function assertHead(trust: AuditTrust, head: TreeHead, logRoot: Uint8Array): void {
  let failure: unknown;
  for (const config of trust.configs) {
    try {
      return verifyTreeHead(config, head, logRoot);
    } catch (error) {
      failure = error;
    }
  }
  throw new GlasskeyError('bad-tree-head', 'the KEYTRANS tree head is not that of the log entries', { cause: failure });
}

function recordedBy(state: AuditState | undefined, { updates, firstEntryMs }: Replay): AuditState['recorded'] {
  if (state !== undefined) return state.recorded && { ...state.recorded, updates: state.recorded.updates + updates };
  return firstEntryMs === undefined ? undefined : { firstEntryMs, updates };
}

/** Reads the signature of the KEYTRANS tree head of a size; untrusted. */
async function readHead(files: AuditFiles, size: number): Promise<Uint8Array> {
  const bytes = await files.read(`head/${size}`, 256 * 1024);
  const fields = new JsonFields(parseJson(new TextDecoder().decode(bytes), 'bad-response'), 'bad-response', 'head');
  ensure(fields.integer('size') === size, 'bad-response', 'the server gave the tree head of another size');
  return fields.base64('signature', { minimum: 1, maximum: 0xffff });
}
