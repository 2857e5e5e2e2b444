import { ensure } from '../core/errors.ts';
import type { LogStore, TokenRow } from './ports.ts';
import { orUndefined, type LogContext } from './rows.ts';
import { statement } from './sql-statement.ts';
import { TRAIL, trailValues, unlessTrailMoved, writesTrail } from './trail-rows.ts';

type Part = 'reserveTokenId' | 'addToken' | 'findToken' | 'listTokens' | 'revokeToken';

type TokenColumns = {
  readonly token_id: number;
  readonly token_hash: Uint8Array;
  readonly name: string;
  readonly created_ms: number;
  readonly revoked_ms: number | null;
};

const COLUMNS = 'token_id, token_hash, name, created_ms, revoked_ms';
const RESERVE = `select nextval(pg_get_serial_sequence('tokens', 'token_id')) as id`;

const ADD = statement(
  ['log', 'id', 'hash', 'name', 'createdMs', ...TRAIL],
  `with added as (
    insert into tokens (log_id, token_id, token_hash, name, created_ms) overriding system value
    values (:log, :id, :hash, :name, :createdMs) returning ${COLUMNS}),
  ${writesTrail('added')}
  select ${COLUMNS} from added`,
);
const FIND = `select ${COLUMNS} from tokens where log_id = $1 and token_hash = $2`;
const LIST = `select ${COLUMNS} from tokens where log_id = $1 order by token_id`;

const REVOKE = statement(
  ['log', 'id', 'revokedMs', ...TRAIL],
  `with revoked as (
    update tokens set revoked_ms = :revokedMs where log_id = :log and token_id = :id and revoked_ms is null returning 1),
  ${writesTrail('revoked')}
  select count(*) as revoked from revoked`,
);

/** Application tokens. */
export function tokenRows({ sql, logId }: LogContext): Pick<LogStore, Part> {
  return {
    async reserveTokenId() {
      const [row] = await sql.query<{ id: number }>(RESERVE, []);
      ensure(row !== undefined, 'storage-failed', 'no number for the token');
      return row.id;
    },

    async addToken({ id, tokenHash, name, createdMs }, trail) {
      const parameters = ADD.bind({ log: logId, id, hash: tokenHash, name, createdMs, ...trailValues(trail) });
      const [row] = await unlessTrailMoved(sql.query<TokenColumns>(ADD.text, parameters));
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

    async revokeToken(id, revokedMs, trail) {
      const parameters = REVOKE.bind({ log: logId, id, revokedMs, ...trailValues(trail) });
      const [row] = await unlessTrailMoved(sql.query<{ revoked: number }>(REVOKE.text, parameters));
      return row?.revoked === 1;
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
