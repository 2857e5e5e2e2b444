import type { HeldCheckpoint } from '../../client/audit/assert-continues.ts';
import type { KeepCopy } from '../../client/audit/audit-log.ts';
import type { AuditFiles } from '../../client/audit/audit-files.ts';
import { canonicalBundle } from '../../contract/bundle-signature.ts';
import type { SignedTrustBundle, TrustBundle } from '../../contract/trust-bundle.ts';
import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { publishLog, type PublishTrust } from '../../service/publish/publish-log.ts';
import { PUBLISHED_CHECKPOINT, PUBLISHED_LOG, type PublishTarget } from '../../service/publish/publish-target.ts';
import { publishBundle } from '../publish-bundle.ts';

/** A copy of a log in a folder, of which every checkpoint that readers see was audited. */
export interface Mirror {
  /** For an audit: brings the copy up to what is audited. */
  readonly keepCopy: KeepCopy;
  /** The checkpoint of the copy: the log must continue it, whatever the auditor's own state says. */
  readonly held: readonly HeldCheckpoint[];
}

/** Where the copy comes from and goes to. */
export interface MirrorOptions {
  readonly target: PublishTarget;
  /** The bundle that the server shows. */
  readonly served: SignedTrustBundle;
  /** The bundle that the audit trusts. */
  readonly bundle: TrustBundle;
  readonly now: () => number;
  /** Called now and then with the number of entries that are copied, and that there are. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Prepares the copy for an audit, and publishes the trust bundle in it. The files of the log are written as `glasskey publish`
 * writes them, the checkpoint after everything else and after the audit of the copy itself, so that whoever reads it sees
 * what was verified and nothing else; a run that was interrupted is continued. Throws `bundle-changed` where the server
 * shows another bundle than the audit trusts, `published-differs`, `head-moved`, `storage-failed`.
 */
export async function openMirror(options: MirrorOptions): Promise<Mirror> {
  const { target, served, bundle, now, onProgress } = options;
  const isSame = canonicalBundle(served.bundle) === canonicalBundle(bundle);
  ensure(isSame, 'bundle-changed', 'the trust bundle changed while the audit began: begin again');
  const { trust } = await publishBundle(target, served, undefined);
  return {
    held: await heldCheckpoint(target, trust),
    keepCopy: async (source, inspect) => {
      await publishLog({ source, target, trust, now, onProgress, inspect: () => inspect(copyOf(target)) });
    },
  };
}

/** The files of a copy as a reader gets them. */
function copyOf(target: PublishTarget): AuditFiles {
  return {
    read: async (path, maximum) => {
      const bytes = (await target.read(PUBLISHED_LOG + path))?.bytes;
      const isThere = bytes !== undefined && bytes.length <= maximum;
      ensure(isThere, 'published-differs', `${path} is not in the copy, though it was copied`);
      return bytes;
    },
  };
}

/** What is there already, if this log signed it; anything else is for `publishLog` to refuse. */
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
