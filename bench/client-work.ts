import { KeyDirectory, type MadeCredential } from '../src/client/key-directory.ts';
import { MemoryState, type StateStore } from '../src/client/state/client-state.ts';
import { IndexedDbState } from '../src/client/browser/indexed-db-state.ts';

/** What one operation costs a client. */
export interface Cost {
  /** Without the time that it waits for the server. */
  readonly ms: number;
  readonly requests: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What many runs of one operation cost. */
export interface CostSummary {
  readonly runs: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Of one run, on average. */
  readonly requests: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly maxResponseBytes: number;
}

/** Costs by the name of the operation. */
export type Costs = Readonly<Record<string, CostSummary>>;

/** What {@link measureLookups} looks up. */
export interface LookupWork {
  readonly server: string;
  /** Registered, each once. */
  readonly names: readonly string[];
}

/** Rounds of monitoring, of clients that {@link Monitors.look} at contacts before the log grows. */
export interface MonitorWork {
  readonly server: string;
  /** Registered last, so that looking them up leaves something to be monitored; each once. */
  readonly contacts: readonly string[];
  /** Names that one client each takes as its own. */
  readonly own: readonly string[];
  /** Names registered first, so that credentials of them are standard. */
  readonly early: readonly string[];
  /** Names that will have been registered last when the log has grown: credentials of them are provisional. */
  readonly late: readonly string[];
}

/** Not counted: they only warm the verifier up. */
const WARM_UP = 10;

/** Lookups by clients that know nothing, by one that returns, of names that it knows, and of one that does not exist. */
export async function measureLookups({ server, names }: LookupWork): Promise<Costs> {
  const fresh: Cost[] = [];
  const returning: Cost[] = [];
  const known: Cost[] = [];
  const absent: Cost[] = [];
  const returningClient = await MeteredClient.open(server);
  for (const [i, name] of names.entries()) {
    const freshClient = await MeteredClient.open(server);
    fresh.push(await freshClient.measure((directory) => lookUp(directory, name)));
    returning.push(await returningClient.measure((directory) => lookUp(directory, name)));
    known.push(await returningClient.measure((directory) => lookUp(directory, name)));
    absent.push(await returningClient.measure((directory) => missLookup(directory, `absent${i}@bench.example`)));
  }
  const all = { fresh, returning, known, absent };
  return Object.fromEntries(
    Object.entries(all).map(([kind, costs]) => [`lookup, ${kind}`, summarize(costs.slice(WARM_UP))]),
  );
}

/** Clients that monitor. */
export class Monitors {
  readonly #contacts: MeteredClient;
  readonly #owners: readonly MeteredClient[];
  readonly #work: MonitorWork;
  readonly #costs: Record<string, CostSummary> = {};

  private constructor(contacts: MeteredClient, owners: readonly MeteredClient[], work: MonitorWork) {
    this.#contacts = contacts;
    this.#owners = owners;
    this.#work = work;
  }

  /** One client that looks its contacts up, and one for each own name. */
  static async look(work: MonitorWork): Promise<Monitors> {
    const { server, contacts, own } = work;
    const client = await MeteredClient.open(server);
    for (const name of contacts) await client.measure((directory) => lookUp(directory, name));
    const owners: MeteredClient[] = [];
    const owning: Cost[] = [];
    for (const name of own) {
      const owner = await MeteredClient.open(server);
      owning.push(await owner.measure(async (directory) => void (await directory.own(name))));
      owners.push(owner);
    }
    const monitors = new Monitors(client, owners, work);
    monitors.#costs['own'] = summarize(owning);
    return monitors;
  }

  /** A round of each, now that the log has grown, and another one. */
  async measure(): Promise<Costs> {
    for (const when of ['after growth', 'again']) {
      let count = 0;
      const cost = await this.#contacts.measure(async (directory) => {
        count = (await directory.monitor()).length;
      });
      this.#costs[`monitor ${count} contacts, ${when}`] = summarize([cost]);
      const owned: Cost[] = [];
      for (const owner of this.#owners) {
        owned.push(await owner.measure(async (directory) => void (await directory.monitor())));
      }
      this.#costs[`monitor own label, ${when}`] = summarize(owned);
    }
    await this.#measureCredentials();
    return this.#costs;
  }

  /** Credentials that one client makes, and another one verifies without a request. */
  async #measureCredentials(): Promise<void> {
    const { server, early, late } = this.#work;
    const maker = await MeteredClient.open(server);
    await this.#contacts.measure(async (directory) => void (await directory.heads()));
    const costs: Record<string, Cost[]> = {};
    const note = (what: string, cost: Cost): void => void (costs[what] ??= []).push(cost);
    for (const name of [...early, ...late]) {
      let made: MadeCredential | undefined;
      const making = await maker.measure(async (directory) => {
        made = await directory.credential(name);
      });
      const { type, text } = made as unknown as MadeCredential;
      note(`credential, ${type}, made`, making);
      const verifying = await this.#contacts.measure(async (directory) => {
        const { final } = await directory.verifyCredential(text);
        if (final !== (type === 'standard')) throw new Error(`a ${type} credential that is another`);
      });
      note(`credential, ${type}, verified`, verifying);
    }
    const settling = await this.#contacts.measure(async (directory) => void (await directory.settleCredentials()));
    for (const [what, all] of Object.entries(costs)) this.#costs[what] = summarize(all);
    this.#costs['credentials, asked whether they are settled'] = summarize([settling]);
  }
}

async function lookUp(directory: KeyDirectory, name: string): Promise<void> {
  const result = await directory.lookup(name);
  if (!result.found || result.binding.certificates.length !== 1) throw new Error(`${name} has no certificate`);
}

async function missLookup(directory: KeyDirectory, name: string): Promise<void> {
  if ((await directory.lookup(name)).found) throw new Error(`${name} is there`);
}

/** A client whose requests are measured, with its state in memory or, in a browser, in IndexedDB. */
export class MeteredClient {
  static #opened = 0;
  #waitedMs = 0;
  #requests = 0;
  #requestBytes = 0;
  #responseBytes = 0;
  #directory: KeyDirectory | undefined;

  static async open(server: string): Promise<MeteredClient> {
    const client = new MeteredClient();
    const state: StateStore =
      'indexedDB' in globalThis ? new IndexedDbState(`client-${MeteredClient.#opened++}`) : new MemoryState();
    client.#directory = await KeyDirectory.open({ server, state, fetch: (url, init) => client.#fetch(url, init) });
    return client;
  }

  /** Runs one operation. */
  async measure(work: (directory: KeyDirectory) => Promise<void>): Promise<Cost> {
    if (this.#directory === undefined) throw new Error('not open');
    this.#waitedMs = 0;
    this.#requests = 0;
    this.#requestBytes = 0;
    this.#responseBytes = 0;
    const start = performance.now();
    await work(this.#directory);
    return {
      ms: performance.now() - start - this.#waitedMs,
      requests: this.#requests,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
    };
  }

  async #fetch(url: string, init: RequestInit | undefined): Promise<Response> {
    const start = performance.now();
    const response = await fetch(url, init);
    const body = await response.arrayBuffer();
    this.#requests++;
    const sent: unknown = init?.body;
    if (sent instanceof Uint8Array || typeof sent === 'string') this.#requestBytes += sent.length;
    this.#responseBytes += body.byteLength;
    this.#waitedMs += performance.now() - start;
    return new Response(body, { status: response.status, headers: response.headers });
  }
}

/** Sums up. */
export function summarize(costs: readonly Cost[]): CostSummary {
  const ms = costs.map((cost) => cost.ms).sort((a, b) => a - b);
  const responses = costs.map((cost) => cost.responseBytes);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const round = (value: number): number => Number(value.toFixed(2));
  return {
    runs: costs.length,
    p50Ms: round(ms[ms.length >> 1] ?? 0),
    maxMs: round(ms.at(-1) ?? 0),
    requests: round(mean(costs.map((cost) => cost.requests))),
    requestBytes: Math.round(mean(costs.map((cost) => cost.requestBytes))),
    responseBytes: Math.round(mean(responses)),
    maxResponseBytes: Math.max(...responses),
  };
}
