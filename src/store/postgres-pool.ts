import postgres, { type Options, type Sql } from 'postgres';
import { parseConnectionString } from './connection-string.ts';
import { PostgresConnector, type SessionSettings } from './postgres-connector.ts';
import { decodeBytea, decodeIntegers } from './sql-driver.ts';
import { WRITER_LEASE_MS } from './writer-lock.ts';

/** Limits of the connections to PostgreSQL. */
export interface PostgresLimits {
  /** Connections for requests. Default 8. */
  readonly connections: number;
  /** Further connections, for the writer and readiness. Default 2. */
  readonly reservedConnections: number;
  /** PostgreSQL cancels a statement that runs longer. Default 15,000. */
  readonly statementTimeoutMs: number;
  /** PostgreSQL cancels a statement that waits for a lock longer. Default 5,000. */
  readonly lockTimeoutMs: number;
  /** Time to wait for a new connection. Default 5,000. */
  readonly connectTimeoutMs: number;
  /** PostgreSQL takes the writer's lock from a holder that has not renewed it for so long. Default 6,000. */
  readonly leaseMs: number;
  /** Statements and transactions of one pool, under way or waiting; more get `overloaded`. Default 4,096. */
  readonly maxPending: number;
}

export const DEFAULT_POSTGRES_LIMITS: PostgresLimits = {
  connections: 8,
  reservedConnections: 2,
  statementTimeoutMs: 15_000,
  lockTimeoutMs: 5_000,
  connectTimeoutMs: 5_000,
  leaseMs: WRITER_LEASE_MS,
  maxPending: 4_096,
};

/**
 * Passes values of {@link encodeParameter} through: they are in PostgreSQL's text format already. `fetch_types` stays
 * off, so only these types are parsed; a new type of column needs a line here.
 */
const TYPES = {
  bytea: { to: 17, from: [17], serialize: (text: string) => text, parse: decodeBytea },
  int8: { to: 20, from: [20], serialize: String, parse: Number },
  bool: { to: 16, from: [16], serialize: String, parse: (text: string) => text === 't' },
  int8Array: { to: 1016, from: [1016], serialize: (text: string) => text, parse: decodeIntegers },
};

/**
 * Settings of every session. All statements find their rows by primary key: a plan made while a table was empty must
 * not become a sequential scan of a million rows, so such plans are switched off, and plans are made once.
 */
function sessionSettings(limits: PostgresLimits, synchronousCommit: string, isDistributed: boolean): SessionSettings {
  return {
    synchronous_commit: synchronousCommit,
    statement_timeout: String(limits.statementTimeoutMs),
    lock_timeout: String(limits.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(limits.statementTimeoutMs),
    tcp_keepalives_idle: '10',
    tcp_keepalives_interval: '5',
    tcp_keepalives_count: '3',
    // Citus finds the shards of a statement by its parameters, and so cannot make a generic plan.
    plan_cache_mode: isDistributed ? 'force_custom_plan' : 'force_generic_plan',
    enable_seqscan: 'off',
    jit: 'off',
  };
}

/** Options of {@link connectPool}. */
interface PoolOptions {
  readonly url: string;
  readonly limits: PostgresLimits;
  /** Number of connections. */
  readonly connections: number;
  /** `synchronous_commit` of every session, whatever becomes of the server's default. */
  readonly synchronousCommit: string;
  /** True if the large tables are distributed. */
  readonly isDistributed: boolean;
  /** Called whenever a connection closes, or could not be made. */
  readonly onClose: () => void;
}

/** Opens a pool of connections. */
export function connectPool(options: PoolOptions): Sql {
  const { url, limits, connections, synchronousCommit, isDistributed, onClose } = options;
  return connect(url, limits, sessionSettings(limits, synchronousCommit, isDistributed), {
    max: connections,
    max_lifetime: null,
    onclose: onClose,
  });
}

/** Opens one connection that is never recycled, with `settings` of its own. `onclose` is called when it breaks. */
export function connectSession(
  url: string,
  limits: PostgresLimits,
  options: Options<Record<string, never>> = {},
  settings: SessionSettings = {},
): Sql {
  const all = { ...sessionSettings(limits, 'on', false), ...settings };
  return connect(url, limits, all, { max: 1, max_lifetime: null, ...options });
}

/** Opens one connection with the server's own defaults: to read them, and for migrations. */
export function connectPlain(url: string, limits: PostgresLimits): Sql {
  return connect(url, limits, {}, { max: 1 });
}

function connect(
  url: string,
  limits: PostgresLimits,
  settings: SessionSettings,
  options: Options<Record<string, never>>,
): Sql {
  const address = parseConnectionString(url);
  const connector = new PostgresConnector(address, settings, limits.connectTimeoutMs);
  const [{ host, port } = {}] = address.hosts;
  // The types of postgres.js (3.4) lack its option `socket`.
  const connected = { ...options, socket: () => connector.open() };
  const sql = postgres({
    fetch_types: false,
    onnotice: () => {},
    backoff: () => 0,
    types: TYPES,
    connect_timeout: limits.connectTimeoutMs / 1000,
    ...(host !== undefined && port !== undefined && { host, port }),
    ...connected,
  });
  const end = sql.end.bind(sql);
  sql.end = async (ending) => {
    await end(ending);
    connector.end();
  };
  return sql;
}
