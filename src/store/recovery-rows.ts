import type { LogStore, RecoveryRow, RecoveryState } from './ports.ts';
import { orUndefined, type LogContext } from './rows.ts';
import { statement } from './sql-statement.ts';
import { TRAIL, trailValues, unlessTrailMoved, writesTrail } from './trail-rows.ts';

type Part =
  | 'addRecovery'
  | 'findRecovery'
  | 'listRecoveries'
  | 'noteRecoveryNotified'
  | 'grantRecovery'
  | 'dropRecovery';

type RecoveryColumns = {
  readonly label_key: Uint8Array;
  readonly identity: string;
  readonly csr: Uint8Array;
  readonly spki_sha256: Uint8Array;
  readonly evidence: Uint8Array;
  readonly state: RecoveryState;
  readonly requested_ms: number;
  readonly notified_ms: number | null;
  readonly reason: string | null;
};

const COLUMNS = 'label_key, identity, csr, spki_sha256, evidence, state, requested_ms, notified_ms, reason';

// What waits for the operator, or was granted, is not replaced by whoever asks next.
const ADD = `insert into recoveries (log_id, label_key, identity, csr, spki_sha256, evidence, state, requested_ms)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (log_id, label_key) do update set identity = excluded.identity, csr = excluded.csr,
    spki_sha256 = excluded.spki_sha256, evidence = excluded.evidence, state = excluded.state,
    requested_ms = excluded.requested_ms, notified_ms = null
  where recoveries.state = 'waiting'`;

const FIND = `select ${COLUMNS} from recoveries where log_id = $1 and label_key = $2`;
const LIST = `select ${COLUMNS} from recoveries where log_id = $1 and label_key > $2 order by label_key limit $3`;
// The same key may be claimed for again after a veto: what was done about the earlier claim says nothing of the later one.
const NOTIFIED = `update recoveries set notified_ms = $5
  where log_id = $1 and label_key = $2 and spki_sha256 = $3 and requested_ms = $4`;

const GRANT = statement(
  ['log', 'label', 'spki', 'reason', ...TRAIL],
  `with granted as (
    update recoveries set state = 'granted', reason = :reason
    where log_id = :log and label_key = :label and spki_sha256 = :spki and state = 'undecided' returning 1),
  ${writesTrail('granted')}
  select count(*) as changed from granted`,
);

const DROP = statement(
  ['log', 'label', 'spki', 'state', 'requested', ...TRAIL],
  `with dropped as (
    delete from recoveries where log_id = :log and label_key = :label and spki_sha256 = :spki and state = :state
      and requested_ms = :requested
    returning 1),
  ${writesTrail('dropped')}
  select count(*) as changed from dropped`,
);

/** Recoveries that are not settled. */
export function recoveryRows({ sql, logId }: LogContext): Pick<LogStore, Part> {
  return {
    async addRecovery({ labelKey, identity, csr, spkiSha256, evidence, state, requestedMs }) {
      const parameters = [logId, labelKey, identity, csr, spkiSha256, evidence, state, requestedMs];
      return (await sql.execute(ADD, parameters)) === 1;
    },

    async findRecovery(labelKey) {
      const [row] = await sql.query<RecoveryColumns>(FIND, [logId, labelKey]);
      return row === undefined ? undefined : toRecovery(row);
    },

    async listRecoveries(after, limit) {
      const rows = await sql.query<RecoveryColumns>(LIST, [logId, after ?? new Uint8Array(0), limit]);
      return rows.map(toRecovery);
    },

    async noteRecoveryNotified({ labelKey, spkiSha256, requestedMs }, notifiedMs) {
      await sql.execute(NOTIFIED, [logId, labelKey, spkiSha256, requestedMs, notifiedMs]);
    },

    async grantRecovery({ labelKey, spkiSha256 }, reason, trail) {
      const parameters = GRANT.bind({ log: logId, label: labelKey, spki: spkiSha256, reason, ...trailValues(trail) });
      const [row] = await unlessTrailMoved(sql.query<{ changed: number }>(GRANT.text, parameters));
      return row?.changed === 1;
    },

    async dropRecovery({ labelKey, spkiSha256, state, requestedMs }, trail) {
      const claim = { label: labelKey, spki: spkiSha256, state, requested: requestedMs };
      const parameters = DROP.bind({ log: logId, ...claim, ...trailValues(trail) });
      const [row] = await unlessTrailMoved(sql.query<{ changed: number }>(DROP.text, parameters));
      return row?.changed === 1;
    },
  };
}

function toRecovery(row: RecoveryColumns): RecoveryRow {
  return {
    labelKey: row.label_key,
    identity: row.identity,
    csr: row.csr,
    spkiSha256: row.spki_sha256,
    evidence: row.evidence,
    state: row.state,
    requestedMs: row.requested_ms,
    notifiedMs: orUndefined(row.notified_ms),
    reason: orUndefined(row.reason),
  };
}
