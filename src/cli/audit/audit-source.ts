import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { httpAuditFiles, type AuditFiles } from '../../client/audit/audit-files.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { platformFetch } from '../../core/net/bounded-fetch.ts';

/** The place of a log's files, as plain data that can be passed to a thread. */
export type AuditSource =
  | { readonly type: 'http'; /** URL of the log's prefix, with its final slash. */ readonly prefix: string }
  | { readonly type: 'folder'; /** The folder of the log's prefix. */ readonly folder: string };

/** Longest time to fetch one file, ms. */
const TIMEOUT_MS = 60_000;

/** Opens the files of a log; their contents are untrusted. */
export function openSource(source: AuditSource): AuditFiles {
  if (source.type === 'folder') return folderLogFiles(source.folder);
  return httpAuditFiles({ prefix: source.prefix, fetch: platformFetch, timeoutMs: TIMEOUT_MS });
}

/** Returns the files of a log in a folder, as a static web server has them, compressed or not. */
export function folderLogFiles(folder: string): AuditFiles {
  return {
    read: async (path, maximum) => {
      let bytes: Uint8Array;
      try {
        const place = join(folder, path);
        const found = await stat(place);
        // A pipe would keep the audit waiting for ever. No file is longer compressed than without, but for some bytes.
        ensure(found.isFile() && found.size <= maximum + 1024, 'bad-response', 'no file, or too long');
        bytes = await readFile(place);
        if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: maximum });
      } catch (cause) {
        throw new GlasskeyError('bad-response', `cannot read ${path} in ${folder}`, { cause });
      }
      if (bytes.length > maximum) throw new GlasskeyError('bad-response', `${path} has more than ${maximum} bytes`);
      return bytes;
    },
  };
}
