import type { ErrorCode } from '../../core/error-codes.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import type { BindingChange } from './binding.ts';
import type { Alert, ClientState } from '../state/client-state.ts';

/** Codes that a wrong clock alone can cause. They are no misbehaviour. */
export const CLOCK_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'tree-head-too-old',
  'tree-head-too-new',
  'certificate-expired',
  'credential-expired',
]);

/**
 * Merges alerts: at most one of a type for one version of an identity. One that the client's absence does not explain
 * replaces one that it does, so that the excuse hides nothing.
 */
export function mergeAlerts(alerts: readonly Alert[], more: readonly Alert[]): readonly Alert[] {
  const isOutdone = (alert: Alert): boolean =>
    alert.afterAbsence === true && more.some((other) => isOfOne(alert, other) && other.afterAbsence !== true);
  const kept = alerts.filter((alert) => !isOutdone(alert));
  return [...kept, ...more.filter((alert) => !kept.some((known) => isOfOne(known, alert)))];
}

function isOfOne(a: Alert, b: Alert): boolean {
  return a.identity === b.identity && a.type === b.type && a.version === b.version;
}

/** Returns the alerts about an identity (canonical) that the user has not acknowledged. */
export function alertsAbout({ alerts }: ClientState, text: string): readonly Alert[] {
  return alerts.filter(({ identity }) => identity === text);
}

const BY_OPERATOR = 'was made by the operator, not by a key that the identity had';

/** Says how a version came about that no key of the identity made. */
function operatorWords(value: Uint8Array): string {
  const { type } = decodeIdentityRecord(value).authorization;
  if (type !== 'recovery') return BY_OPERATOR;
  return 'calls itself a recovery; the log does not prove that it waited as long as the trust bundle says';
}

/** Says that a version gave the identity to another key, after its wait. */
const BY_RECOVERY =
  'gave the name to another key by a recovery: somebody proved the identity again, without any of its keys. ' +
  'Ask its owner in another way, and then acknowledge it';

/** A change of an identity's keys, found in a verified answer. */
export interface SeenChange {
  readonly identity: Identity;
  readonly change: BindingChange;
  /** The version that was found. */
  readonly version: number;
  /** Its encoded record. */
  readonly value: Uint8Array;
  readonly nowMs: number;
}

/**
 * Returns the alerts about a change of a contact's keys (docs/spec.md#what-a-contact-is-told): one for each version by
 * the `operator`, one for each recovery that took effect, and one for an `unexplained` chain. The client judges the
 * chain once, when it first meets the later version, so the alerts keep the outcome.
 */
export function changeAlerts({ identity: { text }, change, version: latest, value, nowMs }: SeenChange): Alert[] {
  const alert = (type: 'operator' | 'recovery' | 'unexplained', version: number, reason: string): Alert => {
    const shown = version === latest ? value : undefined;
    return { identity: text, type, version, reason, value: shown, seenAtMs: nowMs };
  };
  const alerts = change.links.flatMap(({ type, version, tookEffect }) => {
    if (tookEffect === true) return [alert('recovery', version, `version ${version} ${BY_RECOVERY}`)];
    if (type !== 'operator') return [];
    return [
      alert('operator', version, `version ${version} ${version === latest ? operatorWords(value) : BY_OPERATOR}`),
    ];
  });
  if (change.type !== 'unexplained') return alerts;
  const why = change.reason === undefined ? '' : `: ${change.reason}`;
  return [...alerts, alert('unexplained', latest, `version ${latest} does not follow from what was seen before${why}`)];
}
