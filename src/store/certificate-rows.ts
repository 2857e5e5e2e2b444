import { ensure } from '../core/errors.ts';
import type { CertificateRow, ListedCertificate, LogStore, Revocation, SerialRange } from './ports.ts';
import { orUndefined, serialBytes, serialText, type StoreContext } from './rows.ts';
import type { SqlParameter } from './sql-driver.ts';

type Part =
  | 'findCertificateByRequest'
  | 'findCertificate'
  | 'listCertificates'
  | 'listCertificatesOf'
  | 'listRevoked'
  | 'countRevoked'
  | 'claimCrlShard'
  | 'countCrlShards'
  | 'findStatus';

type CertificateColumns = {
  readonly serial: Uint8Array;
  readonly label_key: Uint8Array;
  readonly version: number;
  readonly der: Uint8Array;
  readonly spki_sha256: Uint8Array;
  readonly request_hash: Uint8Array;
  readonly not_before_ms: number;
  readonly not_after_ms: number;
  readonly revoked_ms: number | null;
  readonly reason: number | null;
};

const CERTIFICATE = `select c.serial, c.label_key, c.version, c.der, c.spki_sha256, c.request_hash, c.not_before_ms,
    c.not_after_ms, r.revoked_ms, r.reason
  from certificates c left join revocations r on r.log_id = c.log_id and r.serial = c.serial`;

const BY_SERIAL = `${CERTIFICATE} where c.log_id = $1 and c.serial = $2`;

const BY_REQUEST = `${CERTIFICATE} where c.log_id = $1 and c.label_key = $2 and c.request_hash = $3
  order by c.version desc limit 1`;

const STATUS = `select r.revoked_ms, r.reason,
    exists (select 1 from certificates where log_id = $1 and serial = $2) as issued
  from (select 1) one left join revocations r on r.log_id = $1 and r.serial = $2`;

const REVOKED_WHERE = `from revocations
  where log_id = $1 and serial between $3 and $4 and (not_after_ms is null or not_after_ms >= $2)
    and ($6::int8 is null or not_after_ms < $6)`;

const REVOKED = `select serial, revoked_ms, reason ${REVOKED_WHERE} order by serial limit $5`;

const COUNT_REVOKED = `select count(*)::int as count from (select ${REVOKED_WHERE} limit $5) as listed`;

const ANY_SERIAL: SerialRange = { first: '00', last: 'ff'.repeat(20), limit: 2 ** 31 - 1 };

// One statement: who claims at the same moment waits, and gets the next.
const CLAIM_SHARD = `insert into crl_shards (log_id, shards) values ($1, 1)
  on conflict (log_id) do update set shards = crl_shards.shards + 1 returning shards`;

const COUNT_SHARDS = `select shards from crl_shards where log_id = $1`;

type ListedColumns = CertificateColumns & { readonly label: Uint8Array | null; readonly is_logged: boolean };

const LISTED = `c.*, r.revoked_ms, r.reason, l.label, coalesce(c.version <= l.greatest_version, false) as is_logged`;
const JOINED = `left join revocations r on r.log_id = c.log_id and r.serial = c.serial
  left join labels l on l.log_id = c.log_id and l.label_key = c.label_key`;

// As with labels: the last row of the window is there whether it matches or not.
const LIST = `with looked_at as materialized (
    select * from certificates where log_id = $1 and serial > $2 order by serial limit $3)
  select ${LISTED}, ($4::bytea is null or coalesce(position($4::bytea in l.label) > 0, false)) as matches
  from looked_at c ${JOINED}
  where $4::bytea is null or position($4::bytea in l.label) > 0
    or c.serial = (select serial from looked_at order by serial desc limit 1)
  order by c.serial`;

const LIST_OF = `select ${LISTED} from certificates c ${JOINED}
  where c.log_id = $1 and c.label_key = $2 order by c.not_before_ms, c.serial limit $3`;

const NO_SERIAL = new Uint8Array(0);

/** Certificates and the CRL's contents. */
export function certificateRows({ driver, logId }: StoreContext): Pick<LogStore, Part> {
  return {
    async findCertificateByRequest(labelKey, requestHash) {
      const [row] = await driver.query<CertificateColumns>(BY_REQUEST, [logId, labelKey, requestHash]);
      return row === undefined ? undefined : toCertificate(row);
    },

    async findCertificate(serial) {
      const [row] = await driver.query<CertificateColumns>(BY_SERIAL, [logId, serialBytes(serial)]);
      return row === undefined ? undefined : toCertificate(row);
    },

    async listCertificates({ after, limit, search }) {
      const from = after === undefined ? NO_SERIAL : serialBytes(after);
      const rows = await driver.query<ListedColumns & { matches: boolean }>(LIST, [logId, from, limit, search]);
      const last = rows.at(-1);
      const next = last === undefined ? undefined : serialText(last.serial);
      return { rows: rows.filter(({ matches }) => matches).map(toListed), next };
    },

    async listCertificatesOf(labelKey, limit) {
      return (await driver.query<ListedColumns>(LIST_OF, [logId, labelKey, limit])).map(toListed);
    },

    async findStatus(serial) {
      type Columns = { issued: boolean; revoked_ms: number | null; reason: number | null };
      const [row] = await driver.query<Columns>(STATUS, [logId, serialBytes(serial)]);
      const revokedMs = orUndefined(row?.revoked_ms ?? null);
      const revocation = revokedMs === undefined ? undefined : { serial, revokedMs, reason: row?.reason ?? 0 };
      return { issued: row?.issued === true, revocation };
    },

    async claimCrlShard() {
      const [row] = await driver.query<{ shards: number }>(CLAIM_SHARD, [logId]);
      ensure(row !== undefined, 'storage-corrupt', 'a CRL shard without a number');
      return row.shards - 1;
    },

    async countCrlShards() {
      const [row] = await driver.query<{ shards: number }>(COUNT_SHARDS, [logId]);
      return row?.shards ?? 0;
    },

    async listRevoked(notExpiredAtMs, range = ANY_SERIAL) {
      type Columns = { serial: Uint8Array; revoked_ms: number; reason: number };
      const rows = await driver.query<Columns>(REVOKED, revokedParameters(logId, notExpiredAtMs, range));
      return rows.map((row): Revocation => ({
        serial: serialText(row.serial),
        revokedMs: row.revoked_ms,
        reason: row.reason,
      }));
    },

    async countRevoked(notExpiredAtMs, range) {
      const [row] = await driver.query<{ count: number }>(
        COUNT_REVOKED,
        revokedParameters(logId, notExpiredAtMs, range),
      );
      return row?.count ?? 0;
    },
  };
}

function revokedParameters(
  logId: number,
  notExpiredAtMs: number,
  { first, last, limit, expiredBeforeMs }: SerialRange,
): readonly SqlParameter[] {
  return [logId, notExpiredAtMs, serialBytes(first), serialBytes(last), limit, expiredBeforeMs ?? null];
}

function toListed(row: ListedColumns): ListedCertificate {
  return { ...toCertificate(row), label: orUndefined(row.label), isLogged: row.is_logged };
}

function toCertificate(row: CertificateColumns): CertificateRow {
  return {
    serial: serialText(row.serial),
    labelKey: row.label_key,
    version: row.version,
    der: row.der,
    spkiSha256: row.spki_sha256,
    requestHash: row.request_hash,
    notBeforeMs: row.not_before_ms,
    notAfterMs: row.not_after_ms,
    revokedMs: orUndefined(row.revoked_ms),
    revocationReason: orUndefined(row.reason),
  };
}
