import { Agent, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

/** Processor time by name of the process. */
export type CpuMs = Readonly<Record<string, number>>;

/** How long requests took. */
export interface Timing {
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Bytes of the body of an answer, on average. */
  readonly answerBytes: number;
  /** Processor time per request, in ms, of each process that takes part. */
  readonly cpuMs: CpuMs;
}

/** An HTTP request with a body that is made before its turn comes. */
export interface PreparedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A number of clients, each with one connection that it keeps. */
export class Clients {
  readonly #agent: Agent;
  readonly #server: URL;
  readonly #count: number;
  readonly #cpuSeconds: () => CpuMs;

  /** `cpuSeconds` tells how much processor time each process has used. */
  constructor(server: string, count: number, cpuSeconds: () => CpuMs) {
    this.#server = new URL(server);
    this.#cpuSeconds = cpuSeconds;
    this.#count = count;
    const options = { keepAlive: true, maxSockets: count, scheduling: 'fifo' } as const;
    // Of a server that this benchmark has started, on this machine.
    const isTls = this.#server.protocol === 'https:';
    this.#agent = isTls ? new TlsAgent({ ...options, rejectUnauthorized: false }) : new Agent(options);
  }

  /**
   * Sends requests 0 to `count`-1: each client the next one as soon as its last is answered. Throws at the first answer
   * that has not the wanted status.
   */
  async run(
    count: number,
    status: number,
    prepare: (index: number) => PreparedRequest,
    onAnswer: (index: number, body: Buffer) => void = () => undefined,
  ): Promise<Timing> {
    const milliseconds = new Float64Array(count);
    let next = 0;
    let bytes = 0;
    const client = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) {
        const prepared = prepare(index);
        const start = performance.now();
        const answer = await this.send(prepared);
        milliseconds[index] = performance.now() - start;
        if (answer.status !== status) throw new Error(`HTTP ${answer.status}: ${answer.body.toString()}`);
        bytes += answer.body.length;
        onAnswer(index, answer.body);
      }
    };
    const before = this.#cpuSeconds();
    const start = performance.now();
    await Promise.all(Array.from({ length: this.#count }, client));
    const totalMs = performance.now() - start;
    const perRequest = Object.entries(this.#cpuSeconds()).map(
      ([name, seconds]) => [name, round(((seconds - (before[name] ?? 0)) * 1000) / count, 2)] as const,
    );
    const answerBytes = round(bytes / count, 0);
    return { ...timing(milliseconds, totalMs), answerBytes, cpuMs: Object.fromEntries(perRequest) };
  }

  /** One POST. */
  send(prepared: PreparedRequest): Promise<{ readonly status: number; readonly body: Buffer }> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#server;
      const { path, headers, body } = prepared;
      const length = String(Buffer.byteLength(body));
      const options = { hostname, port, path, method: 'POST', headers: { ...headers, 'content-length': length } };
      const send = this.#agent instanceof TlsAgent ? tlsRequest : request;
      const sent = send({ ...options, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#agent.destroy();
  }
}

function timing(milliseconds: Float64Array, totalMs: number): Omit<Timing, 'cpuMs' | 'answerBytes'> {
  const sorted = milliseconds.toSorted();
  const at = (part: number): number => round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0, 1);
  const seconds = totalMs / 1000;
  const count = milliseconds.length;
  return { count, seconds: round(seconds, 2), perSecond: round(count / seconds, 0), p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** A number with so many decimals. */
export function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
