import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Something between a client and its server. */
export interface DamagingProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Passes everything on to `server`, and flips a bit of the last byte of every answer at `path`. */
export async function startDamagingProxy(server: string, path: string): Promise<DamagingProxy> {
  const proxy = createServer((request, response) => {
    void (async () => {
      const { method = 'GET', headers, url = '/' } = request;
      const body = await buffer(request);
      const type = headers['content-type'];
      const init = method === 'GET' ? {} : { body, headers: type === undefined ? {} : { 'content-type': type } };
      const answer = await fetch(server + url, { method, ...init });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const last = bytes.length - 1;
      if (url === path) bytes[last] = (bytes[last] ?? 0) ^ 1;
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(bytes);
    })();
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
