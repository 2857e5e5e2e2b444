import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StaticLog } from './static-log.ts';
import type { StaticServer } from './static-server.ts';

/** Serves, on loopback, the log that `current` gives at each request, and the text of a trust bundle. */
export async function serveLog(current: () => StaticLog, bundle: string): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://log.test');
    if (pathname === '/.well-known/glasskey') return void response.end(bundle);
    const file = current().serve(pathname.replace(/^\/log\//, ''));
    response.statusCode = file === undefined ? 404 : 200;
    if (file?.gzip === true) response.setHeader('content-encoding', 'gzip');
    response.end(file?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
