/** Most bytes of one published file: an AuditorUpdate has at most 2 MiB. */
export const MAX_PUBLISHED_BYTES = 4 * 1024 * 1024;

/** A file of a published log, as stored now. */
export interface StoredFile {
  readonly bytes: Uint8Array;
  /** Identifies this state of the file, for {@link PublishTarget.replace}. */
  readonly tag: string;
}

/**
 * The place where a log is published: a folder or a bucket. Paths are relative, with slashes. Every method throws
 * `storage-failed` if the store fails; the file is then whole, missing or unchanged.
 */
export interface PublishTarget {
  /**
   * Returns the file at `path`; undefined if there is none. Throws `published-differs` for what no publisher wrote: a
   * folder, a device, more than {@link MAX_PUBLISHED_BYTES}.
   */
  read(path: string): Promise<StoredFile | undefined>;
  /**
   * Returns what an earlier run wrote to `path`, and makes it durable by the next {@link flush}. A target has this
   * method only if a look costs less than to fetch the file again.
   */
  peek?(path: string): Promise<Uint8Array | undefined>;
  /**
   * Makes a file that never changes. Returns `there` if it already has the same bytes. Throws `published-differs` if it
   * has other bytes, and leaves them.
   */
  create(path: string, bytes: Uint8Array): Promise<'written' | 'there'>;
  /**
   * Replaces a file atomically if it is still `expected` (undefined: if there is none). Throws `head-moved` if it is
   * not.
   */
  replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void>;
  /** Puts a file in the place of whatever is there, atomically. Only for repairs. */
  restore(path: string, bytes: Uint8Array, kind: 'fixed' | 'changing'): Promise<void>;
  /** Resolves once everything written before is durable. */
  flush(): Promise<void>;
}

/** The folder of the log's files below the target's root, with the same paths as on a server. */
export const PUBLISHED_LOG = 'log/';

/** The one file of the log that changes. */
export const PUBLISHED_CHECKPOINT = `${PUBLISHED_LOG}checkpoint`;
