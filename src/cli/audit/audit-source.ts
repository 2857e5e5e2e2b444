import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { httpAuditFiles, type AuditFiles } from '../../client/audit/audit-files.ts';
import { GlasskeyError } from '../../core/errors.ts';

/** Where the files of a log are: plain data, so that a thread can be told. */
export type AuditSource =
  | { readonly type: 'http'; /** URL of the log's prefix, with its final slash. */ readonly prefix: string }
  | { readonly type: 'folder'; /** The folder of the log's prefix. */ readonly folder: string };

/** Longest time for one file. */
const TIMEOUT_MS = 60_000;

/** Opens a log's files, untrusted. */
export function openSource(source: AuditSource): AuditFiles {
  if (source.type === 'folder') return folderLogFiles(source.folder);
  return httpAuditFiles({ prefix: source.prefix, fetch: (url, init) => fetch(url, init), timeoutMs: TIMEOUT_MS });
}

/** The files of a log in a folder, as a static web server has them; compressed or not. */
export function folderLogFiles(folder: string): AuditFiles {
  return {
    read: async (path, maximum) => {
      let bytes: Uint8Array;
      try {
        bytes = await readFile(join(folder, path));
        if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: maximum });
      } catch (cause) {
        throw new GlasskeyError('bad-response', `${path}: cannot be read`, { cause });
      }
      if (bytes.length > maximum) throw new GlasskeyError('bad-response', `${path}: more than ${maximum} bytes`);
      return bytes;
    },
  };
}
