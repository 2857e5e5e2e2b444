import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

/** A plain web server that serves the files of a folder and knows nothing of their meaning. */
export interface StaticServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a folder on loopback. */
export async function serveFolder(folder: string): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const path = join(folder, normalize(new URL(request.url ?? '/', 'http://static.test').pathname));
    stat(path).then(
      (found) => {
        response.statusCode = found.isFile() ? 200 : 404;
        if (found.isFile()) createReadStream(path).pipe(response);
        else response.end();
      },
      () => {
        response.statusCode = 404;
        response.end();
      },
    );
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
