import type { VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { LOG_END_FILE, MAX_LOG_END_BYTES, verifyLogEnd } from '../../core/audit/log-end.ts';
import { formatNote } from '../../core/audit/note.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { decodeLossyUtf8, equalBytes, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { auditorLogRoot } from '../../core/keytrans/auditor-update.ts';
import { type TreeHead, verifyTreeHead } from '../../core/keytrans/tree-head.ts';
import { edgeRoot } from '../../core/log/tiled-tree.ts';
import { JsonFields, parseJson } from '../../contract/json-fields.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import type { AuditFiles } from './audit-files.ts';
import type { AuditState } from './audit-state.ts';
import type { AuditTrust } from './audit-trust.ts';
import { type OnAdded, type Replay, replayEntries } from './replay-entries.ts';
import { type VerifyUpdates, verifyUpdates } from './verify-updates.ts';

/**
 * Keeps a copy of the audited log: brings the copy up to the checkpoint of `source`, and shows that checkpoint to
 * readers of the copy only after `inspect`, given the files of the copy, has resolved.
 */
export type KeepCopy = (source: AuditFiles, inspect: (copy: AuditFiles) => Promise<void>) => Promise<void>;

/** The progress of an audit. */
export interface AuditProgress {
  /** Log entries that are verified, by this run and earlier ones. */
  readonly done: number;
  readonly total: number;
  /** Label versions that this run has verified so far. */
  readonly updates: number;
}

/** The part of `AuditOptions` that following the entries needs. */
export interface FollowEntriesOptions {
  /** The trust bundle of the log: pinned or given, and already verified. */
  readonly bundle: TrustBundle;
  /** The state of the last run; undefined for an audit from entry 0 on. */
  readonly state?: AuditState | undefined;
  /** Clock, ms since the epoch. */
  readonly now: () => number;
  /** Called from time to time. */
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  /**
   * Called in log order with the leaves that verified entries add to the prefix tree. They are the log's own only once
   * the audit has ended without an error. Default: nobody asks for them.
   */
  readonly onAdded?: OnAdded | undefined;
  /** Keeps a copy of the log. */
  readonly keepCopy?: KeepCopy | undefined;
  /** Verifies AuditorUpdates elsewhere, such as in threads. Default: in this thread. */
  readonly verifyUpdates?: VerifyUpdates | undefined;
  /** Jobs for {@link FollowEntriesOptions.verifyUpdates} under way at a time. Default 4. */
  readonly jobs?: number | undefined;
}

/** AuditorUpdates that a job in this thread reads at a time. */
const UPDATES_AHEAD = 8;

/** Follows the log from the server's files, or from a copy that is made first. */
export async function followCopy(
  files: AuditFiles,
  checkpoint: VerifiedCheckpoint,
  trust: AuditTrust,
  options: FollowEntriesOptions,
  replay: Replay,
): Promise<AuditState> {
  const { keepCopy } = options;
  if (keepCopy === undefined) return followLog(files, checkpoint, trust, options, replay);
  let state: AuditState | undefined;
  await keepCopy(files, async (copy) => {
    replay.copy = copy;
    state = await followLog(copy, checkpoint, trust, options, replay);
    replay.copy = undefined;
  });
  ensure(state !== undefined, 'internal', 'the copy was not inspected');
  return state;
}

/** Replays the entries and checks that they are those of the signed checkpoint and of the signed tree head. */
async function followLog(
  files: AuditFiles,
  checkpoint: VerifiedCheckpoint,
  trust: AuditTrust,
  options: FollowEntriesOptions,
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
    onAdded: options.onAdded,
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
  const fields = new JsonFields(parseJson(decodeLossyUtf8(bytes), 'bad-response'), 'bad-response', 'head');
  ensure(fields.integer('size') === size, 'bad-response', 'the server gave the tree head of another size');
  return fields.base64('signature', { minimum: 1, maximum: 0xffff });
}
