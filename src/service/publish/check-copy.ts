import { type Checkpoint, verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { formatUpdatePath } from '../../core/audit/tile-path.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { CheckedTarget, type CopyFault } from './checked-target.ts';
import type { LogSource } from './log-source.ts';
import { assertNotBehind, publishLog, type PublishOptions } from './publish-log.ts';
import { PUBLISHED_CHECKPOINT, PUBLISHED_LOG, type PublishTarget } from './publish-target.ts';

/** Options of {@link checkCopy}. */
export interface CheckCopyOptions extends Omit<PublishOptions, 'inspect' | 'acceptUnknownHead'> {
  /** Replaces what is missing, truncated or wrong by verified files of the log. */
  readonly repair: boolean;
  /** Repairs the checkpoint too. A copy whose checkpoint must be audited first leaves it alone. */
  readonly repairCheckpoint: boolean;
}

/** The outcome of {@link checkCopy}. */
export interface CheckedCopy {
  /** The size at which the copy was checked: that of its own checkpoint if it has a readable one. */
  readonly treeSize: number;
  /** Files that were compared. */
  readonly files: number;
  /** Every damaged file that was found. `repair` has mended all of them, except a checkpoint that it leaves alone. */
  readonly faults: readonly CopyFault[];
}

/**
 * Compares every file that a reader of the copy's checkpoint needs with that of the log, verified against this
 * checkpoint. Fetches everything again, and trusts neither the log nor the copy. Without a readable checkpoint, the
 * copy is checked under the newest one of the log. Each repair is atomic, and a failed run can be repeated. Throws
 * `tree-rolled-back` or `log-forked` if the log does not continue the copy, and what `publishLog` throws if the log
 * serves files that do not match the checkpoint. Throws `published-differs` for a damaged tree head that no bundle at
 * hand can verify.
 */
export async function checkCopy(options: CheckCopyOptions): Promise<CheckedCopy> {
  const { source, target, trust, repair, repairCheckpoint } = options;
  const vkeys = [...trust.vkeys, ...(trust.previousVkeys ?? [])];
  // In this order, since somebody may publish meanwhile.
  const held = await readHeld(target, { ...trust, vkeys });
  const newest = await source.read('checkpoint', MAX_NOTE_BYTES);
  if (held !== undefined) assertNotBehind(held, verifyCheckpoint(newest, trust));
  const { size } = held ?? verifyCheckpoint(newest, trust);
  const last = PUBLISHED_LOG + formatUpdatePath(Math.max(size - 1, 0));
  const unreadable = new Set([PUBLISHED_CHECKPOINT]);
  const checked = new CheckedTarget({ target, repair, unreadable }, [last]);
  const checkedCheckpoint = new CheckedTarget({ target, repair: repair && repairCheckpoint, unreadable });
  await publishLog({
    ...options,
    // The quorum was asked for when the held checkpoint was published.
    trust: held === undefined ? trust : { ...trust, vkeys, policy: undefined },
    source: under(source, held?.bytes ?? newest),
    target: {
      read: (path) => checked.read(path),
      create: (path, bytes) => checked.create(path, bytes),
      replace: (path, bytes, expected) => checkedCheckpoint.replace(path, bytes, expected),
      restore: (path, bytes, kind) => checked.restore(path, bytes, kind),
      flush: () => checked.flush(),
    },
    acceptUnknownHead: (path, body) => assertSameHead(checked, path, body),
  });
  const faults = [...checked.faults, ...checkedCheckpoint.faults];
  return { treeSize: size, files: checked.files + checkedCheckpoint.files, faults };
}

/** The source, under a checkpoint that was read before. */
function under(source: LogSource, checkpoint: Uint8Array): LogSource {
  return { read: async (path, maximum) => (path === 'checkpoint' ? checkpoint : source.read(path, maximum)) };
}

interface HeldCheckpoint extends Checkpoint {
  readonly bytes: Uint8Array;
}

/** Reads the checkpoint of the copy; undefined if there is none of this log. */
async function readHeld(
  target: PublishTarget,
  trust: Parameters<typeof verifyCheckpoint>[1],
): Promise<HeldCheckpoint | undefined> {
  try {
    const bytes = (await target.read(PUBLISHED_CHECKPOINT))?.bytes;
    return bytes && { ...verifyCheckpoint(bytes, trust), bytes };
  } catch (error) {
    if (!isGlasskeyError(error) || error.fault === 'storage') throw error;
    return undefined;
  }
}

/** Compares the tree head of a Configuration that is not known any more: it can be neither verified nor repaired. */
async function assertSameHead(target: PublishTarget, path: string, body: Uint8Array): Promise<void> {
  const stored = await target.read(path);
  const isSame = stored !== undefined && equalBytes(stored.bytes, body);
  const why = `${path} is damaged, and of a Configuration that the trust bundle no longer names: give the earlier bundle`;
  ensure(isSame, 'published-differs', `${why} with --trust, or publish the newest checkpoint`);
}
