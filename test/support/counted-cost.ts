import type { PGlite, QueryOptions } from '@electric-sql/pglite';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { installSha256 } from '../../src/core/crypto/sha256.ts';
import { nativeSha256 } from '../../src/native/native-hashes.ts';
import type { VrfProver } from '../../src/core/crypto/vrf-prover.ts';

/** What some work has cost, counted where it is spent. */
export interface Cost {
  /** Statements, each a round trip to the database: the tables that it names. */
  readonly roundTrips: readonly string[];
  /** Bytes of the statements' parameters. */
  readonly parameterBytes: number;
  readonly vrfProofs: number;
  readonly hashes: number;
}

/** Counts the statements of a database, the proofs of a VRF, and all SHA-256 hashes of this process. */
export class CostCounter {
  #roundTrips: string[] = [];
  #parameterBytes = 0;
  #vrfProofs = 0;
  #hashes = 0;
  readonly #database: PGlite;
  /** Runs a statement that is not counted. */
  readonly query: PGlite['query'];

  constructor(database: PGlite) {
    this.#database = database;
    this.query = database.query.bind(database);
    database.query = <T>(text: string, parameters?: unknown[], options?: QueryOptions) => {
      this.#roundTrips.push(tablesOf(text));
      for (const parameter of parameters ?? [])
        if (typeof parameter === 'string') this.#parameterBytes += parameter.length;
      return this.query<T>(text, parameters, options);
    };
    installSha256((message) => {
      this.#hashes++;
      return nativeSha256(message);
    });
  }

  /** Returns a prover whose proofs are counted. */
  readonly counted = (prover: VrfProver): VrfProver => ({
    publicKey: prover.publicKey,
    prove: (inputs, signal) => {
      this.#vrfProofs += inputs.length;
      return prover.prove(inputs, signal);
    },
  });

  /** Returns what `work` costs, with all that it leaves to do. Nothing else may be under way. */
  async costOf<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly cost: Cost }> {
    this.#roundTrips = [];
    this.#parameterBytes = this.#vrfProofs = this.#hashes = 0;
    const result = await work();
    const cost = {
      roundTrips: this.#roundTrips,
      parameterBytes: this.#parameterBytes,
      vrfProofs: this.#vrfProofs,
      hashes: this.#hashes,
    };
    return { result, cost };
  }

  /** Stops counting. */
  stop(): void {
    Reflect.deleteProperty(this.#database, 'query');
    installSha256(nobleSha256);
  }
}

/** The tables that a statement names, in the order of the names. */
function tablesOf(text: string): string {
  const named = text.matchAll(/\b(?:from|into|update|join) "(\w+)"/g);
  const tables = new Set(Array.from(named, ([, table]) => table as string));
  return [...tables].toSorted().join(' ');
}
