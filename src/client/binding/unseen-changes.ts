import { ensure } from '../../core/errors.ts';
import type { VerifiedBinding } from './binding.ts';

/**
 * Throws `keys-changed` if a version of a name up to `version` has an alert that the user has not acknowledged: its
 * keys changed without a signature of its owner, or the name is the user's own and a change was made elsewhere. Every
 * such change has an alert, from the lookup that met it on, until `KeyDirectory.acknowledge`.
 */
export function assertNoUnseenChange({ identity, alerts }: VerifiedBinding, version: number): void {
  const alert = alerts.find((one) => one.version <= version);
  const why = `the keys of ${identity} changed: ${alert?.reason}. Next: show it to the user, and acknowledge it`;
  ensure(alert === undefined, 'keys-changed', why);
}

/**
 * Throws as {@link assertNoUnseenChange} does, but lets a recovery pass: it is how an owner who lost every device comes
 * back, and it waited in the open. For programs without a user who could acknowledge it, and for the user's own name.
 */
export function assertNoOperatorsChange(binding: VerifiedBinding, version: number): void {
  const alerts = binding.alerts.filter(({ type }) => type !== 'recovery');
  assertNoUnseenChange({ ...binding, alerts }, version);
}
