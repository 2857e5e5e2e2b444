import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can stop forwarding without closing anything, as a network partition does. */
export interface PausableProxy {
  readonly port: number;
  pause(): void;
  resume(): void;
  /** Breaks every connection, and forwards new ones to another port, as a failover does. */
  moveTo(port: number): void;
  close(): void;
}

/** Starts a proxy in front of a port of this machine. */
export async function startPausableProxy(targetPort: number): Promise<PausableProxy> {
  const sockets = new Set<Socket>();
  let paused = false;
  let port = targetPort;
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => to.write(chunk));
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => to.destroy());
      if (paused) from.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    pause: () => {
      paused = true;
      for (const socket of sockets) socket.pause();
    },
    resume: () => {
      paused = false;
      for (const socket of sockets) socket.resume();
    },
    moveTo: (next) => {
      port = next;
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
