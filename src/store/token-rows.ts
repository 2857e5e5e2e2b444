import { ensure } from '../core/errors.ts';
import type { LogStore, TokenRow } from './ports.ts';
import { orUndefined, type LogContext } from './rows.ts';

type Part = 'addToken' | 'findToken' | 'listTokens' | 'revokeToken';

type TokenColumns = {
  readonly token_id: number;
  readonly token_hash: Uint8Array;
  readonly name: string;
  readonly created_ms: number;
  readonly revoked_ms: number | null;
};

const COLUMNS = 'token_id, token_hash, name, created_ms, revoked_ms';
const ADD = `insert into tokens (log_id, token_hash, name, created_ms) values ($1, $2, $3, $4) returning ${COLUMNS}`;
const FIND = `select ${COLUMNS} from tokens where log_id = $1 and token_hash = $2`;
const LIST = `select ${COLUMNS} from tokens where log_id = $1 order by token_id`;
const REVOKE = 'update tokens set revoked_ms = $3 where log_id = $1 and token_id = $2 and revoked_ms is null';

/** Application tokens. */
export function tokenRows({ sql, logId }: LogContext): Pick<LogStore, Part> {
  return {
    async addToken(tokenHash, name, createdMs) {
      const [row] = await sql.query<TokenColumns>(ADD, [logId, tokenHash, name, createdMs]);
      ensure(row !== undefined, 'storage-failed', 'the token was not stored');
      return toToken(row);
    },

    async findToken(tokenHash) {
      const [row] = await sql.query<TokenColumns>(FIND, [logId, tokenHash]);
      return row === undefined ? undefined : toToken(row);
    },

    async listTokens() {
      return (await sql.query<TokenColumns>(LIST, [logId])).map(toToken);
    },

    async revokeToken(id, revokedMs) {
      return (await sql.execute(REVOKE, [logId, id, revokedMs])) === 1;
    },
  };
}

function toToken(row: TokenColumns): TokenRow {
  return {
    id: row.token_id,
    tokenHash: row.token_hash,
    name: row.name,
    createdMs: row.created_ms,
    revokedMs: orUndefined(row.revoked_ms),
  };
}
