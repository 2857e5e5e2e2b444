import { randomBytes } from 'node:crypto';
import * as node from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensure } from '../../core/errors.ts';
import { giveToFolderOwner } from '../../host/folder-owner.ts';
import { hasCode } from '../../host/lock-holder.ts';

/** The functions of `node:fs/promises` that change files here. */
export type DurableFiles = Pick<typeof node, 'open' | 'rename' | 'unlink'>;

/**
 * Writes a private file (mode 0600) so that after a crash it holds either the old or the new text. Where root writes,
 * it belongs to the owner of its folder.
 */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  await replaceDurably(path, text, node, async () => undefined);
}

/**
 * As {@link writeFileDurably}, with functions of the caller's, also for content that comes in parts. Runs
 * `assertCurrent` last before the file gets its name, and changes nothing if it throws.
 */
export async function replaceDurably(
  path: string,
  content: string | Uint8Array | Iterable<string>,
  files: DurableFiles,
  assertCurrent: () => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await files.open(temporary, 'wx', 0o600);
    try {
      await file.chmod(0o600);
      const parts = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
      // Each goes on where the one before ended.
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await giveToFolderOwner(temporary);
    await assertCurrent();
    await files.rename(temporary, path);
  } catch (error) {
    await files.unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path), files);
}

/**
 * Appends to a file of exactly `size` bytes and syncs it. A file that is not as the caller left it, before or after, is
 * another process's: `state-locked`. After a failure the file has its old size again, if the system allows it.
 */
export async function appendDurably(
  path: string,
  size: number,
  bytes: Uint8Array,
  files: DurableFiles = node,
): Promise<void> {
  // Not the flag 'a', which would create a file that has been removed.
  const file = await files.open(path, node.constants.O_WRONLY | node.constants.O_APPEND);
  try {
    await assertAt(path, file, size);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } catch (error) {
      await file.truncate(size).catch(() => undefined);
      throw error;
    }
    await assertAt(path, file, size + bytes.length);
  } finally {
    await file.close();
  }
}

/** Throws `state-locked` unless the open file has this size and still has its name. */
async function assertAt(path: string, file: node.FileHandle, size: number): Promise<void> {
  const [opened, named] = [await file.stat(), await node.stat(path)];
  const isSame = opened.size === size && opened.ino === named.ino && opened.dev === named.dev;
  ensure(isSame, 'state-locked', `another process has written ${path} meanwhile`);
}

/** Makes a new name in a folder durable; some systems cannot sync folders. */
export async function syncFolder(folder: string, files: DurableFiles = node): Promise<void> {
  try {
    const opened = await files.open(folder, 'r');
    try {
      await opened.sync();
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].some((code) => hasCode(error, code))) throw error;
  }
}
