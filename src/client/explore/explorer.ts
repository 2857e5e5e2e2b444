import { LOG_PREFIX } from '../../contract/paths.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { type Fetch, platformFetch } from '../../core/net/bounded-fetch.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import { type AuditFiles, httpAuditFiles } from '../audit/audit-files.ts';
import { type AuditTrust, readAuditTrust } from '../audit/audit-trust.ts';
import { formatHeads, parseHeads } from '../heads-text.ts';
import { KeyDirectory, type KeyDirectoryOptions, type LookupResult } from '../key-directory.ts';
import type { CheckpointAgreement } from '../operations/compare-checkpoint.ts';
import type { ClientState } from '../state/client-state.ts';
import { auditRecent, type RecentAudit, type RecentAuditOptions } from './audit-recent.ts';
import { type ComparedTexts, compareTexts, readHeads } from './compare-texts.ts';
import { explainLookup, type LookupExplanation } from './explain-lookup.ts';
import { type LogActivity, readActivity } from './log-activity.ts';
import { type LogOverview, readOverview } from './log-overview.ts';
import { keptFiles } from './proved-entries.ts';
import { LookupRecorder } from './recorded-lookup.ts';

/** Files of the log that are kept in memory: about 2 MB. */
const KEPT_FILES = 64;
/** Heads in the short text that fits a QR code. */
const SHORT_HEADS = 8;

const CHECKPOINT = `${LOG_PREFIX}checkpoint`;
/** A browser's option; the types of other platforms lack it. */
const NOT_CACHED: object = { cache: 'no-store' };

/** A verified lookup, and why it holds. */
export interface ExplainedLookup {
  readonly result: LookupResult;
  readonly explanation: LookupExplanation;
}

/** A key directory for the eyes of people: lookups with their proofs, and the log itself. */
export class Explorer {
  readonly directory: KeyDirectory;
  readonly #options: KeyDirectoryOptions;
  readonly #recorder: LookupRecorder;

  private constructor(directory: KeyDirectory, options: KeyDirectoryOptions, recorder: LookupRecorder) {
    this.directory = directory;
    this.#options = options;
    this.#recorder = recorder;
  }

  /** Opens the directory of a server. Throws what `KeyDirectory.open` throws. */
  static async open(options: KeyDirectoryOptions): Promise<Explorer> {
    const { fetch = platformFetch, state } = options;
    const recorder = new LookupRecorder({ fetch, state });
    const recorded = { ...options, fetch: recorder.fetch, state: recorder.state };
    return new Explorer(await KeyDirectory.open(recorded), options, recorder);
  }

  /** Looks up an identity and explains the proof that was verified. Throws what `KeyDirectory.lookup` throws. */
  async lookup(text: string): Promise<ExplainedLookup> {
    this.#recorder.take();
    const result = await this.directory.lookup(text);
    const recorded = this.#recorder.take();
    ensure(recorded !== undefined, 'internal', 'a lookup without an answer');
    const { config } = this.directory.trust;
    const { label } = this.directory.identity(text);
    return { result, explanation: explainLookup({ config, label, ...recorded }) };
  }

  /**
   * Brings the view up to the log's newest head, and monitors what was looked up earlier. So the log must continue what
   * this client saw. Throws what `KeyDirectory.monitor` throws.
   */
  async refresh(): Promise<ClientState> {
    await this.directory.monitor();
    return this.state();
  }

  /** Returns what the client keeps. */
  state(): Promise<ClientState> {
    return this.#options.state.transact((state) => Promise.resolve({ result: state }));
  }

  /** Reads and verifies the newest checkpoint. Throws what {@link readOverview} throws. */
  async overview(view: TreeView): Promise<LogOverview> {
    const nowMs = this.#now();
    return readOverview(this.#files(), this.#trust(), { view, nowMs });
  }

  /** Counts the changes of the last days. Throws what {@link readActivity} throws. */
  activity({ checkpoint }: LogOverview): Promise<LogActivity> {
    return readActivity(keptFiles(this.#files(), KEPT_FILES), checkpoint);
  }

  /** Audits the newest entries. Throws what {@link auditRecent} throws. */
  auditRecent({ checkpoint }: LogOverview, options: RecentAuditOptions): Promise<RecentAudit> {
    return auditRecent(keptFiles(this.#files(), KEPT_FILES), checkpoint, this.#trust(), options);
  }

  /** Returns the newest heads of `state` as a text for others to compare; undefined if the log has none yet. */
  shortHeads({ distinguished }: ClientState): string | undefined {
    if (distinguished.length === 0) return undefined;
    return formatHeads(this.directory.trust.bundle.origin, distinguished.slice(-SHORT_HEADS));
  }

  /**
   * Compares the text of another person with the newest heads of this client. Asks the log only if the text is whole,
   * and throws what `KeyDirectory.heads` throws: then it is the log's own answer that fails.
   */
  async compareText(text: string): Promise<ComparedTexts> {
    const theirs = readHeads(text);
    if (theirs === undefined) return { type: 'not-a-text' };
    return compareTexts(parseHeads(await this.directory.heads()), theirs);
  }

  /**
   * Compares a checkpoint that a watcher was shown with what the server shows to this client; undefined for a text that
   * this log did not sign, which accuses nobody. Throws what `KeyDirectory.compareCheckpoint` throws.
   */
  async compareCheckpoint(text: string): Promise<CheckpointAgreement | undefined> {
    return isSigned(text, this.#trust()) ? this.directory.compareCheckpoint(text) : undefined;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #trust(): AuditTrust {
    return readAuditTrust(this.directory.trust.bundle);
  }

  #files(): AuditFiles {
    const { fetch: send = platformFetch, server, timeoutMs = 30_000 } = this.#options;
    // A cached checkpoint may be older than what lookups have shown.
    const fresh: Fetch = (url, init) => send(url, url.endsWith(CHECKPOINT) ? { ...init, ...NOT_CACHED } : init);
    return httpAuditFiles({ prefix: server.replace(/\/+$/, '') + LOG_PREFIX, fetch: fresh, timeoutMs });
  }
}

function isSigned(text: string, { origin, vkeys }: AuditTrust): boolean {
  if (text.length > MAX_NOTE_BYTES) return false;
  try {
    return verifyCheckpoint(encodeUtf8(text), { origin, vkeys }).origin === origin;
  } catch (error) {
    if (isGlasskeyError(error)) return false;
    throw error;
  }
}
