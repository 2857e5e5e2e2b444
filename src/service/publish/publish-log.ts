import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import { type Checkpoint, type VerifiedCheckpoint, verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { findLogEndLeaf, LOG_END_FILE, MAX_LOG_END_BYTES, verifyLogEnd } from '../../core/audit/log-end.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { assertWitnessed } from '../../core/audit/policy.ts';
import type { Policy } from '../../core/audit/policy-parts.ts';
import { formatUpdatePath } from '../../core/audit/tile-path.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { decodeUtf8, encodeUtf8, equalBytes, formatBase64, formatHex, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import { auditorUpdateCodec } from '../../core/keytrans/auditor-update.ts';
import { verifyTreeHead } from '../../core/keytrans/tree-head.ts';
import { EMPTY_EDGE } from '../../core/log/tiled-tree.ts';
import type { LogSource } from './log-source.ts';
import { publishEntries } from './publish-entries.ts';
import { PUBLISHED_CHECKPOINT, PUBLISHED_LOG, type PublishTarget, type StoredFile } from './publish-target.ts';
import { readPublishedEdge } from './published-edge.ts';
import { readGrowth } from './read-growth.ts';

/** The keys to trust, from a trust bundle. */
export interface PublishTrust {
  readonly origin: string;
  readonly vkeys: readonly Vkey[];
  /** Keys of earlier bundles: they alone may have signed the published checkpoint. */
  readonly previousVkeys?: readonly Vkey[] | undefined;
  /** The Configurations that the newest entry may name: of the bundle, and of earlier ones. */
  readonly configs: readonly Configuration[];
  /** The Ed25519 key that signs the end of the log. */
  readonly bundleKey: Uint8Array;
  /** The cosignatures that a checkpoint needs to be published. Default: none. */
  readonly policy?: Policy | undefined;
}

/** Options of {@link publishLog}. */
export interface PublishOptions {
  readonly source: LogSource;
  readonly target: PublishTarget;
  readonly trust: PublishTrust;
  /** Now in ms since the epoch: cosignatures from the future do not count. */
  readonly now: () => number;
  /** AuditorUpdates copied at a time. Default: 16. */
  readonly concurrency?: number | undefined;
  /** Reports the number of entries copied so far, and in total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Inspects the copy before readers see the checkpoint. If it throws, the checkpoint is not published. */
  readonly inspect?: (() => Promise<void>) | undefined;
  /**
   * Accepts a tree head under a Configuration that no bundle at hand names, so that it cannot be verified; throws
   * otherwise. Default: that is `bad-audit-entry`.
   */
  readonly acceptUnknownHead?: ((path: string, body: Uint8Array) => Promise<void>) | undefined;
}

/** The outcome of {@link publishLog}. */
export interface Published {
  readonly treeSize: number;
  /** RFC 6962 root, lower-case hex. */
  readonly rootHash: string;
  /** Entries that this run added. */
  readonly entries: number;
  /** Files that this run wrote, without the checkpoint. */
  readonly files: number;
}

/**
 * Brings a published copy of a log up to the log's newest checkpoint. It copies everything that an audit reads, in an
 * order in which no reader sees a checkpoint with missing files. It overwrites only the checkpoint, and only with one
 * that continues it. A failed run can be repeated.
 *
 * The log is untrusted: each file is verified against the checkpoint before it is written. Whether the copy is also an
 * honest KEYTRANS log is for its auditors to verify. Throws `bad-checkpoint`, `not-witnessed`, `bad-log-proof`,
 * `bad-audit-entry`, `bad-auditor-update`, `bad-tree-head`, `bad-log-end`, `tree-rolled-back` or `log-forked` if the
 * log misbehaves. Throws `published-differs` if the copy was changed or is of another log, `head-moved` if another
 * publisher was faster, `network-failed`, `bad-response`, `storage-failed`, and what `inspect` throws.
 */
export async function publishLog(options: PublishOptions): Promise<Published> {
  const { source, target, trust } = options;
  const text = await source.read('checkpoint', MAX_NOTE_BYTES);
  const next = verifyCheckpoint(text, trust);
  ensure(next.size > 0, 'bad-checkpoint', 'the log has no entries');
  // Readers check for themselves that a checkpoint is recent enough.
  if (trust.policy !== undefined)
    assertWitnessed(trust.policy, next.note, { nowMs: options.now(), maxAgeMs: Infinity });
  const held = await readHeld(target, trust);
  if (held !== undefined) assertNotBehind(held.checkpoint, next);
  const published = held === undefined ? EMPTY_EDGE : await readPublishedEdge(target, held.checkpoint);
  let files = 0;
  if (published.size < next.size) {
    const growth = await readGrowth(source, published, next);
    const { concurrency = 16, onProgress = () => undefined } = options;
    const copied = await publishEntries({
      source,
      target,
      published,
      size: next.size,
      growth,
      concurrency,
      onProgress,
    });
    files = copied.files + (await publishHead(options, next.size, copied.last));
    files += await publishEnd(options, next.size);
  }
  await options.inspect?.();
  if (held === undefined || !equalBytes(held.stored.bytes, text)) {
    await target.flush();
    await target.replace(PUBLISHED_CHECKPOINT, text, held?.stored);
    await target.flush();
  }
  const entries = next.size - published.size;
  return { treeSize: next.size, rootHash: formatHex(next.rootHash), entries, files };
}

interface Held {
  readonly stored: StoredFile;
  readonly checkpoint: VerifiedCheckpoint;
}

async function readHeld(target: PublishTarget, trust: PublishTrust): Promise<Held | undefined> {
  const stored = await target.read(PUBLISHED_CHECKPOINT);
  if (stored === undefined) return undefined;
  try {
    const vkeys = [...trust.vkeys, ...(trust.previousVkeys ?? [])];
    return { stored, checkpoint: verifyCheckpoint(stored.bytes, { origin: trust.origin, vkeys }) };
  } catch (cause) {
    throw new GlasskeyError('published-differs', 'the published checkpoint is not of this log', { cause });
  }
}

/** Throws unless the log's next checkpoint is as large as a held one, and the same where it has the same size. */
export function assertNotBehind(held: Checkpoint, next: Checkpoint): void {
  const shrunk = `the log has ${next.size} entries, fewer than the ${held.size} that are published`;
  ensure(next.size >= held.size, 'tree-rolled-back', shrunk);
  const isSame = next.size > held.size || equalBytes(next.rootHash, held.rootHash);
  ensure(isSame, 'log-forked', `the log has signed two different roots of size ${next.size}`);
}

/** Copies the KEYTRANS tree head of the new size, which must be signed over the log root that its last entry names. */
async function publishHead(options: PublishOptions, size: number, last: AuditEntry): Promise<number> {
  const { source, target, trust } = options;
  const path = `head/${size}`;
  const signature = readHead(await source.read(path, 256 * 1024), size);
  const body = encodeUtf8(JSON.stringify({ size, signature: formatBase64(signature) }));
  const config = trust.configs.find((one) => equalBytes(last.configHash, sha256(encode(configurationCodec, one))));
  if (config === undefined) {
    const why = 'the last entry of the log has another Configuration than the trust bundle';
    ensure(options.acceptUnknownHead !== undefined, 'bad-audit-entry', why);
    await options.acceptUnknownHead(PUBLISHED_LOG + path, body);
    return 0;
  }
  try {
    verifyTreeHead(config, { treeSize: size, signature }, last.logRoot);
  } catch (cause) {
    throw new GlasskeyError('bad-tree-head', 'the KEYTRANS tree head does not match the last log entry', { cause });
  }
  return (await target.create(PUBLISHED_LOG + path, body)) === 'written' ? 1 : 0;
}

/** Copies the statement of the log's end, if the last entry ends the log. */
async function publishEnd({ source, target, trust }: PublishOptions, size: number): Promise<number> {
  const stored = await target.read(PUBLISHED_LOG + formatUpdatePath(size - 1));
  ensure(stored !== undefined, 'published-differs', 'the last AuditorUpdate was copied, but is missing');
  const leaf = findLogEndLeaf(decode(auditorUpdateCodec, stored.bytes).added);
  if (leaf === undefined) return 0;
  const encoded = await source.read(LOG_END_FILE, MAX_LOG_END_BYTES);
  verifyLogEnd(encoded, trust, { position: size - 1, leaf });
  return (await target.create(PUBLISHED_LOG + LOG_END_FILE, encoded)) === 'written' ? 1 : 0;
}

/** Parses the signature in an untrusted `head/<size>`. Throws `bad-response`. */
function readHead(body: Uint8Array, size: number): Uint8Array {
  try {
    const head = JSON.parse(decodeUtf8(body)) as { readonly size?: unknown; readonly signature?: unknown } | null;
    ensure(head?.size === size && typeof head.signature === 'string', 'bad-response', 'not the tree head of this size');
    return parseBase64(head.signature);
  } catch (cause) {
    throw new GlasskeyError('bad-response', `head/${size} is not a tree head of that size`, { cause });
  }
}
