import type { AuditorTreeHead } from '../core/keytrans/tree-head.ts';
import type { TileName } from '../core/prefix/tile-name.ts';
import type {
  AcmeAccountRow,
  AcmeOrderRow,
  EmailChallengeRow,
  NextPlace,
  NotifyBookRow,
  ErasedRows,
  ListedRecoveryRow,
  NewRecovery,
  RecoveryGrant,
  RecoveryRow,
  RowSealing,
  TokenRow,
  TrailHead,
  TrailRecord,
  UnsealedRow,
} from './row-types/administration.ts';
import type {
  CertificateRow,
  IntentRow,
  IntentState,
  ListedCertificate,
  NewIntent,
  NewSubmission,
  Page,
  PageRequest,
  Revocation,
  SerialRange,
  SubmissionOutcome,
  SubmissionRow,
} from './row-types/issuance.ts';
import type {
  EntryRow,
  HeadRow,
  LabelRow,
  LadderRow,
  LogRow,
  LogTileName,
  LogTileRow,
  NewLog,
  PrefixTileRow,
  ReleasedHead,
  VersionRow,
} from './row-types/tree.ts';

export type * from './row-types/administration.ts';
export type * from './row-types/issuance.ts';
export type * from './row-types/tree.ts';

/** A version that an append adds, and the part of its label's row that follows from it. */
export interface AppendedVersion extends VersionRow {
  readonly label: Uint8Array;
  readonly submissionId: number;
  readonly labelHash: Uint8Array;
  readonly vrfMemory: Uint8Array;
}

/** Everything that one sequencing step makes durable, in one transaction. */
export interface AppendBatch {
  /** Compare-and-swap: the append happens only if the head row still has this size. */
  readonly expectedSize: number;
  readonly head: HeadRow;
  readonly entries: readonly EntryRow[];
  /** The gzip-compressed AuditorUpdate of each entry, in the order of `entries`; undefined for one to be derived. */
  readonly updates: readonly (Uint8Array | undefined)[];
  readonly prefixTiles: readonly PrefixTileRow[];
  /** Log tiles that became full. */
  readonly logTiles: readonly LogTileRow[];
  readonly versions: readonly AppendedVersion[];
  /** True if their records are stored packed, as from format 2 on. Default: false. */
  readonly packsRecords?: boolean;
  readonly rejected: readonly { readonly submissionId: number; readonly code: string }[];
  /** Certificates that left a record for another reason than expiry: they go to the CRL in the same transaction. */
  readonly revocations: readonly Revocation[];
  /** The signed LogEnd if this append is the log's last. */
  readonly logEnd?: Uint8Array | undefined;
  /** The trail's record of this step; undefined if nobody did anything. */
  readonly trail?: TrailRecord | undefined;
  /** The append happens only if this lock is still held. Default: whoever holds it. */
  readonly writer?: Pick<WriterLock, 'session'> | undefined;
}

/** The signatures of a head, and what was signed. */
export interface HeadRelease extends ReleasedHead, Pick<HeadRow, 'logRoot' | 'auditRoot'> {
  /** The release happens only if this lock is still held. Default: whoever holds it. */
  readonly writer?: Pick<WriterLock, 'session' | 'isHeld'> | undefined;
}

/**
 * The writer's lock, held as a lease: the database takes it away, by its own clock, from a holder that has not renewed
 * it for a few seconds.
 */
export interface WriterLock {
  /**
   * The session of PostgreSQL that holds the lock, which {@link LogStore.append} and {@link LogStore.release} ask for;
   * undefined in an embedded database and behind a pooler of transactions.
   */
  readonly session: number | undefined;
  /** Returns false once this process knows that the lock is no longer held. */
  isHeld(): boolean;
  /** Resolves when the lock is no longer held: its lease ran out, its connection broke, or it was given back. */
  readonly lost: Promise<void>;
  /** Renews the lease. Throws `head-moved` if the lock is lost. */
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** Options of {@link Store.log}. */
export interface LogStoreOptions {
  /**
   * Seals rows that authorise something when they are written, and checks them when they are read. Default: neither
   * happens.
   */
  readonly sealing?: RowSealing | undefined;
  /** True for connections that no request uses: those of the writer and of readiness. Default: false. */
  readonly reserved?: boolean;
}

/**
 * A database with any number of logs. Methods throw `storage-failed` if the database fails, and `overloaded` if too
 * many requests wait for it.
 */
export interface Store {
  readonly kind: 'postgres' | 'pglite';
  /** Rejects unless the database answers, on a connection that requests do not use. */
  ping(): Promise<void>;
  /** Throws `storage-unsafe` if the database would acknowledge what is not durable. PGlite: returns a warning. */
  checkDurability(): Promise<{ readonly warnings: readonly string[] }>;
  /**
   * Creates a log of size 0. Throws `storage-failed` if the origin exists, `usage` if that log has left this database.
   */
  createLog(log: NewLog): Promise<LogRow>;
  findLog(origin: string): Promise<LogRow | undefined>;
  /** Returns the format in which rows of a log may be written (stored-format.ts); undefined if there is no such log. */
  readFormat(origin: string): Promise<number | undefined>;
  /** Raises the format of a log. Returns false if it is not lower. */
  raiseFormat(origin: string, format: number): Promise<boolean>;
  /** Returns a log by its number in this database, whatever its name there. */
  findLogById(logId: number): Promise<LogRow | undefined>;
  /** Replaces the Configuration of a log if the row still has it. Returns true if it did. */
  replaceConfiguration(log: LogRow, configuration: Uint8Array): Promise<boolean>;
  /** Returns the rows of one log. */
  log(logId: number, options?: LogStoreOptions): LogStore;
  close(): Promise<void>;
}

/** A label as the log has it at a size: its row, and its versions below that size. */
export interface LabelAt {
  readonly label: LabelRow;
  /** VRF results of its row: untrusted, see `VrfMemory`. */
  readonly vrfMemory: Uint8Array | undefined;
  /** Positions of its versions, by version. */
  readonly positions: readonly number[];
  readonly greatest: VersionRow;
}

/** The columns of a label's row that save evaluations of the VRF. */
export type RememberedVrf = Readonly<Record<'labelHash' | 'vrfMemory', Uint8Array>>;

/** One log's rows. Arrays are in the order of the requested names; a missing row is `undefined`. */
export interface LogStore {
  // the log
  /** Throws `unsealed-row` if another program wrote the head. */
  readHead(): Promise<HeadRow>;
  /** The signed LogEnd of a log whose last entry was committed; undefined while it goes on. Throws `unsealed-row`. */
  readLogEnd(): Promise<Uint8Array | undefined>;
  /**
   * Makes a sequencing step durable. Sequenced intents follow their submissions; the intent of a rejected one fails,
   * and its serial goes to the CRL (reason 5). Changes nothing and throws `head-moved` if the head has another size,
   * the log has ended, the batch's writer has lost its lock, or a submission of the batch was settled meanwhile;
   * `trail-moved` if the trail has a record of this number. After `storage-failed` the step may or may not be durable:
   * read the head again.
   */
  append(batch: AppendBatch): Promise<void>;
  readEntries(positions: readonly number[]): Promise<readonly (EntryRow | undefined)[]>;
  /** Entries start <= position < end, ascending. At most 1024 at a time. */
  readEntryRange(start: number, end: number): Promise<readonly EntryRow[]>;
  readLogTiles(names: readonly LogTileName[]): Promise<readonly (Uint8Array | undefined)[]>;
  readPrefixTiles(names: readonly TileName[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** The stored AuditorUpdate of an entry, gzip-compressed; undefined for one that is derived from the trees. */
  readUpdate(position: number): Promise<Uint8Array | undefined>;

  // release
  /**
   * Stores a signed head, if the stored head has this size and these roots. Storing the same again is fine. Otherwise
   * stores nothing, and throws `head-moved` if the writer has lost its lock or another process has appended since,
   * `log-forked` if the database holds another head of this size, other signatures for it, or a smaller head.
   */
  release(head: HeadRelease): Promise<void>;
  /** The released head of the greatest size. */
  readReleased(): Promise<ReleasedHead | undefined>;
  readReleasedAt(size: number): Promise<ReleasedHead | undefined>;

  // third-party auditing
  /** The auditor's newest head, if it has given one. */
  readAuditorHead(): Promise<AuditorTreeHead | undefined>;
  /** Stores a verified head of the auditor, unless it has one of this size or larger. Returns true if it did. */
  storeAuditorHead(head: AuditorTreeHead): Promise<boolean>;

  // pruning
  /** Returns the log position up to which the prefix tree is pruned; 0 if it never was. See {@link prune}. */
  readPruned(): Promise<number>;
  /**
   * Deletes prefix tiles, stores the updates that can no longer be derived then, and moves the position of
   * {@link readPruned} from `from` to `to`, in one transaction. Ignores tiles that do not exist, and updates that are
   * stored already. Changes nothing, and returns undefined, if the position was not at `from`.
   */
  prune(pruning: {
    readonly from: number;
    readonly to: number;
    readonly prefixTiles: readonly TileName[];
    /** Gzip-compressed AuditorUpdates of entries. */
    readonly updates: readonly { readonly position: number; readonly update: Uint8Array }[];
  }): Promise<{ readonly dropped: number } | undefined>;

  // labels
  findLabel(labelKey: Uint8Array): Promise<LabelRow | undefined>;
  /**
   * Versions first..last (inclusive) of a label, ascending; at most 1024. Returns only the first of them if all their
   * values together are longer than `maxBytes`, and at least one.
   */
  readVersions(labelKey: Uint8Array, first: number, last: number, maxBytes?: number): Promise<readonly VersionRow[]>;
  /** Positions of all versions of a label with position < `size`, ascending by version. */
  readVersionPositions(labelKey: Uint8Array, size: number): Promise<readonly number[]>;
  /** Labels in the order of their keys. */
  listLabels(page: PageRequest<Uint8Array>): Promise<Page<LabelRow, Uint8Array>>;
  /** One round trip for the lookup path: label, positions, and the greatest version's row below `size`. */
  readLabelAt(labelKey: Uint8Array, size: number): Promise<LabelAt | undefined>;
  /** The same for a label found by its hash. Nothing says that the row is that of the label: see `VrfMemory`. */
  readHashedLabelAt(labelHash: Uint8Array, size: number): Promise<LabelAt | undefined>;
  /** Writes a label's hash and VRF memory, if its greatest version is still this one and it was not erased. */
  rememberVrf(label: Pick<LabelRow, 'labelKey' | 'greatestVersion'>, memory: RememberedVrf): Promise<void>;
  /** Commitments and VRF results of chosen versions (those a binary ladder shows). */
  readLadder(labelKey: Uint8Array, versions: readonly number[]): Promise<readonly (LadderRow | undefined)[]>;

  // issuance
  /**
   * Inserts the intent, or returns the one that is in its way. It replaces a `failed` one. A version in the log is in
   * the way like a `sequenced` intent, also after its intent was purged (without a certificate, the request hash is
   * zeros then).
   */
  openIntent(
    intent: NewIntent,
  ): Promise<{ readonly opened: true } | { readonly opened: false; readonly existing: IntentRow }>;
  /**
   * Stores in one transaction: the certificate (if one was signed), the submission, and the intent as `submitted`.
   * `requestHash` is that of the caller's intent. If the open intent is gone, or belongs to another request, stores
   * nothing and throws `version-conflict`.
   */
  submit(
    submission: NewSubmission,
    certificate: CertificateRow | undefined,
    requestHash: Uint8Array,
  ): Promise<{ readonly submissionId: number }>;
  /**
   * Moves an intent from `from` to failed by compare-and-swap. In the same transaction, the serial of `revocation` and
   * the one that the intent names go to the CRL, and a submission that still waits is rejected as `timed-out`. Returns
   * false if the intent has another state, or its submission was sequenced; then `trail` is not written either. Throws
   * `trail-moved`.
   */
  failIntent(
    intent: { readonly labelKey: Uint8Array; readonly version: number },
    from: IntentState,
    revocation: Revocation | undefined,
    trail?: TrailRecord,
  ): Promise<boolean>;
  /** Open or submitted intents created before `beforeMs`, oldest first. */
  staleIntents(beforeMs: number, limit: number): Promise<readonly IntentRow[]>;
  /**
   * Oldest queued submissions, with those that have no valid seal. Returns only the first of them if their records,
   * together with those of the versions before, are longer than `maxBytes`, and at least one.
   */
  readQueue(limit: number, maxBytes?: number): Promise<readonly SubmissionRow[]>;
  queueDepth(): Promise<number>;
  /** Number of the oldest queued submission. */
  oldestQueued(): Promise<number | undefined>;
  /** Outcomes in the order of the ids, without the purged ones. */
  readOutcomes(submissionIds: readonly number[]): Promise<readonly SubmissionOutcome[]>;
  /** Deletes settled submissions, and sequenced and failed intents, that are older than `beforeMs`. */
  purgeSettled(beforeMs: number): Promise<void>;

  // certificates
  findCertificateByRequest(labelKey: Uint8Array, requestHash: Uint8Array): Promise<CertificateRow | undefined>;
  findCertificate(serial: string): Promise<CertificateRow | undefined>;
  /** Certificates in the order of their serials. */
  listCertificates(page: PageRequest<string>): Promise<Page<ListedCertificate, string>>;
  /** The certificates of one label, at most `limit`. */
  listCertificatesOf(labelKey: Uint8Array, limit: number): Promise<readonly ListedCertificate[]>;
  /** OCSP's facts about a serial: if a certificate with it was signed, and its revocation, also after it expired. */
  findStatus(serial: string): Promise<{ readonly issued: boolean; readonly revocation: Revocation | undefined }>;
  /** Revoked certificates that are valid at `notExpiredAtMs` or later, for a CRL, in the order of their serials. */
  listRevoked(notExpiredAtMs: number, range?: SerialRange): Promise<readonly Revocation[]>;
  /**
   * Counts the rows of {@link listRevoked}, up to the range's limit. Revocations never change and are never taken back:
   * the same count means the same list.
   */
  countRevoked(notExpiredAtMs: number, range: SerialRange): Promise<number>;
  /**
   * Revokes a serial of which no certificate is stored. Returns false if one is, or if it is revoked already; then
   * `trail` is not written either.
   */
  revokeUnstored(revocation: Revocation, trail: TrailRecord): Promise<boolean>;
  /** Takes the next number of a CRL shard, from 0. Only the process that took a number makes serials of it. */
  claimCrlShard(): Promise<number>;
  /** Counts the CRL shards that were taken. */
  countCrlShards(): Promise<number>;

  // erasure
  /**
   * Deletes the openings and values of versions below `before`, their certificates, settled requests, and the plaintext
   * label. Commitments and VRF outputs stay. Intents and certificates of versions from `before` on stay.
   */
  erase(labelKey: Uint8Array, before: number, trail: TrailRecord): Promise<ErasedRows>;

  // the audit trail. A method that writes a record does nothing and throws `trail-moved` if its number is taken.
  /** Returns the end of the trail; undefined while it is empty. */
  readTrailHead(): Promise<TrailHead | undefined>;
  /** Records `first`, `first` + 1, …; at most 1024. */
  readTrail(first: number, limit: number): Promise<readonly TrailRecord[]>;
  /** Writes a record of an act that changes no other row. */
  appendTrail(record: TrailRecord): Promise<void>;

  // application tokens
  /** Returns the number for a token that the caller is about to add. */
  reserveTokenId(): Promise<number>;
  addToken(token: Omit<TokenRow, 'revokedMs'>, trail?: TrailRecord): Promise<TokenRow>;
  /** Throws `unsealed-row`. */
  findToken(tokenHash: Uint8Array): Promise<TokenRow | undefined>;
  listTokens(): Promise<readonly TokenRow[]>;
  /** Revokes a valid token. Returns false if none has this number; then `trail` is not written either. */
  revokeToken(id: number, revokedMs: number, trail?: TrailRecord): Promise<boolean>;

  // e-mail challenges
  /**
   * Stores a challenge, unless its label has had `maximum` since `sinceMs`. Deletes the challenges of every label from
   * before that time. Returns true if it was stored.
   */
  addEmailChallenge(
    challenge: EmailChallengeRow,
    limit: { readonly sinceMs: number; readonly maximum: number },
  ): Promise<boolean>;
  /**
   * Counts an attempt and returns the challenge; undefined if there is none, or its attempts are used up. Throws
   * `unsealed-row`.
   */
  tryEmailChallenge(challengeId: Uint8Array, maxAttempts: number): Promise<EmailChallengeRow | undefined>;
  /**
   * Ties a challenge to the version that its code is used for. Returns false if it is tied to another one, or gone.
   * Throws `unsealed-row`.
   */
  useEmailChallenge(challengeId: Uint8Array, place: NextPlace): Promise<boolean>;
  dropEmailChallenge(challengeId: Uint8Array): Promise<void>;

  // ACME. Methods that return rows throw `unsealed-row`.
  /**
   * Stores an account. Returns false, and changes nothing, if its key or its binding has an account, or if its
   * application has `maximum` accounts.
   */
  addAcmeAccount(account: AcmeAccountRow, maximum: number): Promise<boolean>;
  findAcmeAccount(
    by: { readonly accountId: Uint8Array } | { readonly thumbprint: Uint8Array },
  ): Promise<AcmeAccountRow | undefined>;
  /**
   * Changes an account that was read before. Returns false, and changes nothing, if its key or state is another one by
   * now, or if the new key has an account.
   */
  changeAcmeAccount(
    before: AcmeAccountRow,
    changes: Partial<Pick<AcmeAccountRow, 'thumbprint' | 'jwk' | 'state' | 'expiresMs'>>,
  ): Promise<boolean>;
  /** Stores an order, unless its account has `maximum` of them. Returns true if it was stored. */
  addAcmeOrder(order: AcmeOrderRow, maximum: number): Promise<boolean>;
  findAcmeOrder(orderId: Uint8Array): Promise<AcmeOrderRow | undefined>;
  /** Returns the ids of an account's orders, at most `limit`. They are not checked: read an order before its use. */
  listAcmeOrders(accountId: Uint8Array, limit: number): Promise<readonly Uint8Array[]>;
  /** Changes an order that was read before. Returns false, and changes nothing, if its state is another one by now. */
  changeAcmeOrder(
    before: AcmeOrderRow,
    changes: Partial<Pick<AcmeOrderRow, 'state' | 'expiresMs' | 'csr' | 'certificate' | 'errorCode' | 'attestedKey'>>,
  ): Promise<boolean>;
  /** Notes that a nonce is used. Returns false if it was used before. */
  useAcmeNonce(nonce: Uint8Array, expiresMs: number): Promise<boolean>;
  /** Deletes accounts, orders and used nonces that expired before a time. */
  pruneAcme(beforeMs: number): Promise<void>;

  // recoveries
  /** Stores a recovery, in place of a waiting one of its label. Returns false if the operator has to decide on one. */
  addRecovery(recovery: NewRecovery): Promise<boolean>;
  /** Throws `unsealed-row`. */
  findRecovery(labelKey: Uint8Array): Promise<RecoveryRow | undefined>;
  /** Returns the recoveries after a label key, in order of their label keys, with those that have no valid seal. */
  listRecoveries(after: Uint8Array | undefined, limit: number): Promise<readonly ListedRecoveryRow[]>;
  /** Notes when the owner was notified. Does nothing if the same key was requested again since. */
  noteRecoveryNotified(of: RecoveryRow, notifiedMs: number): Promise<void>;
  /**
   * Grants an undecided recovery that was read before. Returns false if it is no longer there; then `trail` is not
   * written either.
   */
  grantRecovery(of: RecoveryRow, grant: RecoveryGrant, trail: TrailRecord): Promise<boolean>;
  /**
   * Deletes a recovery that is still in this state and was not requested again since. Returns false if there is none;
   * then `trail` is not written either.
   */
  dropRecovery(
    of: Pick<RecoveryRow, 'labelKey' | 'spkiSha256' | 'state' | 'requestedMs'>,
    trail?: TrailRecord,
  ): Promise<boolean>;

  // where owners are told of changes
  readNotifyBook(labelKey: Uint8Array): Promise<NotifyBookRow | undefined>;
  /** Writes revision 1, or replaces the revision before. Returns false if that is not the stored one. */
  writeNotifyBook(row: NotifyBookRow): Promise<boolean>;
  /** Deletes a book at this revision. Returns false if that is not the stored one. */
  dropNotifyBook(labelKey: Uint8Array, revision: number): Promise<boolean>;
  /** Returns the label keys after one, ascending, of the books whose label has a later version than `toldVersion`. */
  listUntoldNotifyBooks(after: Uint8Array | undefined, limit: number): Promise<readonly Uint8Array[]>;
  /**
   * Returns the label keys of the books that are due at `nowMs` without a new version, longest due first; then those
   * due after `latestMs`, which a clock that was ahead has written.
   */
  listDueNotifyBooks(nowMs: number, latestMs: number, limit: number): Promise<readonly Uint8Array[]>;

  // sealed rows
  /** Returns the rows that authorise something and have no valid seal. */
  listUnsealed(): Promise<readonly UnsealedRow[]>;
  /**
   * Seals the content of a row of {@link listUnsealed} but the head: the seal fits no other content. Returns false if
   * the row is gone.
   */
  sealRow(row: UnsealedRow): Promise<boolean>;
  /** Returns the head and its LogEnd as they are stored, whatever their seal. */
  readUnsealedHead(): Promise<{ readonly head: HeadRow; readonly logEnd: Uint8Array | undefined }>;
  /** Seals a head that the caller has verified. The seal fits no other row. Returns false if the head has moved. */
  sealHead(head: HeadRow, logEnd: Uint8Array | undefined): Promise<boolean>;

  // coordination
  /** Tries to become the writer of this log. */
  tryWriterLock(): Promise<WriterLock | undefined>;
  /**
   * Calls `listener` after each append, release or submission, in this process or another, until the result is called.
   */
  subscribe(listener: (event: LogEvent) => void): Promise<() => Promise<void>>;
}

/** An event of a log: a hint to look, never the truth itself. Events may be lost or merged. */
export type LogEvent = 'submitted' | 'appended' | 'released';

/** A `storage-failed` of the store itself. */
export interface StorageFailure {
  /** The stored data can have caused it: it is no outage. */
  readonly isByData: boolean;
}
