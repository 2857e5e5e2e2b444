import { ensure, isGlasskeyError } from '../../core/errors.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
} from '../../core/keytrans/contact-monitor-messages.ts';
import { verifyContactMonitor } from '../../core/keytrans/verify-contact-monitor.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import { alertsAbout } from '../binding/alerts.ts';
import type { Alert, ClientState, MonitoredVersion, StateChange } from '../state/client-state.ts';
import { monitorOnly } from '../binding/monitored-versions.ts';
import { heldToWhatWasShown } from './held-to.ts';
import { withInterruption } from './interrupted.ts';
import { headTime, type Operation } from './operation.ts';
import { assertMayHaveExpired } from './refute-expiry.ts';

/** The outcome of monitoring a contact. */
export interface ContactMonitored {
  readonly role: 'contact';
  /** Canonical. */
  readonly identity: string;
  readonly treeSize: number;
  /** Versions that the log still shows. */
  readonly checked: readonly MonitoredVersion[];
  /**
   * Versions that remain to be monitored; empty once the log can no longer take back unnoticed what this client saw.
   */
  readonly remaining: readonly MonitoredVersion[];
  /** Unacknowledged alerts from lookups of the contact: keys by the operator, recoveries, unexplained changes. */
  readonly alerts: readonly Alert[];
}

/**
 * Monitors the versions that lookups of a contact left to monitor (KT §8.2). Throws `version-rolled-back` if the log
 * took a version back, no longer shows it, or falsely says that it has expired. Throws `identity-not-found` for an
 * identity that was never looked up, other verification errors, and `network-failed`.
 */
export async function monitorContact(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<StateChange<ContactMonitored>> {
  try {
    return await monitor(operation, state, identity);
  } catch (error) {
    const contact = state.contacts.get(identity.text);
    if (contact === undefined || !isGlasskeyError(error, 'version-expired')) throw error;
    const positions = contact.monitored.map(({ position }) => position);
    const record = { positions, monitoredAtMs: contact.monitoredAtMs };
    const next = await assertMayHaveExpired(operation, state, record, error);
    const contacts = new Map(next.contacts).set(identity.text, { ...contact, monitored: [], ladder: [] });
    return monitor(operation, withInterruption(operation, { ...next, contacts }, identity, contact.version), identity);
  }
}

async function monitor(
  operation: Operation,
  state: ClientState,
  { text, label }: Identity,
): Promise<StateChange<ContactMonitored>> {
  const contact = state.contacts.get(text);
  const alerts = alertsAbout(state, text);
  // A credential leaves alerts about identities that were never looked up.
  const isKnown = contact !== undefined || alerts.length > 0;
  ensure(isKnown, 'identity-not-found', `${text} was never looked up with this state`);
  const { monitored: entries, ladder } = contact ?? { monitored: [], ladder: [] };
  const nowMs = operation.now();
  const common = { role: 'contact', identity: text, checked: entries, alerts } as const;
  if (contact === undefined || entries.length === 0) {
    return { next: state, result: { ...common, treeSize: state.view?.size ?? 0, remaining: [] } };
  }
  const { config } = operation.trust;
  const request = { last: state.view?.size, label, entries };
  const codec = contactMonitorResponseCodec(config);
  const answer = await heldToWhatWasShown(
    operation,
    operation.transport.postKeytrans(PATHS.contactMonitor, [contactMonitorRequestCodec, request], codec),
  );
  const verified = verifyContactMonitor(
    { config, view: state.view, nowMs: headTime(operation) },
    request,
    answer,
    ladder,
  );
  const monitoring = monitorOnly(verified.entries, ladder);
  const contacts = new Map(state.contacts).set(text, { ...contact, ...monitoring, monitoredAtMs: nowMs });
  const next = { ...state, view: verified.view, contacts };
  return { next, result: { ...common, treeSize: verified.view.size, remaining: verified.entries } };
}
