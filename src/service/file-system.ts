import type * as node from 'node:fs/promises';

/** The part of `node:fs/promises` that the service writes with; tests put one in its place that fails. */
export type FileSystem = Pick<
  typeof node,
  'link' | 'mkdir' | 'open' | 'readFile' | 'readdir' | 'rename' | 'stat' | 'unlink'
>;
