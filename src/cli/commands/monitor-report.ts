import { formatPem } from '../../ca/der/pem.ts';
import type { Monitored, OwnerMonitored } from '../../client/key-directory.ts';
import type { Alert } from '../../client/state/client-state.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import { oneLine } from '../output/print.ts';
import { alertJson, alertLines } from '../output/record-output.ts';

/** Returns the result of monitoring one identity as JSON. */
export function monitoredJson(result: Monitored): Record<string, unknown> {
  if (result.role === 'contact') return { ...result, alerts: result.alerts.map(alertJson) };
  const { role, identity, treeSize, verifiedTo, added, alerts, binding } = result;
  return {
    role,
    identity,
    treeSize,
    verifiedTo,
    version: binding.version,
    added: added.map(({ version, origin }) => ({ version, origin })),
    alerts: alerts.map(alertJson),
  };
}

/** Returns the result of monitoring one identity for people. */
export function monitoredLines(result: Monitored): string[] {
  return result.role === 'contact' ? contactLines(result) : ownerLines(result);
}

function contactLines({ identity, checked, alerts }: Extract<Monitored, { readonly role: 'contact' }>): string[] {
  const versions = checked.map(({ version }) => version).join(', ');
  const shown = versions === '' ? 'no version that you saw needs monitoring' : `still in the log: version ${versions}`;
  return [`${identity}: ${shown}`, ...alertLines(alerts).map((line) => `  ${line}`)];
}

function ownerLines(result: OwnerMonitored): string[] {
  const { identity, binding, alerts, added } = result;
  if (alerts.length > 0) {
    const falseVersions = alerts.filter(({ type }) => type === 'unexpected-version').length;
    const what = falseVersions > 0 ? `${falseVersions} version(s) that you did not make` : 'look at this';
    return [`${identity}: WARNING: ${what}; ${coverage(result)}`, ...alerts.flatMap(ownAlertLines)];
  }
  if (added.some(({ origin }) => origin === 'adopted')) return adoptedLines(result);
  return [`${identity}: version ${binding.version}, no version that you neither made nor know of; ${coverage(result)}`];
}

/** Returns how much of the log monitoring has covered. */
function coverage({ verifiedTo, treeSize }: OwnerMonitored): string {
  return verifiedTo === undefined
    ? 'the log is young: it has no distinguished entry yet, where the check of past entries starts'
    : `every version is checked up to log entry ${verifiedTo} of ${treeSize}`;
}

/**
 * Lists the keys of versions that were adopted as the owner's without a check. Clients that lost their state adopt
 * versions too, so a person has to look at the keys.
 */
function adoptedLines({ identity, binding: { version, certificates } }: OwnerMonitored): string[] {
  return [
    `${identity}: adopted as your own at version ${version}, and monitored from now on`,
    '  Next: make sure that each of these keys is yours:',
    ...certificates.map(({ serial, spkiSha256 }) => `  ${serial}  key ${spkiSha256}`),
  ];
}

function ownAlertLines({ identity, version, reason, value }: Alert): string[] {
  const record = value === undefined ? undefined : decodeIdentityRecord(value);
  const certificates = record?.certificates ?? [];
  const veto = `  If that was not you: \`glasskey veto ${identity} --credentials <a key of yours>\``;
  return [
    `  version ${version}: ${oneLine(reason)}`,
    ...(record?.pending === undefined ? [] : [veto]),
    ...certificates.map((der) => formatPem('CERTIFICATE', der).trimEnd()),
  ];
}
