/** The bounds of one open log. Each queue, cache and wait in `src/service` has one. */
export interface ServiceLimits {
  /** Least time between the starts of two appends, ms. */
  readonly minBatchIntervalMs: number;
  /** The longest time that submissions wait for others of this process to join their append, ms. */
  readonly batchIntervalMs: number;
  /** The time after which an idle log gets an entry without changes, ms; well below `Configuration.maxBehindMs`. */
  readonly heartbeatMs: number;
  /** The interval between two checks of pending recoveries, ms. */
  readonly recoveryIntervalMs: number;
  /** The interval between two looks for notices that are due, ms. */
  readonly notifyIntervalMs: number;
  /** Least time between the starts of two appends if witnesses cosign each, ms. A long queue is not held back. */
  readonly releaseIntervalMs: number;
  /** The time limit for one answer of a witness, ms. */
  readonly witnessTimeoutMs: number;
  /** The first pause before a witness that failed is asked again, ms; doubles up to `maxWitnessRestMs`. */
  readonly witnessRestMs: number;
  readonly maxWitnessRestMs: number;
  /** Most submissions that one append takes from the queue. */
  readonly batchSize: number;
  /** Most bytes of records that one append takes from the queue, unless the first submission alone has more. */
  readonly batchBytes: number;
  /** Most leaves that one log entry adds: at most 255 (KT §12.2). */
  readonly entrySize: number;
  /** Nothing is appended while the clock is further ahead of the last entry than this, ms. */
  readonly maxClockAheadMs: number;
  /** Nothing is appended while the clock is further behind the last entry than this, ms. */
  readonly maxClockBehindMs: number;
  /** First pause after a failed append, ms; doubles up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /**
   * The time after which a writer whose turns all fail leaves the writing to another server, ms. A step that does not
   * come to an end gets twice as long.
   */
  readonly writerPatienceMs: number;
  /** Longest wait for a log that stands still before this server is not ready, ms. */
  readonly standstillMs: number;
  /** Longest wait for one check of readiness, ms. */
  readonly readinessMs: number;
  /** The interval for polling the queue, the writer's lock and released heads without a notification, ms. */
  readonly pollMs: number;
  /** Most answers to KEYTRANS requests that are made at once; further requests wait. */
  readonly maxAnswersAtOnce: number;
  /** Most KEYTRANS requests that wait for that; further ones are `overloaded`. */
  readonly maxAnswersWaiting: number;
  /** Most reads of the log's files that are under way at once, and as many of CRLs; further requests wait. */
  readonly maxReadsAtOnce: number;
  /** Most requests for OCSP that are under way at once. Their signatures have a bound of their own. */
  readonly maxOcspAtOnce: number;
  /** The rate at which one client may have AuditorUpdates read, KB/s; beyond that it waits. */
  readonly updateKilobytesPerSecond: number;
  /** AuditorUpdates that a client may have read before it waits, KB. */
  readonly updateBurstKilobytes: number;
  /** Most requests of each of these three that wait; further ones are `overloaded`. */
  readonly maxReadsWaiting: number;
  /** Most requests of one client that wait, for each of these and for KEYTRANS; further ones are `overloaded`. */
  readonly maxWaitingOfOne: number;
  /** The longest time that such a request waits for room before it is `overloaded`, ms. */
  readonly patienceMs: number;
  /** Most requests in the issuance pipeline of this process at once; further ones are `overloaded`. */
  readonly maxInFlight: number;
  /** Most submissions in the queue; while there are more, requests are `overloaded`. */
  readonly maxQueue: number;
  /** The longest time that a request waits to be sequenced and released before it is `timed-out`, ms. */
  readonly requestTimeoutMs: number;
  /** The longest time that a request waits for the release of the newest head, before anything is signed, ms. */
  readonly releaseWaitMs: number;
  /** The time after which an intent without a submission is closed, ms; more than `requestTimeoutMs`. */
  readonly intentTimeoutMs: number;
  /** The time after which settled submissions and intents are deleted, ms. */
  readonly settledRetentionMs: number;
  /** Most certificates in one identity record. */
  readonly maxCertificates: number;
  /** Memory for decoded prefix tiles, bytes. */
  readonly prefixTileCacheBytes: number;
  /** Log entries kept decoded. */
  readonly entryCacheSize: number;
  /** Full log tiles kept, 8 KB each. */
  readonly logTileCacheSize: number;
  /** VRF results kept. */
  readonly vrfCacheSize: number;
  /** Certificates that this process remembers having signed. */
  readonly issuedCacheSize: number;
  /** One answer in this many is verified with the client's verifier before it leaves; 0 for none, 1 for all. */
  readonly verifyOneIn: number;
  /** The interval between two checks for something to prune, in a log with a maximum lifetime, ms. */
  readonly pruneIntervalMs: number;
  /** The pause between two steps of pruning, ms. */
  readonly prunePauseMs: number;
  /**
   * The time for which versions of the prefix tree are kept after no head that a client accepts needs them, ms.
   * Replicas that have not seen the newest head, and requests under way, may still read them.
   */
  readonly pruneMarginMs: number;
  /** The validity of a CRL, ms. It is signed again when half of it has passed, or after a revocation. */
  readonly crlValidityMs: number;
  /** The validity of a delta CRL, ms. A program that reads deltas learns of a revocation at most this much late. */
  readonly crlDeltaValidityMs: number;
  /** Certificates of one CRL shard, and so the most entries of its CRL, about 40 bytes each. */
  readonly crlShardSize: number;
  /** CRL shards kept signed. */
  readonly crlCacheSize: number;
  /** Most entries of the CRL of all certificates. If more are revoked, only CRLs of shards are made. */
  readonly maxCrlEntries: number;
  /** The validity of an OCSP response, ms. It is signed again when half has passed, or when the status changes. */
  readonly ocspValidityMs: number;
  /** Signed OCSP responses kept, about 1 KB each. */
  readonly ocspCacheSize: number;
  /** OCSP responses signed per second for nonces and for statuses that are not cached; beyond that: `tryLater`. */
  readonly ocspSignaturesPerSecond: number;
}

/** The bounds of a server that sets none. */
export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  minBatchIntervalMs: 50,
  batchIntervalMs: 200,
  heartbeatMs: 120_000,
  recoveryIntervalMs: 30_000,
  notifyIntervalMs: 5_000,
  releaseIntervalMs: 1_000,
  witnessTimeoutMs: 5_000,
  witnessRestMs: 1_000,
  maxWitnessRestMs: 15_000,
  batchSize: 2040,
  batchBytes: 16 * 2 ** 20,
  entrySize: 255,
  maxClockAheadMs: 24 * 3_600_000,
  maxClockBehindMs: 60_000,
  backoffMs: 100,
  maxBackoffMs: 5_000,
  writerPatienceMs: 4_000,
  standstillMs: 30_000,
  readinessMs: 2_000,
  pollMs: 1_000,
  maxAnswersAtOnce: 8,
  maxAnswersWaiting: 4_096,
  maxReadsAtOnce: 4,
  maxOcspAtOnce: 256,
  updateKilobytesPerSecond: 8 * 1024,
  updateBurstKilobytes: 64 * 1024,
  maxReadsWaiting: 1_024,
  maxWaitingOfOne: 256,
  patienceMs: 10_000,
  maxInFlight: 2_000,
  maxQueue: 10_000,
  requestTimeoutMs: 20_000,
  releaseWaitMs: 5_000,
  intentTimeoutMs: 60_000,
  settledRetentionMs: 24 * 3_600_000,
  maxCertificates: 64,
  prefixTileCacheBytes: 128 * 2 ** 20,
  entryCacheSize: 20_000,
  logTileCacheSize: 1_024,
  vrfCacheSize: 200_000,
  issuedCacheSize: 10_000,
  verifyOneIn: 500,
  pruneIntervalMs: 60_000,
  prunePauseMs: 100,
  pruneMarginMs: 3_600_000,
  crlValidityMs: 24 * 3_600_000,
  crlDeltaValidityMs: 3_600_000,
  crlShardSize: 10_000,
  crlCacheSize: 64,
  maxCrlEntries: 50_000,
  ocspValidityMs: 4 * 3_600_000,
  ocspCacheSize: 50_000,
  ocspSignaturesPerSecond: 2_000,
};
