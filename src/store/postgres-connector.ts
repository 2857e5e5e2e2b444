import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { GlasskeyError } from '../core/errors.ts';
import type { DatabaseAddress, DatabaseHost } from './connection-string.ts';
import { dial } from './postgres-dial.ts';
import { login, type PostgresSession } from './postgres-login.ts';

/** Settings of a session, by name. */
export type SessionSettings = Readonly<Record<string, string>>;

/** SQLSTATE of a server that only reads. */
const READ_ONLY = '25006';

/**
 * Opens sessions with their settings in force. Poolers drop settings that come with a connection, or refuse it for
 * them, so statements set them and read them back.
 */
export class PostgresConnector {
  readonly #address: DatabaseAddress;
  readonly #settings: SessionSettings;
  readonly #timeoutMs: number;
  readonly #ending = new AbortController();

  /** `timeoutMs` is for one server. */
  constructor(address: DatabaseAddress, settings: SessionSettings, timeoutMs: number) {
    const { connectTimeoutSeconds = 0 } = address;
    this.#address = address;
    this.#settings = settings;
    this.#timeoutMs = connectTimeoutSeconds > 0 ? connectTimeoutSeconds * 1000 : timeoutMs;
  }

  /** Ends sessions that are only beginning. */
  end(): void {
    this.#ending.abort();
  }

  /**
   * Returns the socket of a session for postgres.js, as its option `socket`. Never rejects: postgres.js would count the
   * connection as one that is still being made. It is told by an `error` and a `close` instead.
   */
  async open(): Promise<Duplex> {
    try {
      return await this.#open();
    } catch (error) {
      return failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #open(): Promise<Socket> {
    let failure: unknown;
    for (const host of this.#address.hosts) {
      try {
        return await this.#openAt(host);
      } catch (error) {
        if (error instanceof GlasskeyError) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #openAt(host: DatabaseHost): Promise<Socket> {
    const stopping = new AbortController();
    const stop = (): void => stopping.abort();
    const timer = setTimeout(stop, this.#timeoutMs);
    const { signal } = this.#ending;
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    let socket: Socket | undefined;
    try {
      socket = await dial(this.#address, host, stopping.signal);
      const session = await login(socket, this.#address);
      if (this.#address.mustWrite) await assertWritable(session);
      await applySettings(session, this.#settings, host.socket === undefined);
      if (stopping.signal.aborted) throw new Error('ended');
      session.handOver();
      skipFirstWrite(socket);
      return Object.assign(socket, { host: host.host, port: host.port });
    } catch (error) {
      socket?.destroy();
      if (!stopping.signal.aborted) throw error;
      const where = `${host.host}:${host.port}`;
      throw Object.assign(new Error(`no session at ${where} in time`, { cause: error }), { code: 'CONNECT_TIMEOUT' });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}

/** Throws unless the server takes writes: after a failover, the one before may still answer. */
async function assertWritable(session: PostgresSession): Promise<void> {
  const [[readOnly] = []] = await session.run('show transaction_read_only');
  if (readOnly !== 'off') throw Object.assign(new Error('the server only reads'), { code: READ_ONLY });
}

/** Sets the settings and reads them back. Throws `storage-unsafe` if one is not in force. */
async function applySettings(session: PostgresSession, settings: SessionSettings, isTcp: boolean): Promise<void> {
  // A Unix socket has no keepalives.
  const asked = Object.entries(settings).filter(([name]) => isTcp || !name.startsWith('tcp_'));
  if (asked.length === 0) return;
  await session.run(asked.map(([name, value]) => `set ${name} = ${quoted(value)}`).join('; '));
  const names = asked.map(([name]) => quoted(name)).join(', ');
  const inForce = new Map(
    (await session.run(`select name, setting from pg_settings where name in (${names})`)).map(
      ([name = '', value = '']) => [name, value],
    ),
  );
  const wrong = asked.find(([name, value]) => inForce.get(name) !== value);
  if (wrong === undefined) return;
  const [name, value] = wrong;
  const found = inForce.get(name) ?? 'nothing';
  const advice = 'connect to PostgreSQL itself, or through a pooler that keeps sessions';
  throw new GlasskeyError('storage-unsafe', `a session was given ${name}=${value} and has ${found}: ${advice}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** postgres.js begins with a StartupMessage once it listens; the session has begun, and its greeting waits. */
function skipFirstWrite(socket: Socket): void {
  const write = socket.write.bind(socket) as (...arguments_: unknown[]) => boolean;
  const skip = (...arguments_: unknown[]): boolean => {
    socket.write = write;
    socket.resume();
    const done = arguments_.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
  socket.write = skip;
}

/** Returns a connection that fails as soon as its reader listens. */
function failed(error: Error): Duplex {
  const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  setImmediate(() => stream.destroy(error));
  return stream;
}
