import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** The trouble that a {@link DatabaseProxy} makes. */
export type DatabaseTrouble =
  | 'none'
  /** Forwards nothing more and closes nothing, as a network that is gone. */
  | 'dead'
  /** Holds back the end of each append: PostgreSQL has done it, and waits for the word to commit it. */
  | 'no-commit'
  /** Breaks the connection of each append. */
  | 'no-append';

/** A TCP proxy in front of PostgreSQL that knows which connection appends to a log. */
export interface DatabaseProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  trouble: DatabaseTrouble;
  /** Resolves when it has held back the end of an append. */
  readonly held: Promise<void>;
  /** Makes no more trouble: closes what it has broken. */
  heal(): void;
  close(): void;
}

/** PostgreSQL's message Sync, which ends an implicit transaction. */
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);
const APPEND = 'update "heads" set';

/** Starts a proxy in front of a database. */
export async function startDatabaseProxy(database: string): Promise<DatabaseProxy> {
  const sockets = new Set<Socket>();
  const target = new URL(database);
  let hold!: () => void;
  const held = new Promise<void>((resolve) => {
    hold = resolve;
  });
  const proxy = { url: '', trouble: 'none' as DatabaseTrouble, held };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let appends = false;
    let isHeld = false;
    const forward = (chunk: Buffer): void => {
      if (proxy.trouble === 'dead' || isHeld) return;
      appends ||= chunk.includes(APPEND);
      if (proxy.trouble === 'no-append' && appends) return void client.destroy();
      const end = chunk.length - SYNC.length;
      const isEnd = chunk.subarray(Math.max(end, 0)).equals(SYNC);
      isHeld = proxy.trouble === 'no-commit' && appends && isEnd;
      upstream.write(isHeld ? chunk.subarray(0, end) : chunk);
      if (isHeld) hold();
      if (isEnd) appends = false;
    };
    client.on('data', forward);
    upstream.on('data', (chunk) => proxy.trouble !== 'dead' && client.write(chunk));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (proxy.trouble !== 'dead') to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = new URL(database);
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  proxy.url = url.href;
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(proxy, {
    heal: () => {
      proxy.trouble = 'none';
      breakAll();
    },
    close: () => {
      server.close();
      breakAll();
    },
  });
}
