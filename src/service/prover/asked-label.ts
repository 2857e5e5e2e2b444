import { assertWanted } from '../../core/still-wanted.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { ChainLink } from '../../core/keytrans/messages.ts';
import type { LabelAt, VersionRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { absentVersions } from '../log/vrf-memory.ts';

/** A label in the released log. */
export interface AskedLabel {
  readonly label: Uint8Array;
  /** VRF output of version 0: the key of its rows. */
  readonly labelKey: Uint8Array;
  /** Positions of its versions below the released size, by version; empty for an absent label. */
  readonly positions: readonly number[];
  /** Its greatest version below the released size. */
  readonly greatest: VersionRow | undefined;
}

/** Where a label is read, and for how long somebody waits for it. */
export interface LabelSource {
  readonly context: LogContext;
  /** Aborted as soon as nobody waits any more. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds an untrusted label in a log of `size` entries. A name that this process has not met is found by its hash, in
 * one round trip. Only the VRF says that there is none: an absent name, and one whose row keeps no results, takes an
 * evaluation and a second round trip.
 */
export async function askLabel({ context, signal }: LabelSource, label: Uint8Array, size: number): Promise<AskedLabel> {
  const { vrf, vrfMemory, store } = context;
  if (vrf.knownLabelKey(label) === undefined) {
    const found = await store.readHashedLabelAt(vrfMemory.hashOf(label), size);
    if (found !== undefined && learn(context, label, found)) return askedLabel(label, found.label.labelKey, found);
  }
  const labelKey = await vrf.labelKey(label, signal);
  assertWanted(signal);
  const found = await store.readLabelAt(labelKey, size);
  const isKnown = found === undefined || vrf.knows(label, absentVersions(found.greatest.version));
  if (!isKnown && !learn(context, label, found)) vrfMemory.fill(context, label, found.label);
  return askedLabel(label, labelKey, found);
}

/** Learns what the row found for a label says of the VRF. Returns false if it says nothing that counts. */
function learn({ vrf, vrfMemory }: LogContext, label: Uint8Array, found: LabelAt): boolean {
  const results = vrfMemory.open(label, found.label, found.vrfMemory);
  if (results !== undefined) vrf.learn(label, found.label.labelKey, results);
  return results !== undefined;
}

function askedLabel(label: Uint8Array, labelKey: Uint8Array, found: LabelAt | undefined): AskedLabel {
  return { label, labelKey, positions: found?.positions ?? [], greatest: found?.greatest };
}

/**
 * Opens the commitments of a label's versions `first`..`last`, which must exist, in at most one round trip. Throws
 * `erased`, `storage-corrupt`.
 */
export async function openVersions(
  { store }: LogContext,
  { labelKey, greatest }: AskedLabel,
  first: number,
  last: number,
): Promise<readonly ChainLink[]> {
  const isNewest = first === last && first === greatest?.version;
  const rows = isNewest ? [greatest] : await store.readVersions(labelKey, first, last);
  if (rows.length !== last - first + 1) throw new GlasskeyError('storage-corrupt', 'versions of a label are missing');
  return rows.map((row) => openVersion(row));
}

/** Opens the commitment of a stored version. Throws `erased`. */
export function openVersion({ opening, value }: VersionRow): ChainLink {
  ensure(opening !== undefined && value !== undefined, 'erased', 'the identity was erased');
  return { opening, value: { value, signature: undefined } };
}
