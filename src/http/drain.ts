import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Prepares a server for being closed without failing a request. Returns a function that begins the end: idle
 * connections are closed, and each busy one after its answer, which says so (`Connection: close`).
 */
export function prepareDrain(server: Server): () => void {
  let isDraining = false;
  /** The unanswered requests of each connection. Node never says that one is over which ends behind another one. */
  const connections = new Map<Socket, Set<ServerResponse>>();
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.set(socket, new Set());
    socket.once('close', () => connections.delete(socket));
  });
  server.prependListener('request', (request: IncomingMessage, answer: ServerResponse) => {
    const unanswered = connections.get(request.socket);
    unanswered?.add(answer);
    if (isDraining) answer.shouldKeepAlive = false;
    answer.once('close', () => {
      unanswered?.delete(answer);
      // An answer that had begun before the end did not say that its connection ends.
      if (isDraining) server.closeIdleConnections();
    });
  });
  return () => {
    isDraining = true;
    for (const [socket, unanswered] of connections) {
      for (const answer of unanswered) answer.shouldKeepAlive = false;
      // Nothing has arrived on it yet, and Node counts it as busy.
      if (socket.bytesRead === 0) socket.destroy();
    }
    server.closeIdleConnections();
  };
}
