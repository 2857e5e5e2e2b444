import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import type { AkdConfiguration } from './akd-configuration.ts';
import { AkdFinding } from './akd-finding.ts';
import type { AkdSource } from './akd-source.ts';
import { type Downloaded, EpochDownloads } from './epoch-downloads.ts';
import type { NamedEpoch } from './object-name.ts';
import { type ProofSize, verifyAppendOnly } from './verify-append-only.ts';

/** The progress of an audit. All of it was verified, from `startRoot` on. */
export interface AkdPosition {
  /** The epoch of the root that the audit rests on: 0 for a log that was audited from its beginning. */
  readonly startEpoch: number;
  /** 32 bytes; of the empty tree, if the log was audited from its beginning. */
  readonly startRoot: Uint8Array;
  /** The last epoch that was verified. */
  readonly endEpoch: number;
  /** Its root, 32 bytes. */
  readonly endRoot: Uint8Array;
  /** The name of the last object; undefined before the first. */
  readonly lastName: string | undefined;
  /** Leaves that were inserted in all epochs together. */
  readonly inserted: number;
}

/** Options of {@link auditEpochs}. */
export interface AkdAuditOptions {
  readonly source: AkdSource;
  readonly configuration: AkdConfiguration;
  readonly namedEpoch: NamedEpoch;
  /** Most nodes of one proof. */
  readonly maxNodes: number;
  /** Where an earlier audit ended; undefined for the first one. */
  readonly position: AkdPosition | undefined;
  /** The epoch that the first proof leads to, 1 at least. Default: the lowest one. Without `position` only. */
  readonly from?: number | undefined;
  /** The root that the first proof must start from. Default: the one of its name. Without `position` only. */
  readonly startRoot?: Uint8Array | undefined;
  /** The last epoch to audit. Default: as far as the log goes. */
  readonly to?: number | undefined;
  /** Waits before an epoch counts as missing: its object may come late, or a cache be old. Default: no wait. */
  readonly pause?: (() => Promise<void>) | undefined;
  /** Runs after each verified epoch, before the next one: stores how far the audit has come. */
  readonly onEpoch: (position: AkdPosition, size: ProofSize) => Promise<void>;
}

/**
 * Audits the epochs of an AKD log. An epoch has exactly one object, and begins at the root of the one before. Returns
 * how far it came; undefined for a log without epochs. Throws {@link AkdFinding}
 *
 * - with `bad-auditor-update` or `malformed-encoding` for a proof that does not hold;
 * - with `bad-audit-entry` for an epoch that is missing or does not follow from the one before;
 * - with `log-forked` for two objects of an epoch, or if the last object of the earlier audit has another name now;
 *
 * and `network-failed`, `bad-response` or `usage` (a bound) where nothing is said about the log.
 */
export async function auditEpochs(options: AkdAuditOptions): Promise<AkdPosition | undefined> {
  const { source, namedEpoch, to = Number.MAX_SAFE_INTEGER } = options;
  let { position } = options;
  if (position !== undefined) await assertStillNamed(options, position);
  const first = position === undefined ? await firstEndEpoch(options) : position.endEpoch + 1;
  if (first === undefined) return undefined;
  const downloads = new EpochDownloads(source, namedEpoch, to);
  try {
    for (let epoch = first; epoch <= to; epoch++) {
      const downloaded = await downloads.take(epoch);
      if (downloaded === undefined) {
        await assertEndsAt(downloads, epoch, options, position);
        return position;
      }
      const [next, size] = verifyEpoch(options, position, downloaded);
      position = next;
      await options.onEpoch(position, size);
    }
    return position;
  } finally {
    downloads.close();
  }
}

async function firstEndEpoch({ source, namedEpoch, from }: AkdAuditOptions): Promise<number | undefined> {
  if (from !== undefined) return from;
  const offset = namedEpoch === 'end' ? 0 : 1;
  // Most logs begin with their first epoch: then nobody has to read the whole listing.
  if ((await source.namesOf(1 - offset)).length > 0) return 1;
  const lowest = await source.firstEpoch();
  return lowest === undefined ? undefined : Math.max(1, lowest + offset);
}

/** A log that shows another name for what was audited has two histories. */
async function assertStillNamed({ source, namedEpoch }: AkdAuditOptions, position: AkdPosition): Promise<void> {
  const { lastName, endEpoch } = position;
  if (lastName === undefined) return;
  const names = await source.namesOf(namedEpoch === 'end' ? endEpoch : endEpoch - 1);
  if (names.length === 1 && names[0] === lastName) return;
  const exhibits = { names: [lastName, ...names], endEpoch, reached: position.endRoot };
  // A user's list that lacks it says nothing. The next proof begins at the root that was reached, or it is refused.
  if (names.length === 0 && source.isPartial === true) return;
  if (names.length === 0) {
    throw new AkdFinding('bad-audit-entry', `epoch ${endEpoch} was audited before, and is gone now`, exhibits);
  }
  throw new AkdFinding('log-forked', `epoch ${endEpoch} was audited before, and has another name now`, exhibits);
}

/** Throws if a later epoch is there: looks once more, since the log may have grown in between. */
async function assertEndsAt(
  downloads: EpochDownloads,
  epoch: number,
  { source, pause }: AkdAuditOptions,
  position: AkdPosition | undefined,
): Promise<void> {
  const later = await downloads.namesAfter(epoch);
  if (later.length === 0 || (await downloads.namesAgain(epoch)).length > 0) return;
  ensure(source.isPartial !== true, 'usage', `the given names lack epoch ${epoch}, and have a later one`);
  await pause?.();
  if ((await downloads.namesAgain(epoch)).length > 0) return;
  const exhibits = { names: later, endEpoch: epoch, reached: position?.endRoot };
  throw new AkdFinding('bad-audit-entry', `epoch ${epoch} is missing, and a later one is there`, exhibits);
}

function verifyEpoch(
  { configuration, maxNodes, startRoot }: AkdAuditOptions,
  position: AkdPosition | undefined,
  { endEpoch, name, previous, current, bytes }: Downloaded,
): readonly [AkdPosition, ProofSize] {
  const reached = position?.endRoot ?? startRoot;
  const exhibits = { names: [name], endEpoch, reached };
  if (reached !== undefined && !equalBytes(previous, reached)) {
    // With the name that ends at the root that was reached, the names alone show the break.
    const names = [...(position?.lastName === undefined ? [] : [position.lastName]), name];
    const words = `epoch ${endEpoch} does not begin where the one before ends`;
    throw new AkdFinding('bad-audit-entry', words, { ...exhibits, names });
  }
  ensure(endEpoch >= 1, 'usage', 'the first epoch that a proof can lead to is 1');
  const start = position ?? { startEpoch: endEpoch - 1, startRoot: previous, inserted: 0 };
  try {
    const size = verifyAppendOnly(configuration, { endEpoch, previous, current }, bytes, maxNodes);
    const { startEpoch, inserted } = start;
    const next = { startEpoch, startRoot: start.startRoot, endEpoch, endRoot: current, lastName: name };
    return [{ ...next, inserted: inserted + size.inserted }, size];
  } catch (error) {
    if (!isGlasskeyError(error) || error.fault === 'usage') throw error;
    const message = `the proof of epoch ${endEpoch} does not hold: ${error.message}`;
    throw new AkdFinding(error.code, message, { ...exhibits, object: bytes }, error);
  }
}
