import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { ChainLink } from '../../core/keytrans/messages.ts';
import type { VersionRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';

/** A label as the released log has it. */
export interface AskedLabel {
  readonly label: Uint8Array;
  /** VRF output of its version 0: the name of its rows. */
  readonly labelKey: Uint8Array;
  /** Positions of its versions below the released size, by version: none for a label that is absent. */
  readonly positions: readonly number[];
  /** Its greatest version below the released size. */
  readonly greatest: VersionRow | undefined;
}

/** Finds an untrusted label in a log of `size` entries: one round trip. */
export async function askLabel(context: LogContext, label: Uint8Array, size: number): Promise<AskedLabel> {
  const labelKey = await context.vrf.labelKey(label);
  const row = await context.store.readLabelAt(labelKey, size);
  return { label, labelKey, positions: row?.positions ?? [], greatest: row?.greatest };
}

/**
 * What the commitments of versions `first`..`last` of a label open to; all of them exist. At most one round trip. Throws
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

/** What the commitment of a stored version opens to. Throws `erased`. */
export function openVersion({ opening, value }: VersionRow): ChainLink {
  ensure(opening !== undefined && value !== undefined, 'erased', 'the identity was erased');
  return { opening, value: { value, signature: undefined } };
}
