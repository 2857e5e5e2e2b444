import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { collectGarbage } from './collect-garbage.ts';

/** The part of an answer that never ends. */
export type Trickle = 'head' | 'body' | 'reply of SMTP';

const BEGINNINGS: Readonly<Record<Trickle, string>> = {
  head: 'HTTP/1.1 200 OK\r\nx-slow: ',
  body: 'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\netag: "x"\r\n\r\n',
  'reply of SMTP': '250-',
};
const PAUSE_MS = 10;
/** Bytes after which a client certainly reads the endless part. */
const MANY = 5;

/** A server that gives one byte now and then, and never a whole answer: no pause is long enough to count as silence. */
export class TricklingServer {
  readonly url: string;
  readonly #close: () => Promise<void>;
  #sent = 0;
  #open = 0;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(trickle: Trickle): Promise<TricklingServer> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      if (trickle === 'reply of SMTP') socket.write('220 mail.example\r\n');
      socket.once('data', () => {
        running.#open++;
        socket.write(BEGINNINGS[trickle]);
        const timer = setInterval(() => socket.write('x', () => running.#sent++), PAUSE_MS);
        socket.on('close', () => {
          running.#open--;
          clearInterval(timer);
        });
      });
      socket.on('error', () => undefined);
      socket.resume();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const running = new TricklingServer(url, async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    return running;
  }

  /** Resolves when a client is in the middle of an answer, after garbage collections of this process. */
  async trickled(): Promise<void> {
    const many = this.#sent + MANY;
    while (this.#sent < many) await turn();
    for (let i = 0; i < 5; i++) {
      collectGarbage();
      await turn();
    }
  }

  /** Resolves when no client reads an answer any more. */
  async abandoned(): Promise<void> {
    while (this.#open > 0) await turn();
  }

  close(): Promise<void> {
    return this.#close();
  }
}
