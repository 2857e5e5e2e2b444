/** Bounds of one open log. Every queue, cache and wait in `src/service` is limited by one of these. */
export interface ServiceLimits {
  /** Least time between the starts of two appends, ms. */
  readonly minBatchIntervalMs: number;
  /** Submissions wait no longer than this for others of this process to join their append, ms. */
  readonly batchIntervalMs: number;
  /** An idle log gets an entry without changes after so long, ms; well below `Configuration.maxBehindMs`. */
  readonly heartbeatMs: number;
  /** How often recoveries that wait are looked at, ms. */
  readonly recoveryIntervalMs: number;
  /** Least time between the starts of two appends of a log whose witnesses cosign each, ms; not while the queue is long. */
  readonly releaseIntervalMs: number;
  /** How long a witness may take for one answer, ms. */
  readonly witnessTimeoutMs: number;
  /** A witness that failed is not asked for so long, ms; doubles up to `maxWitnessRestMs`. */
  readonly witnessRestMs: number;
  readonly maxWitnessRestMs: number;
  /** Most submissions that one append takes from the queue. */
  readonly batchSize: number;
  /** Most leaves that one log entry adds: at most 255 (KT §12.2). */
  readonly entrySize: number;
  /** No append while the clock is further ahead of the last entry than this, ms. */
  readonly maxClockAheadMs: number;
  /** No append while the clock is further behind the last entry than this, ms. */
  readonly maxClockBehindMs: number;
  /** First pause after a failed append, ms; doubles up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** How often the queue, a lock that others hold, and released heads are looked at without a notification, ms. */
  readonly pollMs: number;
  /** Requests that may be in the issuance pipeline of this process at once; more are `overloaded`. */
  readonly maxInFlight: number;
  /** Submissions that may wait in the queue; while there are more, requests are `overloaded`. */
  readonly maxQueue: number;
  /** How long a request waits to be sequenced and released before it is `timed-out`, ms. */
  readonly requestTimeoutMs: number;
  /** An intent without submission is closed after so long, ms; more than `requestTimeoutMs`. */
  readonly intentTimeoutMs: number;
  /** Settled submissions and intents are deleted after so long, ms. */
  readonly settledRetentionMs: number;
  /** Certificates that one identity record may hold. */
  readonly maxCertificates: number;
  /** Memory for decoded prefix tiles, bytes. */
  readonly prefixTileCacheBytes: number;
  /** Log entries kept decoded. */
  readonly entryCacheSize: number;
  /** Full log tiles kept, 8 KB each. */
  readonly logTileCacheSize: number;
  /** VRF results kept. */
  readonly vrfCacheSize: number;
  /** Certificates that this process remembers to have signed. */
  readonly issuedCacheSize: number;
  /** One of so many own answers is verified with the client's verifier; 0: none, 1: all. */
  readonly verifyOneIn: number;
  /** How often it is looked whether there is something to prune, in a log with a maximum lifetime, ms. */
  readonly pruneIntervalMs: number;
  /** Pause between two steps of pruning while there is something to prune, ms. */
  readonly prunePauseMs: number;
  /**
   * Versions of the prefix tree are kept for so long after they are expired for every head that a client accepts, ms: for
   * processes that have not heard of the newest head, and for requests under way.
   */
  readonly pruneMarginMs: number;
  /** How long a CRL is valid, ms. It is made anew when half of it has passed, or when something was revoked. */
  readonly crlValidityMs: number;
  /** How long a delta is valid, ms: a program that reads it for that long learns of a revocation no later. */
  readonly crlDeltaValidityMs: number;
  /** Certificates of one CRL shard: so many entries a CRL has at most, about 40 bytes each. */
  readonly crlShardSize: number;
  /** CRL shards kept signed. */
  readonly crlCacheSize: number;
  /** Entries of the CRL that is of all certificates; where more are revoked, there is none. */
  readonly maxCrlEntries: number;
  /** How long an OCSP response is valid, ms. It is made anew when half of it has passed, or when the status changed. */
  readonly ocspValidityMs: number;
  /** Signed OCSP responses kept, about 1 KB each. */
  readonly ocspCacheSize: number;
  /** OCSP responses that may be signed per second, for nonces and for what is not kept; beyond that: tryLater. */
  readonly ocspSignaturesPerSecond: number;
}

/** The bounds of a server that configures none. */
export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  minBatchIntervalMs: 50,
  batchIntervalMs: 200,
  heartbeatMs: 120_000,
  recoveryIntervalMs: 30_000,
  releaseIntervalMs: 1_000,
  witnessTimeoutMs: 5_000,
  witnessRestMs: 1_000,
  maxWitnessRestMs: 15_000,
  batchSize: 2040,
  entrySize: 255,
  maxClockAheadMs: 24 * 3_600_000,
  maxClockBehindMs: 60_000,
  backoffMs: 100,
  maxBackoffMs: 5_000,
  pollMs: 1_000,
  maxInFlight: 2_000,
  maxQueue: 10_000,
  requestTimeoutMs: 20_000,
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
