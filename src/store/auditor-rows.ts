import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';

type Part = 'readAuditorHead' | 'storeAuditorHead';

type AuditorColumns = { readonly size: number; readonly timestamp_ms: number; readonly signature: Uint8Array };

const AUDITOR_HEAD = 'select size, timestamp_ms, signature from auditor_heads where log_id = $1';

const STORE_AUDITOR_HEAD = `insert into auditor_heads (log_id, size, timestamp_ms, signature) values ($1, $2, $3, $4)
  on conflict (log_id) do update
  set size = excluded.size, timestamp_ms = excluded.timestamp_ms, signature = excluded.signature
  where auditor_heads.size < excluded.size`;

/** What a log's third-party auditor has signed. */
export function auditorRows({ driver, logId }: StoreContext): Pick<LogStore, Part> {
  return {
    async readAuditorHead() {
      const [row] = await driver.query<AuditorColumns>(AUDITOR_HEAD, [logId]);
      if (row === undefined) return undefined;
      return { treeSize: row.size, timestampMs: row.timestamp_ms, signature: row.signature };
    },

    async storeAuditorHead({ treeSize, timestampMs, signature }) {
      return (await driver.execute(STORE_AUDITOR_HEAD, [logId, treeSize, timestampMs, signature])) === 1;
    },
  };
}
