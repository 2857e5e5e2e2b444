import { connect } from 'node:net';

/**
 * Sends requests over `connections` connections, each up to `depth` before their answers (RFC 9112 §9.3.2): a client that costs
 * less than the server. Gives the seconds. Throws at an answer that is not 200, or that the connection ends before.
 */
export async function pipelined(options: {
  readonly url: URL;
  readonly connections: number;
  readonly depth: number;
  readonly count: number;
  /** The whole request, head and body. */
  readonly request: (index: number) => Buffer;
}): Promise<number> {
  const { url, connections, depth, count, request } = options;
  let next = 0;
  const start = performance.now();
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname);
      let waiting = 0;
      let rest: Buffer = Buffer.alloc(0);
      const fill = (): void => {
        const batch: Buffer[] = [];
        for (; waiting < depth && next < count; waiting++) batch.push(request(next++));
        if (batch.length > 0) socket.write(Buffer.concat(batch));
        if (waiting === 0) socket.end();
      };
      socket.on('connect', fill);
      socket.on('error', reject);
      socket.on('close', () => (waiting === 0 ? resolve() : reject(new Error('the connection ended'))));
      socket.on('data', (chunk) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        for (let length = answerLength(rest); length <= rest.length; length = answerLength(rest)) {
          rest = rest.subarray(length);
          waiting--;
        }
        fill();
      });
    });
  await Promise.all(Array.from({ length: connections }, run));
  return (performance.now() - start) / 1000;
}

/** Bytes of the answer at the beginning; Infinity while its head is not there. */
function answerLength(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return Infinity;
  const head = bytes.toString('latin1', 0, end);
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(head);
  return end + 4 + Number(/^content-length: (\d+)/im.exec(head)?.[1]);
}
