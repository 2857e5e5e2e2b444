/** A file of a published log as it is stored now. */
export interface StoredFile {
  readonly bytes: Uint8Array;
  /** Which state of the file this is: for {@link PublishTarget.replace}. */
  readonly tag: string;
}

/**
 * Where a log is published: a folder, a bucket. Paths are relative, with slashes. Every method throws `storage-failed` where
 * the store fails; then the file is there whole, or is not there, or is what it was.
 */
export interface PublishTarget {
  /** The file at `path`; undefined where there is none. */
  read(path: string): Promise<StoredFile | undefined>;
  /**
   * What was written to `path` before, where a look costs less than fetching it anew, and makes it lasting by the next
   * {@link flush} if it is there; a target without this is not asked.
   */
  peek?(path: string): Promise<Uint8Array | undefined>;
  /**
   * Makes a file that never changes. `there` where the same bytes are there already. Throws `published-differs` where other
   * bytes are, which stay.
   */
  create(path: string, bytes: Uint8Array): Promise<'written' | 'there'>;
  /**
   * Replaces a file that changes, in one step for every reader, if it still is `expected` (undefined: if there is none).
   * Throws `head-moved` where it is not.
   */
  replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void>;
  /** Resolves when all that was written before stays, whatever happens to the computer. */
  flush(): Promise<void>;
}

/** Where the files of the log are, below the target's root: as a server has them. */
export const PUBLISHED_LOG = 'log/';

/** The one file of the log that changes. */
export const PUBLISHED_CHECKPOINT = `${PUBLISHED_LOG}checkpoint`;
