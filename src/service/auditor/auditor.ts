import type { Signer } from '../../core/crypto/signer.ts';
import { encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import { type AuditorTreeHead, encodeAuditorTreeHeadTbs } from '../../core/keytrans/tree-head.ts';
import type { DurableFile } from '../log/durable-file.ts';
import type { AuditorEvent } from './auditor-event.ts';
import {
  type AuditorRecord,
  assertSigned,
  readAuditorRecord,
  type SignedHead,
  writeAuditorRecord,
} from './auditor-record.ts';

/** The outcome of following a log to its newest checkpoint: everything in it is verified. */
export interface Followed {
  /** The number of log entries. */
  readonly treeSize: number;
  /** The timestamp of the last log entry. */
  readonly timestampMs: number;
  /** The root of the log tree of that size. */
  readonly logRoot: Uint8Array;
  /** Log entries that this round verified. */
  readonly entries: number;
  /** Label versions in those entries. */
  readonly updates: number;
  /** The log's current Configuration. */
  readonly configuration: Configuration;
  /** The state from which the next round continues. */
  readonly state: Uint8Array;
}

/** The reason why an auditor has stopped signing. */
export interface Halt {
  /** The evidence, for people and programs: JSON. */
  readonly evidence: string;
}

/** Options of an {@link Auditor}. */
export interface AuditorOptions {
  readonly signer: Signer;
  /** The file of its record. No other process uses it, and it must never be restored from a backup. */
  readonly record: DurableFile;
  /** The file for evidence of misbehaviour. While it exists, the auditor signs nothing. */
  readonly evidence: DurableFile;
  /**
   * Verifies every entry of the log after a state (undefined: from the start) by every step of KT §15.2. An error whose
   * fault is `verification` means that the log is invalid.
   */
  readonly follow: (state: Uint8Array | undefined) => Promise<Followed>;
  /** Returns true if an error carries proof to anybody that the log misbehaved. The auditor then halts at once. */
  readonly isProof: (error: GlasskeyError) => boolean;
  /** Returns the evidence that an error carries, as JSON. */
  readonly describe: (error: GlasskeyError) => string;
  readonly observe: (event: AuditorEvent) => void;
}

/** Failed rounds before the auditor halts: a cache or proxy on the path may have damaged a file. */
const LOOKS = 3;

/** Errors by which two clocks disagree. They are no misbehaviour; the auditor signs nothing meanwhile. */
const CLOCK_CODES: ReadonlySet<string> = new Set(['tree-head-too-new', 'tree-head-too-old']);

/**
 * A third-party auditor of one log (KT §15.2). It verifies the log, then signs a head. It serves a head only once the
 * head is durable, together with the state that the next one continues. So no two of its heads contradict each other.
 * After misbehaviour of the log it signs nothing until an operator removes the evidence.
 */
export class Auditor {
  readonly #options: AuditorOptions;
  /** `unknown` before it is read, and after a failed write. */
  #record: AuditorRecord | undefined | 'unknown' = 'unknown';
  #head: AuditorTreeHead | undefined;
  #halt: Halt | undefined;
  #failedLooks = 0;

  private constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** Opens an auditor from its files. Throws `storage-failed`, `storage-corrupt`. */
  static async open(options: AuditorOptions): Promise<Auditor> {
    const auditor = new Auditor(options);
    const evidence = await options.evidence.read();
    if (evidence !== undefined) auditor.#halted({ evidence: new TextDecoder().decode(evidence) });
    await auditor.#load();
    return auditor;
  }

  /** The newest signed head; undefined if there is none, or if the log misbehaved. */
  get head(): AuditorTreeHead | undefined {
    return this.#halt === undefined ? this.#head : undefined;
  }

  /** The reason why it has stopped signing; undefined while it signs. */
  get halt(): Halt | undefined {
    return this.#halt;
  }

  /** Follows the log once, and signs what it has verified. Reports failures to the observer; never throws. */
  async step(): Promise<void> {
    if (this.#halt !== undefined) return;
    try {
      const record = await this.#load();
      const followed = await this.#options.follow(record?.state);
      await this.#attest(record, followed);
      this.#failedLooks = 0;
    } catch (error) {
      await this.#fail(error);
    }
  }

  async #attest(record: AuditorRecord | undefined, followed: Followed): Promise<void> {
    const { observe } = this.#options;
    const { treeSize, timestampMs, entries, updates, configuration, state } = followed;
    const encoded = encode(configurationCodec, configuration);
    const signed = record?.signed;
    assertContinues(signed, followed);
    const isSigned = signed?.head.treeSize === treeSize && equalBytes(signed.configuration, encoded);
    const next = isSigned ? signed : ((await this.#sign(followed, encoded)) ?? signed);
    observe({ type: 'verified', size: treeSize, timestampMs, entries, updates });
    if (entries === 0 && next === signed) return;
    // If the write fails, nobody has the new head, and the file shows which head is the last.
    this.#record = 'unknown';
    await writeAuditorRecord(this.#options.record, { state, signed: next });
    this.#take({ state, signed: next });
  }

  async #sign(followed: Followed, encoded: Uint8Array): Promise<SignedHead | undefined> {
    const { configuration, treeSize, timestampMs, logRoot } = followed;
    const { signer } = this.#options;
    const isOurs =
      configuration.mode === 'thirdPartyAuditing' && equalBytes(configuration.auditorPublicKey, signer.publicKey);
    ensure(isOurs, 'usage', "the log's Configuration names another auditor, or none");
    if (treeSize <= configuration.auditorStartPosition) return undefined;
    const message = encodeAuditorTreeHeadTbs(configuration, { timestampMs, treeSize }, logRoot);
    const signed = {
      head: { timestampMs, treeSize, signature: await signer.sign(message) },
      logRoot,
      configuration: encoded,
    };
    assertSignedByUs(signed);
    return signed;
  }

  async #load(): Promise<AuditorRecord | undefined> {
    if (this.#record === 'unknown') this.#take(await readAuditorRecord(this.#options.record));
    return this.#record === 'unknown' ? undefined : this.#record;
  }

  #take(record: AuditorRecord | undefined): void {
    const head = record?.signed?.head;
    this.#record = record;
    if (head === undefined || head === this.#head) return;
    this.#head = head;
    this.#options.observe({ type: 'signed', size: head.treeSize, timestampMs: head.timestampMs });
  }

  async #fail(error: unknown): Promise<void> {
    const { observe, evidence, isProof, describe } = this.#options;
    const isMisbehaviour = isGlasskeyError(error) && error.fault === 'verification' && !CLOCK_CODES.has(error.code);
    observe({ type: 'failed', work: 'audit', error, isMisbehaviour });
    if (!isMisbehaviour) return;
    this.#failedLooks++;
    if (this.#failedLooks < LOOKS && !isProof(error)) return;
    const halt = { evidence: describe(error) };
    this.#halted(halt);
    try {
      await evidence.write(encodeUtf8(halt.evidence));
    } catch (cause) {
      observe({ type: 'failed', work: 'audit', error: cause, isMisbehaviour: false });
    }
  }

  #halted(halt: Halt): void {
    this.#halt = halt;
    this.#options.observe({ type: 'halted' });
  }
}

/** Throws `internal` if the signature is wrong: the auditor's key is at fault, not the log. */
function assertSignedByUs(signed: SignedHead): void {
  try {
    assertSigned(signed);
  } catch (cause) {
    throw new GlasskeyError('internal', "the auditor's own signature does not verify", { cause });
  }
}

/** Throws `internal` if a bug would make the auditor sign two heads that contradict each other. */
function assertContinues(signed: SignedHead | undefined, { treeSize, timestampMs, logRoot }: Followed): void {
  if (signed === undefined) return;
  const { head } = signed;
  const isSame = treeSize === head.treeSize && timestampMs === head.timestampMs && equalBytes(logRoot, signed.logRoot);
  const isLater = treeSize > head.treeSize && timestampMs >= head.timestampMs;
  if (!isSame && !isLater)
    throw new GlasskeyError('internal', 'the verified log does not continue the last signed head');
}
