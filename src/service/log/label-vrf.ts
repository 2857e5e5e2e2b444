import { VRF_OUTPUT_LENGTH } from '../../core/crypto/vrf-ed25519.ts';
import type { VrfProver, VrfResult } from '../../core/crypto/vrf-prover.ts';
import { encodeVrfInput } from '../../core/keytrans/vrf-input.ts';
import { assertWanted } from '../../core/still-wanted.ts';
import { RecentCache } from '../../core/recent-cache.ts';

/**
 * The VRF of a log, through bounded caches. A result costs about 0.3 ms. The cache pays for versions that a lookup
 * shows as absent, and for version 0, the key of a label's rows. It holds strings of bytes, which take a fourth of the
 * memory of byte arrays.
 */
export class LabelVrf {
  readonly #prover: VrfProver;
  readonly #cache: RecentCache<string>;
  /** Keys of labels that were learnt without an evaluation. */
  readonly #labelKeys: RecentCache<string>;
  /** Evaluations under way that no asker can call off, by their inputs. */
  readonly #pending = new Map<string, Promise<VrfResult>>();

  constructor(prover: VrfProver, cacheSize: number) {
    this.#prover = prover;
    this.#cache = new RecentCache(cacheSize);
    this.#labelKeys = new RecentCache(cacheSize);
  }

  /**
   * Returns the VRF results of some versions of a label, in order. Throws `invalid-request` if the signal is aborted
   * before they are evaluated.
   */
  async evaluate(label: Uint8Array, versions: readonly number[], signal?: AbortSignal): Promise<readonly VrfResult[]> {
    const inputs = versions.map((version) => encodeVrfInput(label, version));
    const keys = inputs.map(byteString);
    const known = keys.map((key) => this.#recall(key));
    if (known.every((result) => result !== undefined)) return known;
    const missing = new Map(keys.map((key, i) => [key, inputs[i] as Uint8Array]));
    keys.forEach((key, i) => (known[i] !== undefined || this.#pending.has(key)) && missing.delete(key));
    const made = missing.size === 0 ? new Map<string, Promise<VrfResult>>() : this.#make(missing, signal);
    return Promise.all(
      keys.map(async (key, i) => known[i] ?? ((made.get(key) ?? this.#pending.get(key)) as Promise<VrfResult>)),
    );
  }

  /** Evaluates inputs, by their keys. Others that need a result meanwhile share it, unless the signal can end it. */
  #make(missing: ReadonlyMap<string, Uint8Array>, signal: AbortSignal | undefined): Map<string, Promise<VrfResult>> {
    assertWanted(signal);
    const proved = this.#prover.prove([...missing.values()], signal);
    const made = new Map<string, Promise<VrfResult>>();
    for (const [index, key] of [...missing.keys()].entries()) {
      const result = this.#remember(
        key,
        proved.then((all) => all[index] as VrfResult),
      );
      made.set(key, result);
      if (signal === undefined) this.#pending.set(key, result);
    }
    return made;
  }

  async #remember(key: string, evaluation: Promise<VrfResult>): Promise<VrfResult> {
    try {
      const result = await evaluation;
      this.#cacheResult(key, result);
      return result;
    } finally {
      this.#pending.delete(key);
    }
  }

  #cacheResult(key: string, { output, proof }: VrfResult): void {
    this.#cache.set(key, byteString(output) + byteString(proof));
  }

  #recall(key: string): VrfResult | undefined {
    const text = this.#cache.get(key);
    if (text === undefined) return undefined;
    const bytes = bytesOf(text);
    return { output: bytes.slice(0, VRF_OUTPUT_LENGTH), proof: bytes.slice(VRF_OUTPUT_LENGTH) };
  }

  /** Returns the key of a label's rows if it is in a cache. */
  knownLabelKey(label: Uint8Array): Uint8Array | undefined {
    const learnt = this.#labelKeys.get(byteString(label));
    if (learnt !== undefined) return bytesOf(learnt);
    return this.#recall(byteString(encodeVrfInput(label, 0)))?.output;
  }

  /** Remembers the key of a label, and VRF results by version. The caller has proved that they are the label's. */
  learn(label: Uint8Array, labelKey: Uint8Array, results: ReadonlyMap<number, VrfResult>): void {
    this.#labelKeys.set(byteString(label), byteString(labelKey));
    for (const [version, result] of results) this.#cacheResult(byteString(encodeVrfInput(label, version)), result);
  }

  /** Returns true if the results of these versions of a label are in the cache. */
  knows(label: Uint8Array, versions: readonly number[]): boolean {
    return versions.every((version) => this.#cache.get(byteString(encodeVrfInput(label, version))) !== undefined);
  }

  /** Returns the key under which a label's rows are stored: the VRF output of version 0. */
  async labelKey(label: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const known = this.knownLabelKey(label);
    if (known !== undefined) return known;
    const [result] = await this.evaluate(label, [0], signal);
    return (result as VrfResult).output;
  }
}

function byteString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
