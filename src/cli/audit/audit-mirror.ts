import type { HeldCheckpoint } from '../../client/audit/assert-continues.ts';
import type { KeepCopy } from '../../client/audit/audit-log.ts';
import type { AuditFiles } from '../../client/audit/audit-files.ts';
import { canonicalBundle } from '../../contract/bundle-signature.ts';
import { assertSuccessor } from '../../contract/bundle-successor.ts';
import type { SignedTrustBundle, TrustBundle } from '../../contract/trust-bundle.ts';
import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { publishLog, type PublishTrust } from '../../service/publish/publish-log.ts';
import { PUBLISHED_CHECKPOINT, PUBLISHED_LOG, type PublishTarget } from '../../service/publish/publish-target.ts';
import { publishBundle } from '../publish/publish-bundle.ts';

/** A copy of a log in a folder. Its readers see audited checkpoints only. */
export interface Mirror {
  /** Brings the copy up to the audited size. */
  readonly keepCopy: KeepCopy;
  /** The checkpoint of the copy, which the log must continue, whatever the auditor's own state says. */
  readonly held: readonly HeldCheckpoint[];
}

/** The source and the target of a copy. */
export interface MirrorOptions {
  readonly target: PublishTarget;
  /** The bundle that the server shows. */
  readonly served: SignedTrustBundle;
  /** The bundle that the audit trusts. */
  readonly bundle: TrustBundle;
  readonly now: () => number;
  /** Called now and then with the number of copied entries and of all entries. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Prepares the copy for an audit, and publishes the trust bundle in it. The files of the log are written in the order
 * of `glasskey publish`; the checkpoint comes last, after the audit of the copy itself, so that readers see verified
 * content only. A run that was interrupted is continued. Throws what {@link assertSameBundle} throws,
 * `published-differs`, `head-moved`, `storage-failed`.
 */
export async function openMirror(options: MirrorOptions): Promise<Mirror> {
  const { target, served, bundle, now, onProgress } = options;
  assertSameBundle(bundle, served);
  const { trust } = await publishBundle(target, served, undefined);
  return {
    held: await heldCheckpoint(target, trust),
    keepCopy: async (source, inspect) => {
      await publishLog({ source, target, trust, now, onProgress, inspect: () => inspect(copyOf(target)) });
    },
  };
}

/**
 * Throws unless the server still shows the trusted bundle: `head-moved` if it shows a lawful successor by now, which
 * the next run takes up, and what `assertSuccessor` throws.
 */
export function assertSameBundle(trusted: TrustBundle, served: SignedTrustBundle): void {
  assertSuccessor(trusted, served);
  const isSame = canonicalBundle(served.bundle) === canonicalBundle(trusted);
  ensure(isSame, 'head-moved', 'the log got a new trust bundle meanwhile. Next: run this again');
}

/** Returns the files of a copy as a reader gets them. */
function copyOf(target: PublishTarget): AuditFiles {
  return {
    read: async (path, maximum) => {
      const bytes = (await target.read(PUBLISHED_LOG + path))?.bytes;
      const isThere = bytes !== undefined && bytes.length <= maximum;
      ensure(isThere, 'bad-response', `${path} is missing or too long`);
      return bytes;
    },
  };
}

/** Returns the checkpoint of the copy if this log signed it; `publishLog` refuses anything else. */
async function heldCheckpoint(target: PublishTarget, trust: PublishTrust): Promise<readonly HeldCheckpoint[]> {
  const stored = await target.read(PUBLISHED_CHECKPOINT);
  if (stored === undefined) return [];
  try {
    const vkeys = [...trust.vkeys, ...(trust.previousVkeys ?? [])];
    verifyCheckpoint(stored.bytes, { origin: trust.origin, vkeys });
    return [decodeUtf8(stored.bytes)];
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return [];
  }
}
