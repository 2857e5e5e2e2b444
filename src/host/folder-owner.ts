import { chown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Gives a file that root wrote to the owner of its folder: a server that runs as that user could not read it otherwise.
 * Does nothing for anybody but root.
 */
export async function giveToFolderOwner(path: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const folder = await stat(dirname(path));
  if (folder.uid !== 0 || folder.gid !== 0) await chown(path, folder.uid, folder.gid);
}
