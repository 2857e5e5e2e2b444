import { type FileHandle, lstat, open, readFile, stat } from 'node:fs/promises';
import { ensure } from '../../core/errors.ts';
import { hasCode } from '../../host/lock-holder.ts';

/**
 * Reads a text file; undefined if nothing has its name. Throws `storage-failed` for a link to nothing, which is not the
 * same as no file, and for anything that is not a file: a pipe would block the reader.
 */
export function readIfPresent(path: string): Promise<string | undefined> {
  return ifPresentAt(path, () => readFile(path, 'utf8'));
}

/** Opens a file for reading; undefined and `storage-failed` as {@link readIfPresent}. The caller closes it. */
export function openIfPresent(path: string): Promise<FileHandle | undefined> {
  return ifPresentAt(path, () => open(path, 'r'));
}

async function ifPresentAt<T>(path: string, use: () => Promise<T>): Promise<T | undefined> {
  try {
    const isFile = (await stat(path)).isFile();
    ensure(isFile, 'storage-failed', `${path} is not a file: move it away`);
    return await use();
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  const isLink = await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  ensure(
    !isLink,
    'storage-failed',
    `${path} is a link to a file that is missing: restore that file, or remove the link`,
  );
  return undefined;
}
