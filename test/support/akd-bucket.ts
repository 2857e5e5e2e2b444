import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A bucket that lists and serves objects without credentials, as S3 does, and may lie. */
export interface AkdBucket {
  readonly url: string;
  /** By name. */
  readonly objects: Map<string, Uint8Array>;
  /** Path and query of each request. */
  readonly requests: string[];
  /** Answers instead of the bucket if it returns true. */
  lie: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

/** Starts a bucket on loopback with pages of `pageSize` keys. */
export async function startAkdBucket(
  objects: Iterable<readonly [string, Uint8Array]>,
  pageSize = 3,
): Promise<AkdBucket> {
  const known = new Map(objects);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (bucket.lie(request, response)) return;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bucket.test');
    if (pathname === '/' && searchParams.get('list-type') === '2') {
      response.setHeader('content-type', 'application/xml');
      response.end(listing(known, searchParams, pageSize));
      return;
    }
    const object = known.get(pathname.slice(1));
    response.statusCode = object === undefined ? 404 : 200;
    response.end(object ?? '<Error><Code>NoSuchKey</Code></Error>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bucket: AkdBucket = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: known,
    requests,
    lie: () => false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return bucket;
}

function listing(objects: ReadonlyMap<string, Uint8Array>, asked: URLSearchParams, pageSize: number): string {
  const [prefix, after] = [asked.get('prefix') ?? '', asked.get('start-after') ?? ''];
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, pageSize).map((key) => {
    const facts = '<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;00&quot;</ETag>';
    return `<Contents><Key>${key}</Key>${facts}<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>log</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${pageSize}</MaxKeys>` +
    `<IsTruncated>${keys.length > pageSize}</IsTruncated>${page.join('')}</ListBucketResult>`
  );
}
