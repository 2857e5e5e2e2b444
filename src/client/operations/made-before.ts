import type { Identity } from '../../identity/identity.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { CheckedBinding } from '../binding/verify-binding.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { withAlerts } from './lookup.ts';
import type { Operation } from './operation.ts';
import { noteMade } from './owned-versions.ts';
import type { IsMade } from './own-doing.ts';
import { readVersions } from './read-versions.ts';

/** A change that an owner asks for, by what it does to a record. */
export interface AskedChange {
  /** Recognises a version that the owner's key signed. */
  readonly isMade: IsMade;
  /** True for a record in which the change is done. */
  readonly isDone: (record: IdentityRecord) => boolean;
  /** True for a record to which the change can be made. */
  readonly isPossible: (record: IdentityRecord) => boolean;
}

/**
 * Returns the outcome of a change that was made before, such as one whose answer was lost: the newest version is signed
 * by the owner's key, and it alone did what is asked for. The version is then noted as the owner's doing. Returns
 * undefined for any other version.
 */
export async function madeBefore(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  found: CheckedBinding,
  { isMade, isDone, isPossible }: AskedChange,
): Promise<StateChange<VerifiedBinding> | undefined> {
  const { latest } = found;
  if (latest.version === 0 || !isDone(latest.record) || !(await isMade(latest, undefined))) return undefined;
  const before = await recordBefore(operation, identity, found);
  if (before === undefined || !isPossible(before)) return undefined;
  const next = await noteMade(state, identity, found, isMade);
  return { next, result: withAlerts(found, next, identity).binding };
}

async function recordBefore(
  operation: Operation,
  identity: Identity,
  { latest }: CheckedBinding,
): Promise<IdentityRecord | undefined> {
  const { versions } = await readVersions(operation, identity, latest.version - 1, latest);
  return versions?.[0]?.record;
}
