import { KeyDirectory } from '../src/client/key-directory.ts';
import { MemoryState } from '../src/client/state/client-state.ts';
import { PATHS } from '../src/contract/paths.ts';
import { identityOf } from './registrations.ts';
import { round } from './load.ts';

/** What lookups cost a client: the whole verification, without the time that it waits for the server. */
export interface ClientCost {
  /** Bytes of the answer to a client that knows nothing. */
  readonly firstProofBytes: { readonly mean: number; readonly max: number };
  /** Bytes of the answer to a client that has seen this tree head, for a name that it has not seen. */
  readonly returningProofBytes: { readonly mean: number; readonly max: number };
  readonly firstVerifyMs: number;
  readonly returningVerifyMs: number;
}

interface Cost {
  bytes: number;
  milliseconds: number;
}

/** Looks up `samples` random names, each twice over: as a new client, and as one that returns. */
export async function measureClient(server: string, labels: number, samples: number): Promise<ClientCost> {
  const first: Cost[] = [];
  const returning: Cost[] = [];
  const returningClient = new MeteredClient(server);
  const random = (): string => identityOf(Math.floor(Math.random() * labels));
  await returningClient.lookup(random());
  for (let sample = -10; sample < samples; sample++) {
    const firstCost = await new MeteredClient(server).lookup(random());
    const returningCost = await returningClient.lookup(random());
    // The first few only warm the verifier up.
    if (sample >= 0) first.push(firstCost);
    if (sample >= 0) returning.push(returningCost);
  }
  return {
    firstProofBytes: bytesOf(first),
    returningProofBytes: bytesOf(returning),
    firstVerifyMs: mean(first.map((cost) => cost.milliseconds)),
    returningVerifyMs: mean(returning.map((cost) => cost.milliseconds)),
  };
}

/** A client whose requests are measured. */
class MeteredClient {
  readonly #server: string;
  readonly #state = new MemoryState();
  #directory: KeyDirectory | undefined;
  #bytes = 0;
  #waitedMs = 0;

  constructor(server: string) {
    this.#server = server;
  }

  async lookup(identity: string): Promise<Cost> {
    this.#directory ??= await KeyDirectory.open({
      server: this.#server,
      state: this.#state,
      fetch: (url, init) => this.#fetch(url, init),
    });
    this.#bytes = 0;
    this.#waitedMs = 0;
    const start = performance.now();
    const found = await this.#directory.lookup(identity);
    const milliseconds = performance.now() - start - this.#waitedMs;
    if (!found.found || found.binding.certificates.length !== 1) throw new Error(`${identity} has no certificate`);
    return { bytes: this.#bytes, milliseconds };
  }

  async #fetch(url: string, init: RequestInit | undefined): Promise<Response> {
    const start = performance.now();
    const response = await fetch(url, init);
    const body = await response.arrayBuffer();
    if (url.endsWith(PATHS.lookup)) this.#bytes += body.byteLength;
    this.#waitedMs += performance.now() - start;
    return new Response(body, { status: response.status, headers: response.headers });
  }
}

function bytesOf(costs: readonly Cost[]): { mean: number; max: number } {
  const bytes = costs.map((cost) => cost.bytes);
  return { mean: round(mean(bytes), 0), max: Math.max(...bytes) };
}

function mean(values: readonly number[]): number {
  return round(values.reduce((sum, value) => sum + value, 0) / values.length, 2);
}
