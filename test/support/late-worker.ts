import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy between the coordinator of a Citus cluster and a worker. */
export interface LateWorker {
  readonly port: number;
  /** True to hold back the second phase of commits: the worker keeps what it has prepared, and shows nothing of it. */
  isLate: boolean;
  /** Number of commits held back. */
  readonly held: number;
  /** Lets the worker commit, and is late no more. */
  hurry(): void;
  close(): void;
}

/** Starts a proxy in front of a worker. */
export async function startLateWorker(worker: { readonly host: string; readonly port: number }): Promise<LateWorker> {
  const waiting: (() => void)[] = [];
  const sockets = new Set<Socket>();
  let held = 0;
  const server = createServer((client) => {
    const upstream = connect(worker.port, worker.host);
    client.on('data', (chunk) => {
      const forward = (): void => void upstream.write(chunk);
      if (!late.isLate || !chunk.includes('COMMIT PREPARED')) return forward();
      held++;
      waiting.push(forward);
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const late = {
    port: address.port,
    isLate: false,
    get held() {
      return held;
    },
    hurry: () => {
      late.isLate = false;
      for (const forward of waiting.splice(0)) forward();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return late;
}
