import { constants } from 'node:fs';
import { open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AkdSource, lowerEpoch } from '../../akd/akd-source.ts';
import { ensure } from '../../core/errors.ts';

/** Most names of one epoch that are read: one is right, and two are enough to say what is wrong. */
const MAX_NAMES_OF_EPOCH = 10;

/** Returns the objects of a folder, as files `EPOCH/PREVIOUS/CURRENT` of at most `maxBytes`. */
export function folderSource(folder: string, maxBytes: number): AkdSource {
  return {
    place: folder,
    namesOf: async (epoch) => {
      const names: string[] = [];
      for await (const previous of entriesOf(join(folder, String(epoch)))) {
        for await (const current of entriesOf(join(folder, String(epoch), previous))) {
          names.push(`${epoch}/${previous}/${current}`);
          if (names.length >= MAX_NAMES_OF_EPOCH) return names;
        }
      }
      return names;
    },
    firstEpoch: async () => {
      let lowest: number | undefined;
      for await (const name of entriesOf(folder)) lowest = lowerEpoch(lowest, `${name}/`);
      return lowest;
    },
    read: (name) => readBounded(join(folder, name), maxBytes),
  };
}

/** Yields the names in a folder; none if there is no such folder. */
async function* entriesOf(folder: string): AsyncGenerator<string> {
  try {
    for await (const entry of await opendir(folder)) yield entry.name;
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
}

/** Reads a file of at most `maxBytes`. Throws `usage` for a longer one, `storage-failed` for what is no file. */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  // Without waiting for a writer, if somebody put a pipe there.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    ensure(found.isFile(), 'storage-failed', `${path} is not a file`);
    ensure(found.size <= maxBytes, 'usage', `${path} is longer than ${maxBytes} bytes`);
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}
