import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Something between a client and its server. */
export interface DamagingProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Headers that a client, or a page of another origin, needs. */
const PASSED = /^(?:content-type|origin|access-control-.*)$/;

/** Passes everything on to `server`, and flips a bit of the last byte of every answer at `path`. */
export async function startDamagingProxy(server: string, path: string): Promise<DamagingProxy> {
  const proxy = createServer((request, response) => {
    void (async () => {
      const { method = 'GET', headers, url = '/' } = request;
      const body = await buffer(request);
      const passed = Object.entries(headers).filter(([name]) => PASSED.test(name)) as [string, string][];
      const init = { method, headers: passed, ...(body.length === 0 ? {} : { body }) };
      const answer = await fetch(server + url, init);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const last = bytes.length - 1;
      if (url === path) bytes[last] = (bytes[last] ?? 0) ^ 1;
      response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([name]) => PASSED.test(name))));
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
