/** A version of a label, as a directory without any cryptography has it. */
export interface ModelVersion {
  readonly value: string;
  /** The log entry that made it. */
  readonly position: number;
}

/**
 * What a log is to its users, without trees and proofs: entries with timestamps, and a list of versions for each label. It
 * says what every operation has to give, straight from the words of the draft.
 */
export class DirectoryModel {
  readonly #windowMs: number;
  readonly #lifetimeMs: number | undefined;
  readonly timestamps: number[] = [];
  readonly #versions = new Map<string, ModelVersion[]>();

  constructor(windowMs: number, lifetimeMs: number | undefined) {
    this.#windowMs = windowMs;
    this.#lifetimeMs = lifetimeMs;
  }

  append(timestampMs: number, labels: readonly string[]): void {
    const position = this.timestamps.length;
    this.timestamps.push(timestampMs);
    for (const label of labels) {
      const versions = this.#versions.get(label) ?? [];
      versions.push({ value: `value ${versions.length} of ${label}`, position });
      this.#versions.set(label, versions);
    }
  }

  get size(): number {
    return this.timestamps.length;
  }

  versions(label: string): readonly ModelVersion[] {
    return this.#versions.get(label) ?? [];
  }

  /** The greatest version of a label; undefined where there is none. */
  greatest(label: string, position = this.size - 1): number | undefined {
    const count = this.versions(label).filter((version) => version.position <= position).length;
    return count === 0 ? undefined : count - 1;
  }

  isExpired(position: number): boolean {
    const age = (this.timestamps.at(-1) as number) - (this.timestamps[position] as number);
    return this.#lifetimeMs !== undefined && age >= this.#lifetimeMs;
  }

  /**
   * Whether a version must be shown to whoever asks for it (KT §7.2): nothing has expired, or what its owner had to check has
   * not: the entry that made it, if it is the greatest there, or one to the left.
   */
  isSurelyShown(label: string, version: number): boolean {
    if (!this.isExpired(0)) return true;
    const [made, next] = this.versions(label).slice(version);
    const { position } = made as ModelVersion;
    const last = next?.position === position ? position - 1 : position;
    return this.distinguished().some((checked) => checked <= last && !this.isExpired(checked));
  }

  /**
   * The distinguished entries, left to right (KT §6.1): of the entries between two others (or the ends of time), the one
   * with the greatest power of two below it, if the two are a window apart.
   */
  distinguished(): number[] {
    const found: number[] = [];
    const visit = (start: number, end: number, leftMs: number, rightMs: number): void => {
      if (start >= end || rightMs - leftMs < this.#windowMs) return;
      const middle = start + 2 ** Math.floor(Math.log2(end - start)) - 1;
      const middleMs = this.timestamps[middle] as number;
      found.push(middle);
      visit(start, middle, leftMs, middleMs);
      visit(middle + 1, end, middleMs, rightMs);
    };
    visit(0, this.size, 0, this.timestamps.at(-1) as number);
    return found.sort((a, b) => a - b);
  }
}
