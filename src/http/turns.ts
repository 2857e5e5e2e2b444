import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Most requests of one connection that are unanswered. Browsers and proxies send one at a time. */
const MAX_UNANSWERED = 4;

interface Exchange {
  readonly request: IncomingMessage;
  readonly answer: ServerResponse;
}

/**
 * Handles one request of a connection at a time, and drops a connection with too many unanswered ones. Node would start
 * all at once, keep the answers whose turn has not come, and never tell those that the client has left.
 */
export function handleInTurn(server: Server): void {
  const handlers = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  /** The first of each connection is being handled. */
  const unanswered = new WeakMap<Socket, Exchange[]>();
  server.on('request', (request: IncomingMessage, answer: ServerResponse) => {
    const queue = unanswered.get(request.socket) ?? [];
    unanswered.set(request.socket, queue);
    if (queue.length >= MAX_UNANSWERED) {
      request.socket.destroy();
      return;
    }
    queue.push({ request, answer });
    // After the requests that arrived with it: a connection with too many is dropped before any work.
    if (queue.length === 1) process.nextTick(handleFirst, queue, handlers);
  });
}

function handleFirst(queue: Exchange[], handlers: readonly RequestListener[]): void {
  const [first] = queue;
  // The connection ends before the answer's turn.
  if (first === undefined || first.request.socket.destroyed || first.answer.socket === null) return;
  first.answer.once('close', () => {
    queue.shift();
    handleFirst(queue, handlers);
  });
  for (const handle of handlers) handle(first.request, first.answer);
}
