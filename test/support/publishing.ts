import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditLog, type AuditOptions } from '../../src/client/audit/audit-log.ts';
import { fileServer } from '../../src/client/audit/damaged-copy.ts';
import { Transport } from '../../src/client/transport.ts';
import type { NoteCosigner } from '../../src/core/audit/cosignature.ts';
import { formatNote, parseNote } from '../../src/core/audit/note.ts';
import { parseVkey } from '../../src/core/audit/vkey.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { equalBytes, formatHex, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { ensure } from '../../src/core/errors.ts';
import type { LogSource } from '../../src/service/publish/log-source.ts';
import { httpLogSource } from '../../src/service/publish/log-source.ts';
import type { PublishTrust } from '../../src/service/publish/publish-log.ts';
import type { PublishTarget, StoredFile } from '../../src/service/publish/publish-target.ts';
import { type StaticLog, testLeaf } from './static-log.ts';

/** A log as a publisher reads it. */
export function sourceOf(log: StaticLog): LogSource {
  return httpLogSource({ prefix: 'http://log.test/log/', fetch: (url) => log.fetch(url) });
}

/** Whom a publisher of the log believes. */
export function trustOf(log: StaticLog): PublishTrust {
  return {
    origin: log.origin,
    vkeys: [parseVkey(log.vkey)],
    configs: [log.config],
    bundleKey: parseBase64(log.bundle.bundleKey),
  };
}

/** Adds entries, some of them with a leaf, and releases the new size. */
export async function growTo(log: StaticLog, size: number): Promise<void> {
  const every = size > 1000 ? 500 : 3;
  for (let i = log.entries.length; i < size; i++) log.append(i % every === 0 ? [testLeaf(i)] : [], 1_000_000 + i);
  await log.release();
}

/** Audits what a reader gets by `read`: paths relative to the root of the copy. Gives the size of the tree. */
export async function auditCopy(
  log: StaticLog,
  read: (path: string) => Promise<Uint8Array | undefined>,
  more: Pick<AuditOptions, 'held' | 'state'> & { readonly logServers?: readonly string[] } = {},
): Promise<number> {
  const fetchCopy = async (url: string): Promise<Response> => {
    const bytes = await read(new URL(url).pathname.slice(1));
    return bytes === undefined ? new Response('no such file', { status: 404 }) : new Response(bytes.slice());
  };
  const server = 'http://copy.test';
  const transport = new Transport({ server, fetch: fetchCopy, timeoutMs: 10_000 });
  const { logServers = [], ...options } = more;
  const report = await auditLog({
    baseUrl: server,
    bundle: log.bundle,
    fetch: fetchCopy,
    fileServer: () => fileServer(transport, logServers),
    now: () => 2_000_000,
    ...options,
  });
  return report.treeSize;
}

/** Reads a folder as a static web server does. */
export function folderReader(folder: string): (path: string) => Promise<Uint8Array | undefined> {
  return (path) => readFile(join(folder, path)).catch(() => undefined);
}

/** What the checkpoint of a copy promises is there: an audit passes, or there is no checkpoint at all. */
export async function assertWhole(
  log: StaticLog,
  read: (path: string) => Promise<Uint8Array | undefined>,
): Promise<number> {
  return (await read('log/checkpoint')) === undefined ? 0 : auditCopy(log, read);
}

/** A target that tells of every write, in order. */
export function recorded(target: PublishTarget, writes: string[]): PublishTarget {
  return {
    read: (path) => target.read(path),
    flush: () => target.flush(),
    create: async (path, bytes) => {
      const outcome = await target.create(path, bytes);
      if (outcome === 'written') writes.push(path);
      return outcome;
    },
    restore: async (path, bytes, kind) => {
      await target.restore(path, bytes, kind);
      writes.push(path);
    },
    replace: async (path, bytes, expected) => {
      await target.replace(path, bytes, expected);
      writes.push(path);
    },
  };
}

/** A checkpoint with the cosignature of one more witness. */
export async function cosign(checkpoint: string, witness: NoteCosigner, timestampMs: number): Promise<string> {
  const note = parseNote(checkpoint);
  return formatNote({ ...note, signatures: [...note.signatures, await witness.cosign(note.text, timestampMs)] });
}

/** A target in memory. */
export class MemoryTarget implements PublishTarget {
  readonly files = new Map<string, Uint8Array>();

  async read(path: string): Promise<StoredFile | undefined> {
    const bytes = this.files.get(path);
    return bytes === undefined ? undefined : { bytes, tag: formatHex(sha256(bytes)) };
  }

  async create(path: string, bytes: Uint8Array): Promise<'written' | 'there'> {
    const known = this.files.get(path);
    if (known !== undefined && equalBytes(known, bytes)) return 'there';
    ensure(known === undefined, 'published-differs', path);
    this.files.set(path, bytes);
    return 'written';
  }

  async replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void> {
    ensure((await this.read(path))?.tag === expected?.tag, 'head-moved', path);
    this.files.set(path, bytes);
  }

  async restore(path: string, bytes: Uint8Array): Promise<void> {
    this.files.set(path, bytes);
  }

  async flush(): Promise<void> {}
}
