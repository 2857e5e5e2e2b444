import { parseConnectionString, transportWarning } from './connection-string.ts';
import { checkPostgresDurability } from './postgres-durability.ts';
import { listenPostgres } from './postgres-listener.ts';
import { lockPostgres } from './postgres-lock.ts';
import type { WriterLock } from './ports.ts';
import type { PostgresLimits } from './postgres-pool.ts';
import { PostgresStatements } from './postgres-statements.ts';
import { readPlacement } from './citus/distributed-tables.ts';
import type {
  Placement,
  RunInTransaction,
  SqlDriver,
  SqlOptions,
  SqlParameter,
  SqlRow,
  SqlStatements,
} from './sql-driver.ts';

/** Options of {@link PostgresDriver}. */
interface PostgresDriverOptions {
  readonly url: string;
  readonly limits: PostgresLimits;
  readonly synchronousCommit: string;
  /** True if the large tables are distributed. */
  readonly isDistributed: boolean;
}

/** A PostgreSQL database: one pool for requests, a small one for the writer and readiness, and single sessions. */
export class PostgresDriver implements SqlDriver {
  readonly kind = 'postgres';
  readonly shared = true;
  readonly #url: string;
  readonly #limits: PostgresLimits;
  readonly #open = new Set<{ close(): Promise<void> }>();
  readonly #requests: PostgresStatements;
  readonly #reserved: PostgresStatements;
  readonly placement: Placement;
  #isDistributed: boolean;
  #closed = false;

  constructor({ url, limits, synchronousCommit, isDistributed }: PostgresDriverOptions) {
    this.#url = url;
    this.#limits = limits;
    this.#isDistributed = isDistributed;
    const knows = (): boolean => this.#isDistributed;
    this.placement = {
      get isDistributed() {
        return knows();
      },
      recheck: () => this.#recheckPlacement(),
    };
    const common = { url, limits, synchronousCommit, isDistributed };
    this.#requests = new PostgresStatements({ ...common, connections: limits.connections });
    this.#reserved = new PostgresStatements({ ...common, connections: limits.reservedConnections });
  }

  get reserved(): SqlStatements {
    return this.#reserved;
  }

  query<Row extends SqlRow>(
    text: string,
    parameters: readonly SqlParameter[],
    options?: SqlOptions,
  ): Promise<readonly Row[]> {
    return this.#requests.query<Row>(text, parameters, options);
  }

  queryArrays(text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]> {
    return this.#requests.queryArrays(text, parameters);
  }

  queryAlone(key: string, text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]> {
    return this.#requests.queryAlone(key, text, parameters);
  }

  transaction<Result>(work: (run: RunInTransaction) => Promise<Result>): Promise<Result> {
    return this.#requests.transaction(work);
  }

  async listen(onPayload: (payload: string) => void, onGap: () => void): Promise<() => Promise<void>> {
    const listener = await listenPostgres({ url: this.#url, limits: this.#limits, onPayload, onGap });
    return this.#track(() => listener.stop());
  }

  async tryLock(logId: number): Promise<WriterLock | undefined> {
    const lock = await lockPostgres({ url: this.#url, limits: this.#limits, logId });
    if (lock === undefined) return undefined;
    const release = this.#track(() => lock.release());
    void lock.lost.then(release);
    return { ...lock, release };
  }

  async checkDurability(): Promise<{ readonly warnings: readonly string[] }> {
    const { warnings } = await checkPostgresDurability(this.#url, this.#limits);
    const weakness = transportWarning(parseConnectionString(this.#url));
    return { warnings: weakness === undefined ? warnings : [weakness, ...warnings] };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(Array.from(this.#open, (resource) => resource.close()));
    await Promise.all([this.#requests.close(), this.#reserved.close()]);
  }

  async #recheckPlacement(): Promise<boolean> {
    if (this.#isDistributed || !(await readPlacement(this.#url, this.#limits))) return false;
    this.#isDistributed = true;
    this.#requests.distribute();
    this.#reserved.distribute();
    return true;
  }

  /** Remembers a dedicated connection until it is stopped, so that `close` leaves nothing behind. */
  #track(stop: () => Promise<void>): () => Promise<void> {
    const resource = {
      close: async (): Promise<void> => {
        if (this.#open.delete(resource)) await stop();
      },
    };
    this.#open.add(resource);
    return resource.close;
  }
}
