import { verifyCheckpoint, parseCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { formatNote, MAX_NOTE_BYTES, parseNote } from '../../core/audit/note.ts';
import { rfc6962NodeHasher, verifyConsistency } from '../../core/audit/rfc6962.ts';
import { parseVkey, type Vkey } from '../../core/audit/vkey.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes, formatHex, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { auditorLogRoot } from '../../core/keytrans/auditor-update.ts';
import { configurationCodec, type Configuration } from '../../core/keytrans/configuration.ts';
import { verifyTreeHead } from '../../core/keytrans/tree-head.ts';
import { rootOf } from '../../core/log/tiled-tree.ts';
import { JsonFields, parseJson } from '../../contract/json-fields.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { withEvidence } from './audit-evidence.ts';
import { assertSeen, type SeenHead } from './assert-seen.ts';
import type { AuditState } from './audit-state.ts';
import { abortRequests, fetchBytes, type AuditFetch, type LogFiles } from './fetch-bytes.ts';
import { fetchConsistency } from './read-tree.ts';
import { replayEntries, type Replay } from './replay-entries.ts';

/** How {@link auditLog} is to audit. */
export interface AuditOptions {
  /** Where the server is: what comes before `/log/`. */
  readonly baseUrl: string;
  /** Whom the auditor trusts to be the log: pinned or given, and already verified. */
  readonly bundle: TrustBundle;
  /** Where the last run ended; undefined for an audit from entry 0 on. */
  readonly state?: AuditState | undefined;
  /** A tree head that lookups have shown: it must be one of this log. */
  readonly seen?: SeenHead | undefined;
  /** Default: the platform's. */
  readonly fetch?: AuditFetch;
  /** Clock, ms since the epoch. */
  readonly now: () => number;
  /** Called now and then with the number of log entries that are verified, and that there are. */
  readonly onProgress?: (done: number, total: number) => void;
  /** AuditorUpdates under way at a time. Default 32. */
  readonly concurrency?: number;
  /** Longest time for one file, in ms. Default one minute. */
  readonly timeoutMs?: number;
}

/** What an audit found to hold. */
export interface AuditReport {
  /** Size of the log: all of it is verified, by this run and the ones before. */
  readonly treeSize: number;
  /** RFC 6962 root of the audit log at that size, lower-case hex. */
  readonly rootHash: string;
  /** Log entries that this run verified. */
  readonly entries: number;
  /** Label versions that those entries added. */
  readonly updates: number;
  /** How long it took. */
  readonly seconds: number;
  /** Timestamp of the last log entry, ms since the epoch. */
  readonly lastEntryMs: number;
  /** What the next run goes on from. */
  readonly state: AuditState;
}

/** Whom to believe, taken from the bundle. */
interface Trust {
  readonly origin: string;
  readonly vkeys: readonly Vkey[];
  readonly config: Configuration;
  readonly configHash: Uint8Array;
}

/**
 * Audits a log from its static files (DESIGN §5): the checkpoint's signature, that it continues what the state holds, every
 * entry and hash tile, every AuditorUpdate by the auditor's steps (KT §15.2), every prefix root and log root, and the
 * KEYTRANS tree head of the same size. Memory is bounded, whatever the size of the log. The whole answer of the server is
 * untrusted.
 *
 * Throws `tree-rolled-back` for a log that became shorter, `log-forked` for one that does not continue what was verified or
 * `seen`, `too-far-behind` for one that is shorter than what was seen, `bad-checkpoint`, `bad-audit-entry`, `bad-auditor-update`, `bad-prefix-proof`, `bad-log-proof`, `bad-timestamp`,
 * `tree-head-too-new` and `bad-tree-head` for other misbehaviour, all with evidence (see `evidenceOf`); `network-failed`
 * and `bad-response` where the files cannot be had; `unsupported-operation` for a bundle that demands witnesses.
 */
export async function auditLog(options: AuditOptions): Promise<AuditReport> {
  const startMs = options.now();
  const trust = readTrust(options.bundle);
  const files: LogFiles = {
    prefix: options.baseUrl.replace(/\/+$/, '') + LOG_PREFIX,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    requests: new Set(),
    timeoutMs: options.timeoutMs ?? 60_000,
  };
  const replay: Replay = { position: undefined, updates: 0 };
  let checkpoint: VerifiedCheckpoint | undefined;
  let served: string | undefined;
  try {
    const bytes = await fetchBytes(files, 'checkpoint', MAX_NOTE_BYTES);
    served = new TextDecoder().decode(bytes);
    checkpoint = verifyCheckpoint(bytes, trust);
    await assertContinues(files, checkpoint, options.state, trust.origin);
    if (options.seen !== undefined) await assertSeen(files, checkpoint, options.seen);
    const state = await followLog(files, checkpoint, trust, options, replay);
    return {
      treeSize: checkpoint.size,
      rootHash: formatHex(checkpoint.rootHash),
      entries: checkpoint.size - (options.state?.auditor.size ?? 0),
      updates: replay.updates,
      seconds: (options.now() - startMs) / 1000,
      lastEntryMs: state.auditor.timestampMs,
      state,
    };
  } catch (error) {
    const previousCheckpoint = options.state?.checkpoint;
    throw withEvidence(error, {
      origin: trust.origin,
      checkpoint: served,
      previousCheckpoint,
      position: replay.position,
    });
  } finally {
    abortRequests(files);
  }
}

function readTrust(bundle: TrustBundle): Trust {
  const hasNoQuorum = /^quorum[ \t]+none[ \t]*$/m.test(bundle.witnessPolicy);
  ensure(
    hasNoQuorum,
    'unsupported-operation',
    'the bundle demands cosignatures of witnesses, which this version cannot check',
  );
  const configuration = parseBase64(bundle.keytransConfiguration);
  return {
    origin: bundle.origin,
    vkeys: bundle.auditLogVkeys.map((vkey) => parseVkey(vkey)),
    config: decode(configurationCodec, configuration),
    configHash: sha256(configuration),
  };
}

/** Before anything is replayed: is the checkpoint's tree a continuation of the one that the state has verified? */
async function assertContinues(
  files: LogFiles,
  checkpoint: VerifiedCheckpoint,
  state: AuditState | undefined,
  origin: string,
): Promise<void> {
  ensure(checkpoint.size > 0, 'bad-checkpoint', 'the log has no entries');
  if (state === undefined) return;
  const held = parseCheckpoint(parseNote(state.checkpoint).text);
  ensure(held.origin === origin, 'usage', 'the audit state is of another log');
  ensure(
    checkpoint.size >= held.size,
    'tree-rolled-back',
    `the log had ${held.size} entries, and has ${checkpoint.size}`,
  );
  const proof = await fetchConsistency(files, held.size, checkpoint.size);
  try {
    verifyConsistency(held.size, checkpoint.size, held.rootHash, checkpoint.rootHash, proof);
  } catch (cause) {
    const message = `the log of ${checkpoint.size} entries does not continue the one of ${held.size} that was verified`;
    throw new GlasskeyError('log-forked', message, { cause });
  }
}

/** Replays the entries and checks that they are those of the signed checkpoint and of the signed tree head. */
async function followLog(
  files: LogFiles,
  checkpoint: VerifiedCheckpoint,
  trust: Trust,
  options: AuditOptions,
  replay: Replay,
): Promise<AuditState> {
  const head = await fetchHead(files, checkpoint.size);
  const { auditor, edge } = await replayEntries({
    files,
    size: checkpoint.size,
    configHash: trust.configHash,
    state: options.state,
    concurrency: options.concurrency ?? 32,
    replay,
    onProgress: options.onProgress ?? (() => undefined),
  });
  const root = rootOf(edge, rfc6962NodeHasher);
  const isSigned = root !== undefined && equalBytes(root, checkpoint.rootHash);
  ensure(isSigned, 'bad-checkpoint', 'the root of the checkpoint is not that of the entries that the log serves');
  const limitMs = options.now() + trust.config.maxAheadMs;
  ensure(auditor.timestampMs <= limitMs, 'tree-head-too-new', 'the last entry of the log is from the future');
  try {
    verifyTreeHead(trust.config, { treeSize: checkpoint.size, signature: head }, auditorLogRoot(auditor));
  } catch (cause) {
    throw new GlasskeyError('bad-tree-head', 'the KEYTRANS tree head is not that of the log entries', { cause });
  }
  return { auditor, edge, checkpoint: formatNote(checkpoint.note) };
}

/** The signature of the KEYTRANS tree head of a size, untrusted. */
async function fetchHead(files: LogFiles, size: number): Promise<Uint8Array> {
  const bytes = await fetchBytes(files, `head/${size}`, 256 * 1024);
  const fields = new JsonFields(parseJson(new TextDecoder().decode(bytes), 'bad-response'), 'bad-response', 'head');
  ensure(fields.integer('size') === size, 'bad-response', 'the server gave the tree head of another size');
  return fields.base64('signature', { minimum: 1, maximum: 0xffff });
}
