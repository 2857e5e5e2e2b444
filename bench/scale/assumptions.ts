import { DEFAULT_SERVICE_LIMITS } from '../../src/service/service-limits.ts';

/** What the simulation assumes of a log and of its users; everything else is measured or computed. */
export const ASSUMPTIONS = {
  /** Versions that a label gets each year beside its first: a renewal each quarter, or the devices of a person. */
  changesPerYear: 4,
  /** Age of the log. */
  years: 1,
  /** DER bytes of one leaf certificate: P-256 key and issuer, one rfc822Name, CRL and AIA. */
  certificateBytes: 562,
  /** A packed record (store/packed-record.ts), bytes: the mean of a first one and of signed changes. */
  packedRecordBytes: 375,
  /** Reasonable Monitoring Window, ms (KT §7.1). */
  windowMs: 6 * 3_600_000,
  /** Bytes of a label, such as `mailto:alice@example.com`. */
  labelBytes: 24,
  /** Checkpoints for witnesses, ms apart at least. */
  checkpointIntervalMs: 1_000,
  /** Characters of an origin, and of a witness's name. */
  nameCharacters: 24,
  /** Names that a user's app looks up in a day: new contacts, and known ones again. */
  lookupsPerDay: 5,
  /** The processor's time for a lookup, with PostgreSQL's part, ms. `npm run bench` gave no more on a busy machine. */
  lookupCpuMs: 2.5,
  /** Registrations per second of one server, with signing and PostgreSQL, on two processors at 100,000 labels. */
  registrationsPerSecond: 460,
  batchIntervalMs: DEFAULT_SERVICE_LIMITS.batchIntervalMs,
  heartbeatMs: DEFAULT_SERVICE_LIMITS.heartbeatMs,
  entrySize: DEFAULT_SERVICE_LIMITS.entrySize,
} as const;

export const SECONDS_PER_DAY = 86_400;
export const DAYS_PER_YEAR = 365;
