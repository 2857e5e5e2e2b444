/** Where published proofs are read. Everything that it returns is untrusted. */
export interface AkdSource {
  /** Names the place in messages and reports. */
  readonly place: string;
  /** Returns the names of all objects whose name begins with `epoch/`: one, unless something is wrong. */
  namesOf(epoch: number): Promise<readonly string[]>;
  /** Returns the lowest epoch of all names; undefined without a name. It may have to read a whole listing. */
  firstEpoch(): Promise<number | undefined>;
  /** Returns the bytes of an object whose name `parseObjectName` accepts. */
  read(name: string): Promise<Uint8Array>;
}

/** Returns the lower one of an epoch and that of an untrusted name; names that begin with no epoch do not count. */
export function lowerEpoch(lowest: number | undefined, name: string): number | undefined {
  const digits = /^(0|[1-9][0-9]{0,14})\//.exec(name)?.[1];
  const epoch = Number(digits);
  return digits === undefined || (lowest !== undefined && lowest <= epoch) ? lowest : epoch;
}
