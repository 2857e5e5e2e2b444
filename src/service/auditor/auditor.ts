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

/** What following a log to its newest checkpoint has verified. */
export interface Followed {
  /** Number of log entries, and the timestamp of the last one. */
  readonly treeSize: number;
  readonly timestampMs: number;
  /** Root of the log tree of that size. */
  readonly logRoot: Uint8Array;
  /** Log entries, and label versions in them, that were verified this time. */
  readonly entries: number;
  readonly updates: number;
  /** The log's Configuration now. */
  readonly configuration: Configuration;
  /** What the next time goes on from. */
  readonly state: Uint8Array;
}

/** Why an auditor signs no more. */
export interface Halt {
  /** The evidence, for people and programs: JSON. */
  readonly evidence: string;
}

/** What an {@link Auditor} needs. */
export interface AuditorOptions {
  readonly signer: Signer;
  /** What it remembers: this process's alone. Never to be restored from a backup. */
  readonly record: DurableFile;
  /** Where the evidence of misbehaviour is kept; while it is there, nothing is signed. */
  readonly evidence: DurableFile;
  /**
   * Verifies the log from a state on (undefined: from the start), all of it and by every step (KT §15.2). Errors whose
   * fault is `verification` say that it does not hold.
   */
  readonly follow: (state: Uint8Array | undefined) => Promise<Followed>;
  /** Whether an error brings what proves to anybody that the log misbehaved: then nothing is looked at again. */
  readonly isProof: (error: GlasskeyError) => boolean;
  /** The evidence that an error carries, as JSON. */
  readonly describe: (error: GlasskeyError) => string;
  readonly observe: (event: AuditorEvent) => void;
}

/** A log that does not hold is looked at so often before it is given up: what lies between may have damaged a file. */
const LOOKS = 3;

/** These say that two clocks disagree: nothing is signed while they do. */
const CLOCK_CODES: ReadonlySet<string> = new Set(['tree-head-too-new', 'tree-head-too-old']);

/**
 * A third-party auditor of one log (KT §15.2): it signs heads of what it has verified, and only then. A head is handed out
 * once it would survive a crash, together with the state that the next one continues, so no two of its heads contradict
 * each other. A log that misbehaves is not signed again until somebody has removed the evidence.
 */
export class Auditor {
  readonly #options: AuditorOptions;
  /** `unknown` before it was read, and after a write that failed. */
  #record: AuditorRecord | undefined | 'unknown' = 'unknown';
  #head: AuditorTreeHead | undefined;
  #halt: Halt | undefined;
  #failedLooks = 0;

  private constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** Takes up what is on disk. Throws `storage-failed`, `storage-corrupt`. */
  static async open(options: AuditorOptions): Promise<Auditor> {
    const auditor = new Auditor(options);
    const evidence = await options.evidence.read();
    if (evidence !== undefined) auditor.#halted({ evidence: new TextDecoder().decode(evidence) });
    await auditor.#load();
    return auditor;
  }

  /** The newest head that it stands by; undefined where it has signed none, or the log misbehaved. */
  get head(): AuditorTreeHead | undefined {
    return this.#halt === undefined ? this.#head : undefined;
  }

  /** Why it signs no more; undefined while it does. */
  get halt(): Halt | undefined {
    return this.#halt;
  }

  /** Follows the log once, and signs what it found to hold. Tells the observer what went wrong; throws nothing. */
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
    // Where this fails, nobody has the new head, and the file says whether it counts.
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
    observe({ type: 'failed', error, isMisbehaviour });
    if (!isMisbehaviour) return;
    this.#failedLooks++;
    if (this.#failedLooks < LOOKS && !isProof(error)) return;
    const halt = { evidence: describe(error) };
    this.#halted(halt);
    try {
      await evidence.write(encodeUtf8(halt.evidence));
    } catch (cause) {
      observe({ type: 'failed', error: cause, isMisbehaviour: false });
    }
  }

  #halted(halt: Halt): void {
    this.#halt = halt;
    this.#options.observe({ type: 'halted' });
  }
}

/** A key that signs wrongly is no misbehaviour of the log. Throws `internal`. */
function assertSignedByUs(signed: SignedHead): void {
  try {
    assertSigned(signed);
  } catch (cause) {
    throw new GlasskeyError('internal', "the auditor's own signature does not hold", { cause });
  }
}

/** The last thing between a bug and two heads that contradict each other. Throws `internal`. */
function assertContinues(signed: SignedHead | undefined, { treeSize, timestampMs, logRoot }: Followed): void {
  if (signed === undefined) return;
  const { head } = signed;
  const isSame = treeSize === head.treeSize && timestampMs === head.timestampMs && equalBytes(logRoot, signed.logRoot);
  const isLater = treeSize > head.treeSize && timestampMs >= head.timestampMs;
  if (!isSame && !isLater) throw new GlasskeyError('internal', 'what was verified does not continue what was signed');
}
