/** Where published proofs are read. Everything that it returns is untrusted. */
export interface AkdSource {
  /** Names the place in messages and reports. */
  readonly place: string;
  /**
   * Returns the names of all objects below `epoch/`. A log that is in order has one. Ends early if the signal is
   * aborted.
   */
  namesOf(epoch: number, signal?: AbortSignal): Promise<readonly string[]>;
  /** Returns the lowest epoch of all names; undefined without a name. It may have to read a whole listing. */
  firstEpoch(): Promise<number | undefined>;
  /** Returns the bytes of an object whose name `parseObjectName` accepts. Ends early if the signal is aborted. */
  read(name: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** True if a user gave the names, and may have left some out: what is not among them accuses nobody. */
  readonly isPartial?: boolean;
}

/** Returns the lower of an epoch and that of an untrusted name. Ignores a name without an epoch. */
export function lowerEpoch(lowest: number | undefined, name: string): number | undefined {
  const digits = /^(0|[1-9][0-9]{0,14})\//.exec(name)?.[1];
  const epoch = Number(digits);
  return digits === undefined || (lowest !== undefined && lowest <= epoch) ? lowest : epoch;
}
