import type { VerifiedBinding } from '../../client/binding/binding.ts';
import type { VerifiedVersion } from '../../client/key-directory.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { Unjudged } from '../../identity/first-look.ts';
import type { CredentialFolder } from '../credentials/credentials.ts';
import { EXIT } from '../exit-code.ts';
import { isoTime, printJson, printLines } from './print.ts';
import {
  alertJson,
  alertLines,
  certificateJson,
  evidenceText,
  provenanceJson,
  provenanceText,
} from './record-output.ts';

/** Returns a binding as JSON, with times in ISO 8601. */
export function bindingJson(binding: VerifiedBinding): Record<string, unknown> {
  const { identity, version, change, treeSize, logRoot, monitored } = binding;
  return {
    identity,
    version,
    certificates: binding.certificates.map(certificateJson),
    expired: binding.expired.map(certificateJson),
    change,
    alerts: binding.alerts.map(alertJson),
    ...provenanceJson(binding),
    treeSize,
    logRoot,
    monitored,
    ...pendingJson(binding),
    ...(isErased(binding) ? { erased: true } : {}),
  };
}

/** Returns a pending recovery as JSON. */
function pendingJson({ pending }: VerifiedBinding): Record<string, unknown> {
  if (pending === undefined) return {};
  return { pending: { spkiSha256: formatHex(pending.spkiSha256), evidence: pending.evidence } };
}

/** Returns a pending recovery for people, with what happens next. */
function pendingLines({ pending }: VerifiedBinding): string[] {
  if (pending === undefined) return [];
  const key = formatHex(pending.spkiSha256).slice(0, 16);
  return [
    `RECOVERY PENDING: somebody, ${evidenceText(pending.evidence)}, wants to replace all keys by the key ${key}…`,
    '  Unless a key of its owner vetoes it, it takes effect after the delay of the trust bundle. Next: ask the owner',
  ];
}

/**
 * Returns true if the record says that the authority erased the identity. Only the authority can add a record, and what
 * came before is erased, so nothing else could prove it.
 */
export function isErased({ claimed }: VerifiedBinding): boolean {
  return claimed.type === 'maintenance' && claimed.kind === 'erasure';
}

/** The verdicts on a chain of versions, in words that a person can act on. */
const CHANGES: Readonly<Record<VerifiedBinding['change']['type'], string>> = {
  unchanged: 'nothing changed since you last looked',
  'first-seen': 'first time that you see this identity: compare the key with its owner',
  key: 'changed since you last looked; a key that it had before signed each change',
  maintenance: 'changed since you last looked; the authority renewed or removed certificates and added no key',
  recovery:
    'recovered since you last looked: somebody proved the identity again without any of its keys. Ask the owner',
  operator: 'WARNING: the operator changed keys, not a key that the identity had before. Ask the owner',
  unexplained: 'WARNING: the log does not explain how the identity came to its keys. Ask the owner',
};

/** Returns the verdict on how an identity came to its keys, for people. */
export function changeLine({ type, reason }: VerifiedBinding['change']): string {
  return `${CHANGES[type]}${reason === undefined ? '' : ` (${reason})`}`;
}

/**
 * Returns the findings of a first look, and what it left out, for people. Alerts show versions by operators, and
 * recoveries that took effect.
 */
export function firstLookLines({ firstLook, links }: VerifiedBinding['change']): string[] {
  if (firstLook === undefined) return [];
  const recoveries = links
    .filter(({ type, tookEffect }) => type === 'recovery' && tookEffect !== true)
    .map(({ version }) => `version ${version}`);
  return [
    ...(recoveries.length === 0
      ? []
      : [
          `WARNING: ${recoveries.join(', ')} asked for a recovery: somebody proved the identity again without ` +
            'any of its keys. Ask the owner',
        ]),
    ...unjudgedLines(firstLook.unjudged),
  ];
}

const UNJUDGED: Readonly<Record<Unjudged['why'], string>> = {
  bound: 'a first look goes no further back. Next: `glasskey history` judges every version',
  'not-shown': 'the log does not show what came before, perhaps because it was erased. Ask the owner',
};

function unjudgedLines(unjudged: Unjudged | undefined): string[] {
  if (unjudged === undefined) return [];
  const { last, why } = unjudged;
  return [`NOT CHECKED: who made ${last === 0 ? 'version 0' : `versions 0 to ${last}`}; ${UNJUDGED[why]}`];
}

function absenceOf(binding: VerifiedBinding): string {
  return isErased(binding) ? 'the authority erased the identity' : 'all are revoked or expired';
}

/** Verdicts that tell owners nothing about a change that they have just made. */
const EXPECTED: readonly string[] = ['unchanged', 'first-seen', 'key', 'maintenance'];

/** Returns a binding for people. `next` is what owners do after a change that they made. */
export function bindingLines(binding: VerifiedBinding, next?: string): string[] {
  const certificates = binding.certificates.map(
    (certificate) =>
      `  ${certificate.serial}  key ${certificate.spkiSha256.slice(0, 16)}…  until ${isoTime(certificate.notAfterMs)}`,
  );
  const monitored = binding.monitored.map(
    ({ version, position }) => `version ${version} (logged in entry ${position})`,
  );
  return [
    `${binding.identity}: version ${binding.version}, in the log of ${binding.treeSize} entries`,
    ...(certificates.length > 0 ? certificates : [`  no certificate: ${absenceOf(binding)}`]),
    ...(next !== undefined && EXPECTED.includes(binding.change.type) ? [] : [changeLine(binding.change)]),
    ...firstLookLines(binding.change),
    ...pendingLines(binding),
    ...(binding.version === 0 ? [provenanceText(binding)] : []),
    ...alertLines(binding.alerts),
    ...(next === undefined && monitored.length > 0
      ? [`${monitored.join(', ')}. Next: \`glasskey monitor\` keeps watching it`]
      : []),
    ...(next === undefined ? [] : [`Next: ${next}`]),
  ];
}

/** Returns one version of an identity as JSON. */
export function versionJson(found: VerifiedVersion): Record<string, unknown> {
  const { identity, version, change, treeSize, logRoot, monitored } = found;
  const [certificates, expired] = [found.certificates.map(certificateJson), found.expired.map(certificateJson)];
  return {
    identity,
    version,
    certificates,
    expired,
    change,
    ...provenanceJson(found),
    treeSize,
    logRoot,
    monitored,
    alerts: found.alerts.map(alertJson),
  };
}

/** Returns one version of an identity for people. */
export function versionLines(found: VerifiedVersion): string[] {
  const { identity, version, certificates, expired, change, treeSize, alerts } = found;
  const all = [...certificates, ...expired];
  return [
    `${identity}: version ${version}, in the log of ${treeSize} entries: ${provenanceText(found)}`,
    'A later version may have replaced it. Next: look the identity up without --version',
    ...(change.type === 'unexplained' ? [`WARNING: it does not follow from what came before (${change.reason})`] : []),
    ...firstLookLines(change),
    ...all.map(
      ({ serial, spkiSha256, notAfterMs }) =>
        `  ${serial}  key ${spkiSha256.slice(0, 16)}…  until ${isoTime(notAfterMs)}`,
    ),
    ...alertLines(alerts),
  ];
}

/** The next step of owners after each change of theirs. */
export const MONITOR_OWN = '`glasskey monitor --watch` reports every version of it that you did not make';

/** Prints a binding whose certificate was issued and written to `folder`. */
export function printIssued(
  binding: VerifiedBinding,
  { certificate }: CredentialFolder,
  { json, csr }: { readonly json?: boolean; readonly csr?: string },
): number {
  const next = csr === undefined ? MONITOR_OWN : `\`glasskey monitor --own ${binding.identity}\` if it is yours`;
  if (json === true) printJson(bindingJson(binding));
  else printLines(`certificate written to ${certificate}`, ...bindingLines(binding, next));
  return EXIT.fine;
}
