import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Prepares a server for being closed without failing a request. Returns a function that begins the end: idle
 * connections are closed, and each busy one after its answer, which says so (`Connection: close`).
 */
export function prepareDrain(server: Server): () => void {
  let isDraining = false;
  const answers = new Set<ServerResponse>();
  /** Connections on which nothing has arrived yet. Node counts them as busy. */
  const silent = new Set<Socket>();
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.prependListener('request', (request: IncomingMessage, answer: ServerResponse) => {
    silent.delete(request.socket);
    answers.add(answer);
    if (isDraining) answer.shouldKeepAlive = false;
    answer.once('close', () => {
      answers.delete(answer);
      // An answer that had begun before the end did not say that its connection ends.
      if (isDraining) server.closeIdleConnections();
    });
  });
  return () => {
    isDraining = true;
    for (const answer of answers) answer.shouldKeepAlive = false;
    for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
    server.closeIdleConnections();
  };
}
