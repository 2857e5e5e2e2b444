import { createHash } from 'node:crypto';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';

/** What happens to one request. */
export type S3Fault = 'lost request' | 'lost answer' | 'busy' | 'broken answer';

/** An S3-compatible bucket in memory, as far as a publisher uses one. */
export class FakeS3 {
  readonly objects = new Map<string, Uint8Array>();
  /** Method and key of each request. */
  readonly requests: string[] = [];
  readonly headers: Headers[] = [];
  /** Does as if there were no conditions. */
  isCareless = false;
  /** The status of its answer to a conditional write, if it knows none. */
  refusesConditions: 400 | 501 | undefined;
  /** Called with the number of a request, counted from 1. */
  fault: (request: number) => S3Fault | undefined = () => undefined;

  readonly fetch: Fetch = async (url, init) => {
    const request = new Request(url, init);
    const key = new URL(request.url).pathname.slice(1);
    this.requests.push(`${request.method} ${key}`);
    this.headers.push(request.headers);
    const fault = this.fault(this.requests.length);
    if (fault === 'busy') return new Response('<Error><Code>SlowDown</Code></Error>', { status: 503 });
    if (fault === 'lost request') throw new TypeError('connection refused');
    const response = await this.#answer(request, key);
    if (fault === 'lost answer') throw new TypeError('connection reset');
    return fault === 'broken answer' ? brokenAnswer(response) : response;
  };

  async #answer(request: Request, key: string): Promise<Response> {
    const known = this.objects.get(key);
    if (request.method === 'GET') {
      return known === undefined
        ? new Response('<Error><Code>NoSuchKey</Code></Error>', { status: 404 })
        : new Response(known.slice(), { headers: { etag: etagOf(known) } });
    }
    const match = request.headers.get('if-match');
    const isConditional = match !== null || request.headers.has('if-none-match');
    if (this.refusesConditions !== undefined && isConditional) {
      return new Response('<Error><Code>NotImplemented</Code></Error>', { status: this.refusesConditions });
    }
    if (!this.isCareless && match !== null && known === undefined) return new Response('', { status: 404 });
    const fails = (request.headers.get('if-none-match') === '*' && known !== undefined) || isOther(match, known);
    if (!this.isCareless && fails) return new Response('', { status: 412 });
    const bytes = new Uint8Array(await request.arrayBuffer());
    this.objects.set(key, bytes);
    return new Response('', { headers: { etag: etagOf(bytes) } });
  }
}

function isOther(match: string | null, known: Uint8Array | undefined): boolean {
  return match !== null && known !== undefined && match !== etagOf(known);
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

/** The same head, and a body that ends early. */
function brokenAnswer(response: Response): Response {
  const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError('terminated')) });
  return new Response(response.status === 200 ? body : null, { status: response.status, headers: response.headers });
}
